/**
 * From the fields of each class of scheduler to our path, prediction and solver.
 *
 * Where diffusers' schedulers differ from each other in what they do with the same field, the mapping says so in options
 * of levelsFor: Euler and its kin interpolate sigma linearly and space karras levels within the levels of the spacing;
 * DPM-Solver and UniPC space one time more and leave the last out, and feed whole timesteps.
 */
import { ConfigError } from "../../core/errors.ts";
import type { LevelsOptions } from "../levels.ts";
import { pathFrom } from "../path.ts";
import type { Path, PathConfig } from "../path-contract.ts";
import type { PredictionConfig } from "../prediction.ts";
import type { SolverName, SolverOptions } from "../solvers/registry.ts";
import type { LimitOptions } from "../thresholding.ts";
import { type SchedulerClass, type SchedulerValues, shown } from "./fields.ts";

/** A solver by its name, and its options without the number of steps; or the inversion of DDIM (`invert`). */
export type SolverChoice =
  | { [K in SolverName]: { readonly name: K; readonly options: Omit<SolverOptions[K], "steps"> } }[SolverName]
  | {
      readonly name: "ddimInversion";
      readonly options: { readonly spacing: "leading" | "trailing"; readonly stepsOffset: number };
    };

/** What the file does not know. */
export interface SchedulerSituation {
  /** Tokens of an image (latent pixels / patch area), on which files with `use_dynamic_shifting` make the shift depend. */
  tokens?: number;
}

export interface Read {
  readonly path: Path;
  readonly prediction: PredictionConfig;
  readonly solver: SolverChoice;
  /** Fields of this class that say nothing for what was made. */
  readonly unused?: readonly string[];
}

/** sigma / alpha where diffusers puts 2^-24 for an alphaBar of 0. */
const ZERO_SNR_SIGMA = Math.sqrt(2 ** 24 - 1);

function refuse(what: string, instead: string): never {
  throw new ConfigError(`scheduler: ${what} is not offered; ${instead}`);
}

interface BetaValues {
  num_train_timesteps: number;
  beta_start: number;
  beta_end: number;
  beta_schedule: string;
  trained_betas: readonly number[] | null;
  rescale_betas_zero_snr?: boolean | null;
}

function betaPath(values: BetaValues): Path {
  const { num_train_timesteps: timesteps, beta_start: start, beta_end: end, trained_betas } = values;
  const zero = values.rescale_betas_zero_snr ? { zeroTerminalSnr: true } : {};
  const between = { timesteps, start, end, ...zero };
  const config = (): PathConfig => {
    if (trained_betas !== null) return { name: "betas", values: trained_betas, ...zero };
    switch (values.beta_schedule) {
      case "scaled_linear":
        return { name: "scaledLinear", ...between };
      case "squaredcos_cap_v2":
        return { name: "cosine", timesteps, ...zero };
      case "sigmoid":
        return { name: "sigmoid", ...between };
      case "exp": // alphaBar = e^(-12 u): every beta is the same
        return { name: "constant", timesteps, beta: -Math.expm1(-12 / timesteps), ...zero };
      default:
        return { name: "linear", ...between };
    }
  };
  return pathFrom(config());
}

const predictionOf: Readonly<Record<string, PredictionConfig>> = {
  epsilon: "noise",
  sample: "sample",
  v_prediction: "v",
  flow_prediction: "flow",
};

interface ScheduleValues {
  use_karras_sigmas: boolean | null;
  use_exponential_sigmas: boolean | null;
  use_beta_sigmas: boolean | null;
}

/** The schedule of sigma; more than one is a ConfigError, as in diffusers. */
function scheduleOf(values: ScheduleValues): "uniform" | "karras" | "exponential" | "beta" {
  const asked = (["karras", "exponential", "beta"] as const).filter((name) => values[`use_${name}_sigmas`]);
  if (asked.length > 1) {
    throw new ConfigError(
      `scheduler: only one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas may be true, not ${asked.join(" and ")}`,
    );
  }
  return asked[0] ?? "uniform";
}

interface SpacingValues {
  timestep_spacing: "linspace" | "leading" | "trailing";
  steps_offset: number;
}

/** diffusers reads the offset with leading spacing only. */
function spacingOf({ timestep_spacing: spacing, steps_offset }: SpacingValues) {
  return { spacing, stepsOffset: spacing === "leading" ? steps_offset : 0 };
}

interface LimitValues {
  clip_sample?: boolean;
  clip_sample_range?: number;
  thresholding?: boolean;
  dynamic_thresholding_ratio?: number;
  sample_max_value?: number;
}

function limitsOf(values: LimitValues): LimitOptions {
  const { thresholding, dynamic_thresholding_ratio: ratio = 0.995, sample_max_value: max } = values;
  return {
    clip: values.clip_sample && !thresholding ? values.clip_sample_range : false,
    ...(thresholding ? { threshold: { ratio, max } } : {}),
  };
}

type SigmaValues = SpacingValues & Partial<ScheduleValues> & BetaValues;
interface RangeValues {
  sigma_min?: number | null;
  sigma_max?: number | null;
  final_sigmas_type?: "zero" | "sigma_min";
}

/** The levels of Euler and its kin. `rounds`: karras levels feed whole timesteps. */
function sigmaLevels(values: SigmaValues & RangeValues, rounds = false): LevelsOptions {
  const { use_karras_sigmas = false, use_exponential_sigmas = false, use_beta_sigmas = false } = values;
  const schedule = scheduleOf({ use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas });
  const { spacing, stepsOffset } = spacingOf(values);
  const capped = values.rescale_betas_zero_snr && spacing !== "leading" ? ZERO_SNR_SIGMA : undefined;
  const own = {
    spacing,
    stepsOffset,
    interpolation: "linear" as const,
    ...(values.final_sigmas_type === "sigma_min" ? { finalSigma: "sigmaMin" as const } : {}),
  };
  if (schedule === "uniform") return { ...own, ...(capped === undefined ? {} : { sigmaMax: capped }) };
  const sigmaMax = values.sigma_max ?? capped;
  return {
    ...own,
    schedule,
    range: "spacing",
    ...(rounds && schedule === "karras" ? { roundTimes: "nearest" as const } : {}),
    ...(values.sigma_min != null ? { sigmaMin: values.sigma_min } : {}),
    ...(sigmaMax === undefined ? {} : { sigmaMax }),
  };
}

interface FlowValues {
  use_flow_sigmas: boolean | null;
  flow_shift: number;
  use_dynamic_shifting: boolean | null;
  shift_terminal?: number | null;
}

type DpmValues = BetaValues &
  ScheduleValues &
  FlowValues &
  RangeValues & { use_lu_lambdas?: boolean | null; lambda_min_clipped?: number | string; prediction_type: string };

/** Path, prediction and levels of DPM-Solver and UniPC. `roundsCosine`: karras levels of cosine betas, too, are rounded. */
function dpmSetting(values: DpmValues, spacing: SpacingValues, { roundsCosine = true, unipc = false } = {}) {
  const prediction = predictionOf[values.prediction_type];
  const schedule = scheduleOf(values);
  const finalSigma = values.final_sigmas_type === "sigma_min" ? ("sigmaMin" as const) : ("zero" as const);
  if (values.use_dynamic_shifting) refuse("use_dynamic_shifting of this class", "set flow_shift to the shift itself");
  if (values.shift_terminal != null) refuse(shown("shift_terminal", values.shift_terminal), "leave it away");
  if (values.use_flow_sigmas) return { prediction, ...flowSetting(values, schedule, finalSigma, unipc) };
  const path = betaPath(values);
  const clipped = Number(values.lambda_min_clipped ?? -Infinity);
  const { spacing: name, stepsOffset } = spacingOf(spacing);
  if (schedule === "uniform" && !values.use_lu_lambdas) {
    const capped = values.rescale_betas_zero_snr && name !== "leading" && !(clipped > -Infinity);
    const levels: LevelsOptions = {
      spacing: name,
      stepsOffset,
      dropLast: name !== "trailing",
      roundTimes: "nearest",
      finalSigma,
      ...(clipped > -Infinity ? { lambdaMin: clipped } : {}),
      ...(capped ? { sigmaMax: ZERO_SNR_SIGMA } : {}),
    };
    return { path, prediction, levels };
  }
  const [least, most] = [values.sigma_min ?? undefined, values.sigma_max ?? undefined];
  const max = most ?? (values.rescale_betas_zero_snr ? ZERO_SNR_SIGMA : undefined);
  const rounds = schedule === "karras" || schedule === "uniform";
  const nearest = rounds && (roundsCosine || values.beta_schedule !== "squaredcos_cap_v2");
  const levels: LevelsOptions = {
    schedule: schedule === "uniform" ? "exponential" : schedule, // lu: even in log-SNR, as exponential is
    roundTimes: nearest ? "nearest" : "down",
    finalSigma,
    ...(least === undefined ? {} : { sigmaMin: least }),
    ...(max === undefined ? {} : { sigmaMax: max }),
  };
  return { path, prediction, levels };
}

/** The largest sigma / alpha of UniPC on the straight line, where it takes 1e-6 from a sigma of 1. */
const NEARLY_NOISE = (1 - 1e-6) / 1e-6;

/** The straight line, in the levels that DPM-Solver and UniPC space on it; the network is fed whole numbers. */
function flowSetting(
  values: DpmValues,
  schedule: ReturnType<typeof scheduleOf>,
  finalSigma: "zero" | "sigmaMin",
  unipc: boolean,
): { path: Path; levels: LevelsOptions } {
  const timesteps = values.num_train_timesteps;
  const path = straight(timesteps);
  if (finalSigma === "sigmaMin") refuse('use_flow_sigmas with final_sigmas_type "sigma_min"', 'use "zero"');
  const shared = { roundTimes: "down" as const, finalSigma };
  if (schedule === "karras" && unipc) {
    const table = betaPath(values);
    const ratio = (t: number) => table.sigma(t) / table.alpha(t);
    const [least, most] = [values.sigma_min ?? ratio(0), values.sigma_max ?? ratio(timesteps - 1)];
    return { path, levels: { ...shared, schedule, sigmaMin: least, sigmaMax: most } };
  }
  if (schedule !== "uniform") {
    refuse(
      `use_flow_sigmas with use_${schedule}_sigmas`,
      "diffusers' own levels are not on the path there; use one of them",
    );
  }
  const spaced = { ...shared, spacing: "linspace" as const, dropLast: true, shift: values.flow_shift };
  return unipc
    ? { path, levels: { ...spaced, timeMin: 1 / timesteps, sigmaMax: NEARLY_NOISE } }
    : { path, levels: { ...spaced, timeMax: 1 - 1 / timesteps } };
}

function straight(timesteps: number): Path {
  if (timesteps === 1000) return pathFrom({ name: "straightLine" });
  return refuse(shown("num_train_timesteps", timesteps), "flow networks are fed 1000 t here: write 1000");
}

/** midpoint for what belongs to other solvers, as diffusers does. */
const dpmVariantOf = (type: string) => (type === "heun" ? "heun" : "midpoint");

function multistep(
  values: {
    algorithm_type: string;
    solver_order: number;
    solver_type: string;
    lower_order_final: boolean;
    euler_at_final: boolean;
    final_sigmas_type: "zero" | "sigma_min";
  } & LimitValues,
  levels: LevelsOptions,
): SolverChoice {
  const form = values.algorithm_type.endsWith("dpmsolver") ? ("noise" as const) : ("data" as const);
  if (form === "noise" && values.final_sigmas_type === "zero") {
    throw new ConfigError(
      `scheduler: final_sigmas_type "zero" is not for algorithm_type "${values.algorithm_type}"; write "sigma_min"`,
    );
  }
  const options = {
    ...levels,
    ...limitsOf(values),
    form,
    order: values.solver_order as 1 | 2 | 3,
    variant: dpmVariantOf(values.solver_type),
    lowerOrderFinal: values.lower_order_final,
    eulerAtFinal: values.euler_at_final,
  } as const;
  return values.algorithm_type.startsWith("sde")
    ? { name: "dpmppMultistepSde", options: { ...options, eta: 1 } }
    : { name: "dpmppMultistep", options };
}

function edmSetting(values: SchedulerValues<"EDMEulerScheduler"> | SchedulerValues<"EDMDPMSolverMultistepScheduler">) {
  const { sigma_min: sigmaMin, sigma_max: sigmaMax, sigma_data: sigmaData, sigma_schedule: schedule, rho } = values;
  const prediction: PredictionConfig = {
    name: "edm",
    sigmaData,
    ...(values.prediction_type === "v_prediction" ? { negated: true } : {}),
  };
  const levels: LevelsOptions = {
    schedule,
    ...(schedule === "karras" ? { rho } : {}),
    finalSigma: values.final_sigmas_type === "sigma_min" ? "sigmaMin" : "zero",
  };
  return { path: pathFrom({ name: "edm", sigmaMin, sigmaMax }), prediction, levels };
}

/**
 * The levels of the flow schedulers: sigma evenly from 1 to the least of the training grid, which a static shift has moved
 * once already, then shifted (again).
 */
function flowLevels(timesteps: number, gridShift: number, shift: number): LevelsOptions {
  const least = 1 / timesteps;
  return { spacing: "linspace", timeMin: (gridShift * least) / (1 + (gridShift - 1) * least), shift };
}

function dynamicShift(
  values: SchedulerValues<"FlowMatchEulerDiscreteScheduler">,
  { tokens }: SchedulerSituation,
): number {
  const { base_shift, max_shift, base_image_seq_len: few, max_image_seq_len: many, time_shift_type } = values;
  if (base_shift === null || max_shift === null) {
    throw new ConfigError("scheduler: use_dynamic_shifting needs base_shift and max_shift, not null");
  }
  if (tokens === undefined) {
    throw new ConfigError(
      `scheduler: with use_dynamic_shifting the shift depends on the image; give { tokens }, from ${few} (mu ${base_shift}) ` +
        `to ${many} (mu ${max_shift})`,
    );
  }
  if (!(Number.isFinite(tokens) && tokens > 0)) {
    throw new ConfigError(`scheduler: tokens must be a finite number above 0, not ${tokens}`);
  }
  const mu = base_shift + ((tokens - few) * (max_shift - base_shift)) / (many - few);
  return time_shift_type === "exponential" ? Math.exp(mu) : mu;
}

/** sigma / alpha in ln, fed to the network: the continuous timesteps of EulerDiscrete, with v. */
function eulerContinuous(values: SchedulerValues<"EulerDiscreteScheduler">): Read {
  const prediction: PredictionConfig = { name: "edm", sigmaData: 1, negated: true };
  const { schedule = "uniform", sigmaMin, sigmaMax, ...levels } = sigmaLevels(values);
  if (schedule === "uniform" || sigmaMin === undefined || sigmaMax === undefined) {
    const options = { ...levels, schedule, ...(sigmaMin && { sigmaMin }), ...(sigmaMax && { sigmaMax }) };
    return { path: betaPath(values), prediction, solver: { name: "euler", options } };
  }
  // sigma_min and sigma_max reach beyond any table (0.002 and 700 in Stable Video Diffusion): time is sigma itself.
  const options: LevelsOptions = { schedule, ...(levels.finalSigma ? { finalSigma: levels.finalSigma } : {}) };
  return { path: pathFrom({ name: "edm", sigmaMin, sigmaMax }), prediction, solver: { name: "euler", options } };
}

type Reader<K extends SchedulerClass> = (values: SchedulerValues<K>, situation: SchedulerSituation) => Read;

/** A class whose path is of betas, by the solver that it makes. */
function overBetas<V extends BetaValues & { prediction_type: string }>(solver: (values: V) => SolverChoice) {
  return (values: V): Read => ({
    path: betaPath(values),
    prediction: predictionOf[values.prediction_type],
    solver: solver(values),
  });
}

/** What each class is here. */
export const schedulerReaders: { readonly [K in SchedulerClass]: Reader<K> } = {
  DDPMScheduler: overBetas((values) => {
    const variances = {
      fixed_small: "small",
      fixed_small_log: "small",
      fixed_large: "large",
      learned_range: "learned",
    } as const;
    const { variance_type } = values;
    if (variance_type === "learned" || variance_type === "fixed_large_log") {
      refuse(shown("variance_type", variance_type), "fixed_small, fixed_large and learned_range are");
    }
    return { name: "ddpm", options: { ...spacingOf(values), ...limitsOf(values), variance: variances[variance_type] } };
  }),
  DDIMScheduler: overBetas((values) => ({
    name: "ddim",
    options: { ...spacingOf(values), ...limitsOf(values), setAlphaToOne: values.set_alpha_to_one },
  })),
  DDIMInverseScheduler: (values) => ({
    ...overBetas(() => ({
      name: "ddimInversion",
      options: {
        spacing: values.timestep_spacing,
        stepsOffset: values.timestep_spacing === "leading" ? values.steps_offset : 0,
      },
    }))(values),
    // Inversion is from clean images, which are not clipped.
    unused: ["clip_sample", "clip_sample_range", "set_alpha_to_one"],
  }),
  PNDMScheduler: overBetas((values) => ({
    name: "pndm",
    options: {
      ...spacingOf(values),
      warmUp: values.skip_prk_steps ? "heun" : "rungeKutta",
      combine: values.prediction_type === "v_prediction" ? "v" : "noise",
      setAlphaToOne: values.set_alpha_to_one,
    },
  })),
  LMSDiscreteScheduler: overBetas((values) => ({ name: "lms", options: sigmaLevels(values) })),
  EulerDiscreteScheduler(values) {
    const { interpolation_type, timestep_type, prediction_type } = values;
    if (interpolation_type === "log_linear" && scheduleOf(values) === "uniform") {
      refuse(
        'interpolation_type "log_linear"',
        'use_exponential_sigmas has levels even in ln sigma; or write "linear"',
      );
    }
    if (timestep_type === "continuous" && prediction_type === "v_prediction") return eulerContinuous(values);
    const read = overBetas<typeof values>(() => ({ name: "euler", options: sigmaLevels(values) }))(values);
    return { ...read, unused: timestep_type === "continuous" ? ["timestep_type"] : [] }; // as in diffusers
  },
  EulerAncestralDiscreteScheduler: overBetas((values) => ({ name: "eulerAncestral", options: sigmaLevels(values) })),
  HeunDiscreteScheduler: overBetas((values) => ({
    name: "heun",
    options: { ...sigmaLevels(values), ...limitsOf(values) },
  })),
  KDPM2DiscreteScheduler: overBetas((values) => ({ name: "dpm2", options: sigmaLevels(values, true) })),
  KDPM2AncestralDiscreteScheduler: overBetas((values) => ({
    name: "dpm2Ancestral",
    options: sigmaLevels(values, true),
  })),
  DPMSolverSDEScheduler: (values) => ({
    ...overBetas<typeof values>(() => ({ name: "dpmppSde", options: sigmaLevels(values) }))(values),
    unused: ["noise_sampler_seed"], // the seed is an argument of sampling
  }),
  DPMSolverMultistepScheduler(values) {
    const { path, prediction, levels } = dpmSetting(values, values, { roundsCosine: false });
    return { path, prediction, solver: multistep(values, levels), unused: ["variance_type"] };
  },
  DPMSolverSinglestepScheduler(values) {
    const { path, prediction, levels } = dpmSetting(values, { timestep_spacing: "linspace", steps_offset: 0 });
    const form = values.algorithm_type === "dpmsolver" ? "noise" : "data";
    if (form === "noise" && values.final_sigmas_type === "zero") {
      throw new ConfigError(
        'scheduler: final_sigmas_type "zero" is not for algorithm_type "dpmsolver"; write "sigma_min"',
      );
    }
    const options = {
      ...levels,
      ...limitsOf(values),
      form,
      order: values.solver_order as 1 | 2 | 3,
      variant: dpmVariantOf(values.solver_type),
      lowerOrderFinal: values.lower_order_final,
      eta: values.algorithm_type.startsWith("sde") ? 1 : 0,
    } as const;
    return { path, prediction, solver: { name: "dpmppSinglestep", options }, unused: ["variance_type"] };
  },
  UniPCMultistepScheduler(values) {
    const { path, prediction, levels } = dpmSetting(values, values, { unipc: true });
    const options = {
      ...levels,
      ...limitsOf(values),
      form: values.predict_x0 ? "data" : "noise",
      order: values.solver_order as 1 | 2 | 3,
      variant: values.solver_type === "bh1" ? "bh1" : "bh2",
      lowerOrderFinal: values.lower_order_final,
      correctorOff: values.disable_corrector,
    } as const;
    return { path, prediction, solver: { name: "unipc", options } };
  },
  LCMScheduler: (values) => ({
    ...overBetas<typeof values>(() => ({
      name: "lcm",
      options: {
        ...limitsOf(values),
        originalSteps: values.original_inference_steps,
        timestepScaling: values.timestep_scaling,
      },
    }))(values),
    unused: ["timestep_spacing", "steps_offset", "set_alpha_to_one"], // read by nothing in diffusers either
  }),
  FlowMatchEulerDiscreteScheduler(values, situation) {
    const { num_train_timesteps: timesteps, shift, invert_sigmas, shift_terminal } = values;
    if (invert_sigmas) refuse("invert_sigmas true", "leave it away");
    if (shift_terminal) refuse(shown("shift_terminal", shift_terminal), "leave it away");
    const schedule = scheduleOf(values);
    const levels = values.use_dynamic_shifting
      ? flowLevels(timesteps, 1, dynamicShift(values, situation))
      : flowLevels(timesteps, shift, shift);
    const scheduled = schedule === "uniform" ? {} : ({ schedule, range: "spacing", measure: "sigma" } as const);
    const options = { ...levels, ...scheduled, stochastic: values.stochastic_sampling === true };
    return { path: straight(timesteps), prediction: "flow", solver: { name: "flowEuler", options } };
  },
  FlowMatchHeunDiscreteScheduler: ({ num_train_timesteps: timesteps, shift }) => ({
    path: straight(timesteps),
    prediction: "flow",
    solver: { name: "flowHeun", options: flowLevels(timesteps, shift, shift) },
  }),
  EDMEulerScheduler(values) {
    const { levels, ...setting } = edmSetting(values);
    return { ...setting, solver: { name: "euler", options: levels }, unused: ["num_train_timesteps"] };
  },
  EDMDPMSolverMultistepScheduler(values) {
    const { levels, ...setting } = edmSetting(values);
    return { ...setting, solver: multistep(values, levels), unused: ["num_train_timesteps"] };
  },
};
