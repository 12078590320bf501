/**
 * The fields of diffusers' scheduler files, class by class, with the defaults that diffusers 0.42 takes for those that are
 * absent. The defaults are held against its constructors by scheduler-config.test.ts.
 */
import { choice, type Field, flag, integer, real, show, type Values, withDefault } from "../options.ts";

/** A field that may be null, which is its default. */
function orNull<T>(field: Field<T>): Field<T | null> {
  return {
    expected: `${field.expected}, or null`,
    accepts: (value) => value === null || field.accepts(value),
    fallback: null,
  };
}

/** false by default; null is false. */
const off: Field<boolean | null> = withDefault(orNull(flag()), false);
const on = withDefault(flag(), true);
const positive = real(0, Infinity, true);
const count = withDefault(integer(1, 1_000_000), 1000);
const beta = real(0, 1, true);

function listOf<T>(expected: string, accepts: (value: unknown) => boolean): Field<readonly T[]> {
  return { expected, accepts: (value) => Array.isArray(value) && value.every(accepts) };
}
const numbers = listOf<number>("a list of numbers", (value) => Number.isFinite(value));

const ofBetas = (beta_start: number, beta_end: number) => ({
  num_train_timesteps: count,
  beta_start: withDefault(beta, beta_start),
  beta_end: withDefault(beta, beta_end),
  beta_schedule: withDefault(choice("linear", "scaled_linear", "squaredcos_cap_v2"), "linear"),
  trained_betas: orNull(numbers),
});
const ddpmBetas = ofBetas(0.0001, 0.02);
const stableBetas = ofBetas(0.00085, 0.012);

const predicted = { prediction_type: withDefault(choice("epsilon", "sample", "v_prediction"), "epsilon") };
const predictedOrFlow = {
  prediction_type: withDefault(choice("epsilon", "sample", "v_prediction", "flow_prediction"), "epsilon"),
};
const spaced = (fallback: "leading" | "linspace") => ({
  timestep_spacing: withDefault(choice("linspace", "leading", "trailing"), fallback),
  steps_offset: withDefault(integer(0), 0),
});
const clipping = (clips: boolean) => ({
  clip_sample: withDefault(flag(), clips),
  clip_sample_range: withDefault(positive, 1),
});
const thresholding = {
  thresholding: withDefault(flag(), false),
  dynamic_thresholding_ratio: withDefault(real(0, 1), 0.995),
  sample_max_value: withDefault(positive, 1),
};
const schedules = { use_karras_sigmas: off, use_exponential_sigmas: off, use_beta_sigmas: off };
const rescaled = { rescale_betas_zero_snr: off };
const endOf = { final_sigmas_type: withDefault(choice("zero", "sigma_min"), "zero") };
const range = { sigma_min: orNull(positive), sigma_max: orNull(positive) };

/** From another solver's file: diffusers takes its default for what belongs to the other solver. */
const dpmVariant = withDefault(choice("midpoint", "heun", "logrho", "bh1", "bh2"), "midpoint");
const negative: Field<number | string> = {
  expected: "a number, or -Infinity",
  accepts: (value) => (typeof value === "number" && !Number.isNaN(value)) || value === "-Infinity",
};
const order = withDefault(integer(1, 3), 2);
const flow = {
  use_flow_sigmas: off,
  flow_shift: withDefault(positive, 1),
  use_dynamic_shifting: off,
  time_shift_type: withDefault(choice("exponential"), "exponential"),
};
const variance = { variance_type: orNull(choice("learned", "learned_range")) };

const karrasNetwork = {
  sigma_min: withDefault(positive, 0.002),
  sigma_max: withDefault(positive, 80),
  sigma_data: withDefault(positive, 0.5),
  sigma_schedule: withDefault(choice("karras", "exponential"), "karras"),
  num_train_timesteps: count,
  prediction_type: withDefault(choice("epsilon", "v_prediction"), "epsilon"),
  rho: withDefault(positive, 7),
  ...endOf,
};

const nothing: Field<null> = { expected: "null", accepts: (value) => value === null, fallback: null };

/** Every class that loads, with its fields. */
export const schedulerFields = {
  DDPMScheduler: {
    ...ddpmBetas,
    beta_schedule: withDefault(choice("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"), "linear"),
    variance_type: withDefault(
      choice("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"),
      "fixed_small",
    ),
    ...clipping(true),
    ...predicted,
    ...thresholding,
    ...spaced("leading"),
    ...rescaled,
  },
  DDIMScheduler: {
    ...ddpmBetas,
    ...clipping(true),
    set_alpha_to_one: on,
    ...predicted,
    ...thresholding,
    ...spaced("leading"),
    ...rescaled,
  },
  DDIMInverseScheduler: {
    ...ddpmBetas,
    ...clipping(true),
    set_alpha_to_one: on,
    ...predicted,
    ...spaced("leading"),
    timestep_spacing: withDefault(choice("leading", "trailing"), "leading"),
    ...rescaled,
  },
  PNDMScheduler: {
    ...ddpmBetas,
    skip_prk_steps: withDefault(flag(), false),
    set_alpha_to_one: withDefault(flag(), false),
    prediction_type: withDefault(choice("epsilon", "v_prediction"), "epsilon"),
    ...spaced("leading"),
  },
  LMSDiscreteScheduler: { ...ddpmBetas, ...schedules, ...predicted, ...spaced("linspace") },
  EulerDiscreteScheduler: {
    ...ddpmBetas,
    ...predicted,
    interpolation_type: withDefault(choice("linear", "log_linear"), "linear"),
    ...schedules,
    ...range,
    ...spaced("linspace"),
    timestep_type: withDefault(choice("discrete", "continuous"), "discrete"),
    ...rescaled,
    ...endOf,
  },
  EulerAncestralDiscreteScheduler: { ...ddpmBetas, ...predicted, ...spaced("linspace"), ...rescaled },
  HeunDiscreteScheduler: {
    ...stableBetas,
    beta_schedule: withDefault(choice("linear", "scaled_linear", "squaredcos_cap_v2", "exp"), "linear"),
    ...predicted,
    ...schedules,
    ...clipping(false),
    ...spaced("linspace"),
  },
  KDPM2DiscreteScheduler: { ...stableBetas, ...schedules, ...predicted, ...spaced("linspace") },
  KDPM2AncestralDiscreteScheduler: { ...stableBetas, ...schedules, ...predicted, ...spaced("linspace") },
  DPMSolverSDEScheduler: {
    ...stableBetas,
    ...predicted,
    ...schedules,
    noise_sampler_seed: orNull(integer(0)),
    ...spaced("linspace"),
  },
  DPMSolverMultistepScheduler: {
    ...ddpmBetas,
    solver_order: order,
    ...predictedOrFlow,
    ...thresholding,
    algorithm_type: withDefault(
      choice("dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis"),
      "dpmsolver++",
    ),
    solver_type: dpmVariant,
    lower_order_final: on,
    euler_at_final: withDefault(flag(), false),
    ...schedules,
    use_lu_lambdas: off,
    ...flow,
    ...endOf,
    lambda_min_clipped: withDefault(negative, -Infinity),
    ...variance,
    ...spaced("linspace"),
    ...rescaled,
  },
  DPMSolverSinglestepScheduler: {
    ...ddpmBetas,
    solver_order: order,
    ...predictedOrFlow,
    ...thresholding,
    algorithm_type: withDefault(choice("dpmsolver", "dpmsolver++", "sde-dpmsolver++", "deis"), "dpmsolver++"),
    solver_type: dpmVariant,
    lower_order_final: withDefault(flag(), false),
    ...schedules,
    ...flow,
    ...endOf,
    lambda_min_clipped: withDefault(negative, -Infinity),
    ...variance,
  },
  UniPCMultistepScheduler: {
    ...ddpmBetas,
    solver_order: order,
    ...predictedOrFlow,
    ...thresholding,
    predict_x0: on,
    solver_type: withDefault(choice("bh1", "bh2", "midpoint", "heun", "logrho"), "bh2"),
    lower_order_final: on,
    disable_corrector: withDefault(
      listOf<number>("a list of steps", (value) => Number.isInteger(value)),
      [] as readonly number[],
    ),
    solver_p: nothing,
    ...schedules,
    ...flow,
    time_shift_type: withDefault(choice("exponential", "linear"), "exponential"),
    ...spaced("linspace"),
    ...endOf,
    ...rescaled,
    ...range,
    shift_terminal: orNull(positive),
  },
  LCMScheduler: {
    ...stableBetas,
    beta_schedule: withDefault(choice("linear", "scaled_linear", "squaredcos_cap_v2"), "scaled_linear"),
    original_inference_steps: withDefault(integer(1), 50),
    ...clipping(false),
    set_alpha_to_one: on,
    ...predicted,
    ...thresholding,
    ...spaced("leading"),
    timestep_scaling: withDefault(positive, 10),
    ...rescaled,
  },
  FlowMatchEulerDiscreteScheduler: {
    num_train_timesteps: count,
    shift: withDefault(positive, 1),
    use_dynamic_shifting: off,
    base_shift: withDefault(orNull(real()), 0.5),
    max_shift: withDefault(orNull(real()), 1.15),
    base_image_seq_len: withDefault(integer(1), 256),
    max_image_seq_len: withDefault(integer(1), 4096),
    invert_sigmas: off,
    shift_terminal: orNull(real()),
    ...schedules,
    time_shift_type: withDefault(choice("exponential", "linear"), "exponential"),
    stochastic_sampling: off,
  },
  FlowMatchHeunDiscreteScheduler: { num_train_timesteps: count, shift: withDefault(positive, 1) },
  EDMEulerScheduler: karrasNetwork,
  EDMDPMSolverMultistepScheduler: {
    ...karrasNetwork,
    solver_order: order,
    ...thresholding,
    algorithm_type: withDefault(choice("dpmsolver++", "sde-dpmsolver++", "deis"), "dpmsolver++"),
    solver_type: dpmVariant,
    lower_order_final: on,
    euler_at_final: withDefault(flag(), false),
  },
} as const;

export type SchedulerClass = keyof typeof schedulerFields;
/** The fields of a class, all of them given. */
export type SchedulerValues<K extends SchedulerClass> = Values<(typeof schedulerFields)[K]>;

/** What diffusers writes for itself. */
export const bookkeeping: readonly string[] = [
  "_class_name",
  "_diffusers_version",
  "_use_default_values",
  "_name_or_path",
  "_commit_hash",
];

/**
 * Fields of one class that files of another hold: diffusers leaves them in when it makes one scheduler of another, and does
 * not read them. `tensor_format` and `predict_epsilon` true are of old files.
 */
export function isOfAnotherClass(name: string, value: unknown): boolean {
  if (name === "tensor_format" || (name === "predict_epsilon" && value === true)) return true;
  return Object.values(schedulerFields).some((fields) => Object.hasOwn(fields, name));
}

/** A value as an error message shows it, with its field. */
export function shown(name: string, value: unknown): string {
  return `${name} ${show(value)}`;
}
