/**
 * From a path, a prediction and a solver to the fields of a scheduler of diffusers.
 *
 * The fields are written down and read again: what comes back must visit the same levels, of the same path, with the same
 * prediction and the same other options. What diffusers has no field for is a ConfigError that names it, so that nothing
 * is lost on the way.
 */
import { ConfigError } from "../../core/errors.ts";
import { isDiscreteVp } from "../discrete-vp.ts";
import { type Path, pathFrom } from "../path.ts";
import type { Prediction } from "../prediction.ts";
import { type Config, differences, sameBetas, withDefaults } from "./check.ts";
import type { SchedulerClass } from "./fields.ts";
import type { SolverChoice } from "./read.ts";

/** A file's fields, plain JSON. */
export type SchedulerFile = { readonly _class_name: SchedulerClass } & Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;
/** The version whose fields these are. */
const DIFFUSERS_VERSION = "0.42.1";

function none(what: string): never {
  throw new ConfigError(`diffusers has no scheduler for ${what}`);
}

const predictionTypes: Readonly<Record<string, string>> = {
  noise: "epsilon",
  sample: "sample",
  v: "v_prediction",
  flow: "flow_prediction",
};

function predictionFields(prediction: Prediction): Fields {
  const type = predictionTypes[prediction.name];
  return type === undefined ? none(`networks that predict ${prediction.name}`) : { prediction_type: type };
}

/** The betas of a discrete path. `named`: schedules that the class knows by name. */
function betaFields(path: Path, named: readonly string[] = ["linear", "scaledLinear", "cosine"]): Fields {
  if (!isDiscreteVp(path)) return none(`this solver on the path ${path.name}; it has them for tables of betas`);
  const { zeroTerminalSnr, ...config } = path.toJSON() as { name: string; zeroTerminalSnr?: boolean } & Fields;
  const own: Fields = { num_train_timesteps: path.timesteps, ...(zeroTerminalSnr && { rescale_betas_zero_snr: true }) };
  const { name, start, end } = config as { name: string; start?: number; end?: number };
  const isDefaultCosine = name === "cosine" && sameBetas(path, { name, timesteps: path.timesteps, zeroTerminalSnr });
  if (named.includes(name) && (name !== "cosine" || isDefaultCosine)) {
    const schedules: Fields = { linear: "linear", scaledLinear: "scaled_linear", cosine: "squaredcos_cap_v2" };
    const ends = name === "cosine" ? {} : { beta_start: start, beta_end: end };
    return { ...own, beta_schedule: schedules[name] ?? name, ...ends };
  }
  const table = zeroTerminalSnr ? pathFrom(config) : path; // the betas before they were rescaled
  return isDiscreteVp(table) ? { ...own, trained_betas: Array.from(table.betas) } : none(`the path ${path.name}`);
}

const clipFields = ({ clip }: Config): Fields => ({
  clip_sample: clip !== false && clip !== undefined,
  ...(clip ? { clip_sample_range: clip } : {}),
});

function thresholdFields({ threshold }: Config): Fields {
  if (threshold === undefined) return { thresholding: false };
  const { ratio, max } = threshold;
  if (max === undefined) return none("a threshold without a max; give the largest s");
  return { thresholding: true, dynamic_thresholding_ratio: ratio, sample_max_value: max };
}

const finalFields = ({ finalSigma }: Config): Fields => ({
  final_sigmas_type: finalSigma === "sigmaMin" ? "sigma_min" : "zero",
});
const spacingFields = ({ spacing, stepsOffset }: Config): Fields => ({
  timestep_spacing: spacing,
  steps_offset: stepsOffset,
});

function scheduleFlag(schedule: string | undefined): Fields {
  return schedule === undefined || schedule === "uniform" ? {} : { [`use_${schedule}_sigmas`]: true };
}

const rangeFields = ({ schedule, sigmaMin, sigmaMax }: Config): Fields =>
  schedule === undefined || schedule === "uniform"
    ? {}
    : {
        ...(sigmaMin === undefined ? {} : { sigma_min: sigmaMin }),
        ...(sigmaMax === undefined ? {} : { sigma_max: sigmaMax }),
      };

/** Of Euler and its kin: karras over the whole path is karras within linspace, which has both ends. */
function sigmaFields(config: Config): Fields {
  const { schedule = "uniform", range } = config;
  const whole = schedule !== "uniform" && range === "path";
  return { ...scheduleFlag(schedule), ...spacingFields(config), ...(whole ? { timestep_spacing: "linspace" } : {}) };
}

/** Of DPM-Solver and UniPC. */
function dpmFields(path: Path, config: Config): Fields {
  const { schedule = "uniform", roundTimes, lambdaMin, shift } = config;
  const shared = { ...finalFields(config), ...thresholdFields(config) };
  if (path.name === "straightLine") return { ...shared, use_flow_sigmas: true, flow_shift: shift };
  const isLu = schedule === "exponential" && roundTimes === "nearest";
  return {
    ...shared,
    ...betaFields(path),
    ...(isLu ? { use_lu_lambdas: true } : scheduleFlag(schedule)),
    ...(schedule === "uniform" ? spacingFields(config) : {}),
    ...(lambdaMin === undefined ? {} : { lambda_min_clipped: lambdaMin }),
  };
}

function edmFields(path: Path, prediction: Prediction, config: Config): Fields {
  const preconditioning = prediction.toJSON();
  if (typeof preconditioning === "string" || preconditioning.name !== "edm") {
    return none(`networks on the path edm that predict ${prediction.name}; it has them for edm`);
  }
  const [sigma_min, sigma_max] = path.span;
  const { schedule = "karras", rho } = config;
  return {
    sigma_min,
    sigma_max,
    sigma_data: preconditioning.sigmaData,
    prediction_type: preconditioning.negated ? "v_prediction" : "epsilon",
    sigma_schedule: schedule,
    ...(rho === undefined ? {} : { rho }),
    ...finalFields(config),
  };
}

const multistepFields = (config: Config, sde: boolean): Fields => ({
  solver_order: config.order,
  algorithm_type: `${sde ? "sde-" : ""}dpmsolver${config.form === "noise" ? "" : "++"}`,
  solver_type: config.variant,
  lower_order_final: config.lowerOrderFinal,
  euler_at_final: config.eulerAtFinal,
});

type Writer = (path: Path, prediction: Prediction, config: Config) => SchedulerFile;

/** The schedulers of sigma space. */
const ofSigmas =
  (name: SchedulerClass, more: (config: Config) => Fields = () => ({})): Writer =>
  (path, prediction, config) => ({
    _class_name: name,
    ...betaFields(path),
    ...predictionFields(prediction),
    ...sigmaFields(config),
    ...more(config),
  });

function multistep(sde: boolean): Writer {
  return (path, prediction, config) =>
    path.name === "edm"
      ? {
          _class_name: "EDMDPMSolverMultistepScheduler",
          ...edmFields(path, prediction, config),
          ...thresholdFields(config),
          ...multistepFields(config, sde),
        }
      : {
          _class_name: "DPMSolverMultistepScheduler",
          ...dpmFields(path, config),
          ...predictionFields(prediction),
          ...multistepFields(config, sde),
        };
}

const flowFields = (path: Path, prediction: Prediction): void => {
  if (path.name !== "straightLine" || prediction.name !== "flow") {
    none(`the flow solvers on ${path.name} with ${prediction.name}; it has them for flow on the straightLine`);
  }
};

/** What each solver is in diffusers. */
const writers: { readonly [K in SolverChoice["name"]]?: Writer } = {
  ddpm: (path, prediction, config) => ({
    _class_name: "DDPMScheduler",
    ...betaFields(path, ["linear", "scaledLinear", "cosine", "sigmoid"]),
    ...predictionFields(prediction),
    ...spacingFields(config),
    ...clipFields(config),
    ...thresholdFields(config),
    variance_type: { small: "fixed_small", large: "fixed_large", learned: "learned_range" }[String(config.variance)],
  }),
  ddim: (path, prediction, config) => ({
    _class_name: "DDIMScheduler",
    ...betaFields(path),
    ...predictionFields(prediction),
    ...spacingFields(config),
    ...clipFields(config),
    ...thresholdFields(config),
    set_alpha_to_one: config.setAlphaToOne,
  }),
  ddimInversion: (path, prediction, config) => ({
    _class_name: "DDIMInverseScheduler",
    ...betaFields(path),
    ...predictionFields(prediction),
    ...spacingFields(config),
    clip_sample: false,
  }),
  pndm: (path, prediction, config) => ({
    _class_name: "PNDMScheduler",
    ...betaFields(path),
    ...predictionFields(prediction),
    ...spacingFields(config),
    skip_prk_steps: config.warmUp === "heun",
    set_alpha_to_one: config.setAlphaToOne,
  }),
  lms: ofSigmas("LMSDiscreteScheduler"),
  euler: (path, prediction, config) =>
    path.name === "edm"
      ? { _class_name: "EDMEulerScheduler", ...edmFields(path, prediction, config) }
      : ofSigmas("EulerDiscreteScheduler", (own) => ({ ...rangeFields(own), ...finalFields(own) }))(
          path,
          prediction,
          config,
        ),
  eulerAncestral: ofSigmas("EulerAncestralDiscreteScheduler"),
  heun: ofSigmas("HeunDiscreteScheduler", clipFields),
  dpm2: ofSigmas("KDPM2DiscreteScheduler"),
  dpm2Ancestral: ofSigmas("KDPM2AncestralDiscreteScheduler"),
  dpmppSde: ofSigmas("DPMSolverSDEScheduler"),
  dpmppMultistep: multistep(false),
  dpmppMultistepSde: multistep(true),
  dpmppSinglestep: (path, prediction, config) => {
    const { timestep_spacing: _, steps_offset: __, ...fields } = dpmFields(path, config);
    return {
      _class_name: "DPMSolverSinglestepScheduler",
      ...fields,
      ...predictionFields(prediction),
      solver_order: config.order,
      algorithm_type: config.form === "noise" ? "dpmsolver" : config.eta === 0 ? "dpmsolver++" : "sde-dpmsolver++",
      solver_type: config.variant,
      lower_order_final: config.lowerOrderFinal,
    };
  },
  unipc: (path, prediction, config) => ({
    _class_name: "UniPCMultistepScheduler",
    ...dpmFields(path, config),
    ...rangeFields(config),
    ...predictionFields(prediction),
    solver_order: config.order,
    solver_type: config.variant,
    predict_x0: config.form === "data",
    lower_order_final: config.lowerOrderFinal,
    disable_corrector:
      config.correctorOff === "all"
        ? Array.from({ length: path.timesteps ?? 1000 }, (_, step) => step)
        : config.correctorOff,
  }),
  lcm: (path, prediction, config) => ({
    _class_name: "LCMScheduler",
    ...betaFields(path),
    ...predictionFields(prediction),
    ...clipFields(config),
    ...thresholdFields(config),
    original_inference_steps: config.originalSteps,
    timestep_scaling: config.timestepScaling,
  }),
  flowEuler: (path, prediction, config) => {
    flowFields(path, prediction);
    const { shift, stochastic, schedule } = config;
    const own = { shift, stochastic_sampling: stochastic, ...scheduleFlag(schedule) };
    return { _class_name: "FlowMatchEulerDiscreteScheduler", num_train_timesteps: 1000, ...own };
  },
  flowHeun: (path, prediction, config) => {
    flowFields(path, prediction);
    return { _class_name: "FlowMatchHeunDiscreteScheduler", num_train_timesteps: 1000, shift: config.shift };
  },
};

/**
 * The scheduler file of diffusers for a path, a prediction and a solver, and a check that `read` makes the same of it. A
 * solver, a path or an option that diffusers has no scheduler or field for is a ConfigError.
 */
export function writeScheduler(
  given: { path: Path; prediction: Prediction; solver: SolverChoice },
  read: (file: SchedulerFile) => { path: Path; prediction: Prediction; solver: SolverChoice },
): SchedulerFile {
  const { path, prediction, solver } = given;
  const writer = writers[solver.name];
  if (writer === undefined) {
    return none(`the solver ${solver.name}; it has them for ${Object.keys(writers).join(", ")}`);
  }
  const { _class_name, ...fields } = writer(path, prediction, withDefaults(solver));
  const file: SchedulerFile = { _class_name, _diffusers_version: DIFFUSERS_VERSION, ...fields };
  const lost = differences(given, read(file));
  if (lost.length > 0) {
    throw new ConfigError(
      `diffusers' ${_class_name} cannot hold these options of ${solver.name}. It would have ${lost.join("; ")}`,
    );
  }
  return JSON.parse(JSON.stringify(file));
}
