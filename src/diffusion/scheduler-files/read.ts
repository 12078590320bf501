/**
 * From the fields of each class of scheduler to our path, prediction and solver: one row a class.
 */
import { ConfigError } from "../../core/errors.ts";
import type { LevelsOptions } from "../levels.ts";
import { type Path, pathFrom } from "../path.ts";
import type { PredictionConfig } from "../prediction.ts";
import type { SolverName, SolverOptions } from "../solvers/registry.ts";
import { type SchedulerClass, type SchedulerValues, shown } from "./fields.ts";
import {
  type BetaValues,
  betaPath,
  dpmSetting,
  dynamicShift,
  edmSetting,
  flowLevels,
  type LimitValues,
  limitsOf,
  predictionOf,
  refuse,
  type SchedulerSituation,
  scheduleOf,
  sigmaLevels,
  spacingOf,
  straight,
} from "./settings.ts";

export type { SchedulerSituation } from "./settings.ts";

/** A solver by its name, and its options without the number of steps; or the inversion of DDIM (`invert`). */
export type SolverChoice =
  | { [K in SolverName]: { readonly name: K; readonly options: Omit<SolverOptions[K], "steps"> } }[SolverName]
  | {
      readonly name: "ddimInversion";
      readonly options: { readonly spacing: "leading" | "trailing"; readonly stepsOffset: number };
    };

export interface Read {
  readonly path: Path;
  readonly prediction: PredictionConfig;
  readonly solver: SolverChoice;
  /** Fields of this class that say nothing for what was made. */
  readonly unused?: readonly string[];
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
