import { describe, expect, it } from "vitest";
import { ConfigError, FileFormatError } from "../core/errors.ts";
import { linear, scaledLinear } from "./betas.ts";
import { vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { levelsFor, levelsOptions, ratioOf } from "./levels.ts";
import { pathFrom } from "./path.ts";
import { parseSchedulerConfig, schedulerConfigOf, schedulerFrom, schedulerSolver } from "./scheduler-config.ts";
import { type SchedulerClass, schedulerFields } from "./scheduler-files/fields.ts";
import { straightLine } from "./straight-line.ts";

/** The levels of a file, with so many steps. */
function levelsOf(file: unknown, steps: number, situation = {}) {
  const scheduler = schedulerFrom(file, situation);
  return levelsFor(scheduler.path, { ...levelsOptions(scheduler.solver.options as object), steps });
}

describe("schedulerFrom", () => {
  const classes: [SchedulerClass, string, string, string][] = [
    ["DDPMScheduler", "ddpm", "linear", "noise"],
    ["DDIMScheduler", "ddim", "linear", "noise"],
    ["DDIMInverseScheduler", "ddimInversion", "linear", "noise"],
    ["PNDMScheduler", "pndm", "linear", "noise"],
    ["LMSDiscreteScheduler", "lms", "linear", "noise"],
    ["EulerDiscreteScheduler", "euler", "linear", "noise"],
    ["EulerAncestralDiscreteScheduler", "eulerAncestral", "linear", "noise"],
    ["HeunDiscreteScheduler", "heun", "linear", "noise"],
    ["KDPM2DiscreteScheduler", "dpm2", "linear", "noise"],
    ["KDPM2AncestralDiscreteScheduler", "dpm2Ancestral", "linear", "noise"],
    ["DPMSolverMultistepScheduler", "dpmppMultistep", "linear", "noise"],
    ["DPMSolverSinglestepScheduler", "dpmppSinglestep", "linear", "noise"],
    ["DPMSolverSDEScheduler", "dpmppSde", "linear", "noise"],
    ["UniPCMultistepScheduler", "unipc", "linear", "noise"],
    ["LCMScheduler", "lcm", "scaledLinear", "noise"],
    ["FlowMatchEulerDiscreteScheduler", "flowEuler", "straightLine", "flow"],
    ["FlowMatchHeunDiscreteScheduler", "flowHeun", "straightLine", "flow"],
    ["EDMEulerScheduler", "euler", "edm", "edm"],
    ["EDMDPMSolverMultistepScheduler", "dpmppMultistep", "edm", "edm"],
  ];
  it.each(classes)("%s is %s on %s of %s", (className, solver, path, prediction) => {
    const read = schedulerFrom({ _class_name: className, _diffusers_version: "0.42.1" });
    expect([read.className, read.solver.name, read.path.name, read.prediction.name]).toEqual([
      className,
      solver,
      path,
      prediction,
    ]);
    expect(read.ignored).toEqual([]);
    if (read.solver.name !== "ddimInversion") expect(schedulerSolver(read, 7).config).toMatchObject({ steps: 7 });
  });

  it("knows every class that it has fields of", () => {
    expect(classes.map(([name]) => name).sort()).toEqual(Object.keys(schedulerFields).sort());
  });

  it("takes the betas of the class where the file has none", () => {
    // HeunDiscreteScheduler: 0.00085 to 0.012; EulerDiscreteScheduler: 0.0001 to 0.02
    const ends = (name: string) => schedulerFrom({ _class_name: name }).path.toJSON();
    expect(ends("HeunDiscreteScheduler")).toMatchObject({ start: 0.00085, end: 0.012 });
    expect(ends("EulerDiscreteScheduler")).toMatchObject({ start: 0.0001, end: 0.02 });
  });

  it("reads Stable Diffusion 1.5's PNDM", () => {
    const { path, solver, ignored } = schedulerFrom({
      _class_name: "PNDMScheduler",
      _diffusers_version: "0.6.0",
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      num_train_timesteps: 1000,
      set_alpha_to_one: false,
      skip_prk_steps: true,
      steps_offset: 1,
      trained_betas: null,
      clip_sample: false,
    });
    expect(path.toJSON()).toEqual(vp(scaledLinear()).toJSON());
    expect(solver).toEqual({
      name: "pndm",
      options: { spacing: "leading", stepsOffset: 1, warmUp: "heun", combine: "noise", setAlphaToOne: false },
    });
    expect(ignored).toEqual(["clip_sample"]); // a field of DDIM, which PNDM does not have
  });

  it("reads Stable Diffusion XL's Euler", () => {
    const { solver, ignored } = schedulerFrom({
      _class_name: "EulerDiscreteScheduler",
      _diffusers_version: "0.19.0.dev0",
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      clip_sample: false,
      interpolation_type: "linear",
      num_train_timesteps: 1000,
      prediction_type: "epsilon",
      sample_max_value: 1.0,
      set_alpha_to_one: false,
      skip_prk_steps: true,
      steps_offset: 1,
      timestep_spacing: "leading",
      trained_betas: null,
      use_karras_sigmas: false,
    });
    expect(solver).toEqual({ name: "euler", options: { spacing: "leading", stepsOffset: 1, interpolation: "linear" } });
    expect(ignored).toEqual(["clip_sample", "sample_max_value", "set_alpha_to_one", "skip_prk_steps"]);
  });

  it("reads Stable Video Diffusion's Euler: v over ln sigma, beyond any table of betas", () => {
    const { path, prediction, solver } = schedulerFrom({
      _class_name: "EulerDiscreteScheduler",
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      interpolation_type: "linear",
      num_train_timesteps: 1000,
      prediction_type: "v_prediction",
      sigma_max: 700.0,
      sigma_min: 0.002,
      steps_offset: 1,
      timestep_spacing: "leading",
      timestep_type: "continuous",
      use_karras_sigmas: true,
    });
    expect(path.toJSON()).toEqual({ name: "edm", sigmaMin: 0.002, sigmaMax: 700 });
    expect(solver).toEqual({ name: "euler", options: { schedule: "karras" } });
    // x0 = x / (s² + 1) - s / sqrt(s² + 1) v, of an input x / sqrt(s² + 1) and a time ln(s) / 4
    const level = path.at(3);
    expect(prediction.inputScale!(level)).toBeCloseTo(1 / Math.sqrt(10), 12);
    expect(prediction.networkTime!(level)).toBeCloseTo(Math.log(3) / 4, 12);
    const [x0, eps] = [0.7, -0.4];
    const v = prediction.targetSample(level) * x0 + prediction.targetNoise(level) * eps;
    expect((x0 + 3 * eps) / 10 - (3 / Math.sqrt(10)) * v).toBeCloseTo(x0, 12);
  });

  it("shifts the flow twice, as diffusers does, when the shift is static", () => {
    const shifted = levelsOf({ _class_name: "FlowMatchEulerDiscreteScheduler", shift: 3 }, 10);
    expect(shifted[0].sigma).toBe(1);
    // 3 (3 / 1002) / (1 + 2 (3 / 1002)), not 3 / 1002
    expect(shifted[9].sigma).toBeCloseTo(0.0089286, 7);
    expect(shifted[10]).toMatchObject({ alpha: 1, sigma: 0 });
  });

  it("makes a dynamic shift of the tokens of an image", () => {
    // Flux: mu from 0.5 at 256 tokens to 1.15 at 4096; sigma' = e^mu / (e^mu + 1 / sigma - 1)
    const flux = { _class_name: "FlowMatchEulerDiscreteScheduler", use_dynamic_shifting: true, shift: 3 };
    for (const [tokens, mu] of [
      [256, 0.5],
      [4096, 1.15],
      [2176, 0.825],
    ]) {
      const [, second] = levelsOf(flux, 3, { tokens });
      const sigma = (1 + 0.001) / 2;
      expect(second.sigma, String(tokens)).toBeCloseTo(Math.exp(mu) / (Math.exp(mu) + 1 / sigma - 1), 10);
    }
    expect(() => schedulerFrom(flux)).toThrow("give { tokens }, from 256 (mu 0.5) to 4096 (mu 1.15)");
  });

  it("puts a finite noise for zero terminal SNR, where the solver needs one", () => {
    const zero = { rescale_betas_zero_snr: true, prediction_type: "v_prediction", timestep_spacing: "trailing" };
    for (const name of ["EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "UniPCMultistep"]) {
      const [first] = levelsOf({ _class_name: `${name}Scheduler`, ...zero }, 10);
      expect(ratioOf(first), name).toBeCloseTo(Math.sqrt(2 ** 24 - 1), 6);
    }
    const { path } = schedulerFrom({ _class_name: "DDIMScheduler", ...zero });
    expect(path.alpha(999)).toBe(0);
  });

  it("starts from sigma or from the marginal, as init_noise_sigma says", () => {
    const noiseOf = (timestep_spacing: string) =>
      schedulerFrom({ _class_name: "EulerDiscreteScheduler", timestep_spacing }).solver.options;
    expect(noiseOf("trailing")).toMatchObject({ startNoise: "sigma" });
    expect(noiseOf("linspace")).toMatchObject({ startNoise: "sigma" });
    expect(noiseOf("leading")).not.toHaveProperty("startNoise");
  });

  it("says what does nothing here", () => {
    const read = schedulerFrom({
      _class_name: "DPMSolverSDEScheduler",
      noise_sampler_seed: 3,
      _use_default_values: ["beta_end"],
    });
    expect(read.ignored).toEqual(["noise_sampler_seed"]);
  });
});

describe("schedulerFrom refuses", () => {
  const cases: [string, unknown, string][] = [
    ["what is no object", [1], 'must be an object such as { "_class_name"'],
    ["a file without a class", { num_train_timesteps: 5 }, "_class_name is missing; it must be one of DDPMScheduler"],
    ["an unknown class", { _class_name: "DDIMSheduler" }, "Did you mean DDIMScheduler"],
    ["a class that is a number", { _class_name: 3 }, "not 3"],
    ["an inherited name", { _class_name: "toString" }, "unknown scheduler"],
    [
      "an unknown field",
      { _class_name: "DDIMScheduler", beta_strat: 0.1 },
      'DDIMScheduler: unknown field "beta_strat". Did you mean beta_start',
    ],
    ["an unknown private field", { _class_name: "DDIMScheduler", _diffuser: 1 }, 'unknown field "_diffuser"'],
    [
      "a value of another type",
      { _class_name: "DDIMScheduler", clip_sample: "yes" },
      "clip_sample must be true or false",
    ],
    [
      "an unknown schedule",
      { _class_name: "DDIMScheduler", beta_schedule: "cosine" },
      '"squaredcos_cap_v2", not "cosine"',
    ],
    [
      "an unknown prediction",
      { _class_name: "PNDMScheduler", prediction_type: "sample" },
      '"epsilon" or "v_prediction"',
    ],
    ["betas that fall", { _class_name: "DDIMScheduler", trained_betas: [0.2, 0.1] }, "must rise"],
    [
      "two schedules",
      { _class_name: "LMSDiscreteScheduler", use_karras_sigmas: true, use_beta_sigmas: true },
      "only one of use_karras_sigmas",
    ],
    ["an old prediction", { _class_name: "DDPMScheduler", predict_epsilon: false }, 'unknown field "predict_epsilon"'],
    [
      "DPM-Solver into the data",
      { _class_name: "DPMSolverMultistepScheduler", algorithm_type: "dpmsolver" },
      '"sigma_min"',
    ],
    ["order 4", { _class_name: "UniPCMultistepScheduler", solver_order: 4 }, "an integer from 1 to 3, not 4"],
    [
      "variances that are learned freely",
      { _class_name: "DDPMScheduler", variance_type: "learned" },
      "learned_range are",
    ],
    [
      "log-linear levels",
      { _class_name: "EulerDiscreteScheduler", interpolation_type: "log_linear" },
      "use_exponential_sigmas",
    ],
    [
      "a terminal shift",
      { _class_name: "FlowMatchEulerDiscreteScheduler", shift_terminal: 0.1 },
      "shift_terminal 0.1 is not offered",
    ],
    [
      "another clock of flow",
      { _class_name: "FlowMatchHeunDiscreteScheduler", num_train_timesteps: 500 },
      "write 1000",
    ],
    ["an empty interval", { _class_name: "EDMEulerScheduler", sigma_min: 2, sigma_max: 1 }, "sigmaMin"],
  ];
  it.each(cases)("%s", (_, json, message) => {
    expect(() => schedulerFrom(json)).toThrow(ConfigError);
    expect(() => schedulerFrom(json)).toThrow(message);
  });

  it("to make a solver of an inversion", () => {
    const scheduler = schedulerFrom({ _class_name: "DDIMInverseScheduler" });
    expect(() => schedulerSolver(scheduler, 5)).toThrow("call invert");
  });
});

describe("schedulerConfigOf", () => {
  const table = vp(linear());

  it("writes fields that another order of options gives too", () => {
    const options = { spacing: "trailing", dropLast: false, roundTimes: "nearest" } as const;
    const one = schedulerConfigOf(table, "noise", { name: "unipc", options });
    // trailing times are whole and none is dropped
    const two = schedulerConfigOf(table, "noise", { name: "unipc", options: { dropLast: true } });
    expect(one).toEqual(two);
    expect(one).toMatchObject({
      _class_name: "UniPCMultistepScheduler",
      timestep_spacing: "trailing",
      solver_order: 2,
    });
  });

  it("takes a solver as it is made, whose steps do not count", () => {
    const scheduler = schedulerFrom({ _class_name: "PNDMScheduler", skip_prk_steps: true });
    const file = schedulerConfigOf(table, "noise", schedulerSolver(scheduler, 12) as never);
    expect(file).toMatchObject({ _class_name: "PNDMScheduler", skip_prk_steps: true });
    expect(file).not.toHaveProperty("steps");
  });

  it("writes the betas of a path that diffusers has no name for", () => {
    const path = pathFrom({ name: "quadratic", timesteps: 20 });
    const file = schedulerConfigOf(path, "v", { name: "ddim", options: {} });
    expect(file.trained_betas).toHaveLength(20);
    const back = schedulerFrom(file).path;
    for (const t of [0, 7, 19]) expect(back.alpha(t)).toBeCloseTo(path.alpha(t), 12);
  });

  const refused: [string, () => unknown, string][] = [
    [
      "a solver that diffusers does not have",
      () => schedulerConfigOf(table, "noise", { name: "probabilityFlow", options: {} } as never),
      "no scheduler for the solver probabilityFlow",
    ],
    [
      "a prediction that it does not have",
      () => schedulerConfigOf(table, "score", { name: "ddim", options: {} }),
      "networks that predict score",
    ],
    [
      "a path that it does not have",
      () => schedulerConfigOf(straightLine(), "flow", { name: "ddim", options: {} }),
      "the path straightLine",
    ],
    [
      "a solver that it does not have on a path",
      () => schedulerConfigOf(edm(), "edm", { name: "heun", options: {} }),
      "the path edm",
    ],
    [
      "an option that it takes with each step",
      () => schedulerConfigOf(table, "noise", { name: "ddim", options: { eta: 1 } }),
      "It would have eta 0 instead of 1",
    ],
    [
      "an option that it does not have",
      () => schedulerConfigOf(table, "noise", { name: "heun", options: { sChurn: 40 } }),
      "sChurn 0 instead of 40",
    ],
    [
      "levels that it does not visit",
      () => schedulerConfigOf(table, "noise", { name: "dpmppMultistep", options: { schedule: "karras" } }),
      'roundTimes "nearest" instead of false',
    ],
    [
      "a prediction that the class does not have",
      () => schedulerConfigOf(table, "sample", { name: "pndm", options: {} }),
      '"epsilon" or "v_prediction"',
    ],
  ];
  it.each(refused)("refuses %s", (_, write, message) => {
    expect(write).toThrow(ConfigError);
    expect(write).toThrow(message);
  });
});

describe("parseSchedulerConfig", () => {
  it("reads the infinities that diffusers writes, outside of strings only", () => {
    const text = '{ "lambda_min_clipped": -Infinity, "a": [Infinity, 1], "NaN": "-Infinity", "b": NaN }';
    const read = parseSchedulerConfig(text) as Record<string, unknown>;
    expect(read).toEqual({ lambda_min_clipped: -Infinity, a: [Infinity, 1], NaN: "-Infinity", b: Number.NaN });
    const { solver } = schedulerFrom({
      ...(parseSchedulerConfig('{"lambda_min_clipped": -Infinity}') as object),
      _class_name: "DPMSolverMultistepScheduler",
    });
    expect(solver.options).not.toHaveProperty("lambdaMin");
  });

  it("refuses what is not JSON", () => {
    expect(() => parseSchedulerConfig('{ "a": }')).toThrow(FileFormatError);
  });
});
