/**
 * What the fields of diffusers' schedulers say, by what they are about: the betas, the schedule and the spacing, the limits
 * of x0hat, the levels.
 *
 * Where the schedulers differ from each other in what they do with the same field, this says so in options of levelsFor:
 * Euler and its kin interpolate sigma linearly and space karras levels within the levels of the spacing; DPM-Solver and
 * UniPC space one time more and leave the last out, and feed whole timesteps.
 */
import { ConfigError } from "../../core/errors.ts";
import type { LevelsOptions } from "../levels.ts";
import { type Path, type PathConfig, pathFrom } from "../path.ts";
import type { PredictionConfig } from "../prediction.ts";
import type { LimitOptions } from "../thresholding.ts";
import { type SchedulerValues, shown } from "./fields.ts";

/** What the file does not know. */
export interface SchedulerSituation {
  /** Tokens of an image (latent pixels / patch area), on which files with `use_dynamic_shifting` make the shift depend. */
  tokens?: number;
}

/** sigma / alpha where diffusers puts 2^-24 for an alphaBar of 0. */
const ZERO_SNR_SIGMA = Math.sqrt(2 ** 24 - 1);

export function refuse(what: string, instead: string): never {
  throw new ConfigError(`scheduler: ${what} is not offered; ${instead}`);
}

export interface BetaValues {
  num_train_timesteps: number;
  beta_start: number;
  beta_end: number;
  beta_schedule: string;
  trained_betas: readonly number[] | null;
  rescale_betas_zero_snr?: boolean | null;
}

export function betaPath(values: BetaValues): Path {
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

export const predictionOf: Readonly<Record<string, PredictionConfig>> = {
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
export function scheduleOf(values: ScheduleValues): "uniform" | "karras" | "exponential" | "beta" {
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
export function spacingOf({ timestep_spacing: spacing, steps_offset }: SpacingValues) {
  return { spacing, stepsOffset: spacing === "leading" ? steps_offset : 0 };
}

export interface LimitValues {
  clip_sample?: boolean;
  clip_sample_range?: number;
  thresholding?: boolean;
  dynamic_thresholding_ratio?: number;
  sample_max_value?: number;
}

export function limitsOf(values: LimitValues): LimitOptions {
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
export function sigmaLevels(values: SigmaValues & RangeValues, rounds = false): LevelsOptions {
  const { use_karras_sigmas = false, use_exponential_sigmas = false, use_beta_sigmas = false } = values;
  const schedule = scheduleOf({ use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas });
  const { spacing, stepsOffset } = spacingOf(values);
  const capped = values.rescale_betas_zero_snr && spacing !== "leading" ? ZERO_SNR_SIGMA : undefined;
  const own = {
    spacing,
    stepsOffset,
    interpolation: "linear" as const,
    ...(spacing === "leading" ? {} : { startNoise: "sigma" as const }),
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
export function dpmSetting(values: DpmValues, spacing: SpacingValues, { roundsCosine = true, unipc = false } = {}) {
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

export function straight(timesteps: number): Path {
  if (timesteps === 1000) return pathFrom({ name: "straightLine" });
  return refuse(shown("num_train_timesteps", timesteps), "flow networks are fed 1000 t here: write 1000");
}

export function edmSetting(
  values: SchedulerValues<"EDMEulerScheduler"> | SchedulerValues<"EDMDPMSolverMultistepScheduler">,
) {
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
export function flowLevels(timesteps: number, gridShift: number, shift: number): LevelsOptions {
  const least = 1 / timesteps;
  return { spacing: "linspace", timeMin: (gridShift * least) / (1 + (gridShift - 1) * least), shift };
}

export function dynamicShift(
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
