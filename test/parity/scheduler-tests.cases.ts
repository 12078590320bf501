/**
 * Every full loop that diffusers' own tests of its schedulers pin, as data: the facts (configuration, start, number) of
 * tests/schedulers at 58eb52c (23 August 2026), file and test by name. Every loop runs the toy network on the toy sample
 * (src/diffusion/testing/dummy.ts). The numbers are of the sum and the mean of absolute values, with the test's tolerance.
 * Where a test has numbers by device, the ones of the CPU are here.
 */

/** How the test goes through its loop. */
export type Loop =
  /** x to the network as it is, x to the step. */
  | "plain"
  /** Starts from sample · init_noise_sigma; the network sees x / sqrt(sigma² + 1), the step x. */
  | "scaled"
  /** As "scaled", but the test overwrites x with the scaled x, so that the step, too, starts from x / sqrt(sigma² + 1). */
  | "overwritten";

export interface PinnedLoop {
  /** Of tests/schedulers. */
  readonly file: string;
  readonly test: string;
  /** scheduler_config.json. */
  readonly config: { readonly _class_name: string } & Readonly<Record<string, unknown>>;
  readonly steps: number;
  readonly loop: Loop;
  /** The shape of the toy sample; [4, 3, 8, 8] if absent. */
  readonly shape?: readonly number[];
  /** Steps that the loop leaves out. */
  readonly skip?: number;
  /** The loop starts from the sample with the toy noise added at its first time. */
  readonly noised?: boolean;
  /** The seed of torch.manual_seed for the noise of the steps, or of the Brownian motion. */
  readonly seed?: number;
  /** [number, tolerance]. */
  readonly sum?: readonly [number, number];
  readonly mean: readonly [number, number];
  /** Where we differ on purpose: what diffusers gives without the reason (make_scheduler_tests.py), to the same tolerance. */
  readonly instead?: { readonly sum: number; readonly mean: number; readonly why: string };
}

type Config = Record<string, unknown>;
type Given = Pick<PinnedLoop, "test" | "mean"> & Partial<PinnedLoop> & { with?: Config };

/** The cases of one file: what they share, then each. */
function cases(shared: Pick<PinnedLoop, "file" | "steps" | "loop" | "config"> & { seed?: number }, given: Given[]) {
  return given.map(
    ({ with: changes, ...one }): PinnedLoop => ({ ...shared, ...one, config: { ...shared.config, ...changes } }),
  );
}

const linear = { num_train_timesteps: 1000, beta_start: 0.0001, beta_end: 0.02, beta_schedule: "linear" };
const linear1100 = { ...linear, num_train_timesteps: 1100 };
const v = { prediction_type: "v_prediction" };
const karras = { use_karras_sigmas: true };

const ddpm = cases(
  {
    file: "test_scheduler_ddpm.py",
    steps: 1000,
    loop: "plain",
    seed: 0,
    config: { _class_name: "DDPMScheduler", ...linear, variance_type: "fixed_small", clip_sample: true },
  },
  [
    { test: "test_full_loop_no_noise", sum: [258.9606, 1e-2], mean: [0.3372, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [202.0296, 1e-2], mean: [0.2631, 1e-3] },
    {
      test: "test_full_loop_with_noise",
      skip: 998,
      noised: true,
      sum: [387.9466, 1e-2],
      mean: [0.5051, 1e-3],
      instead: {
        sum: 387.96761,
        mean: 0.50516615,
        why: "float32 keeps three digits of beta = 1 - alphaBar / alphaBar' at t = 1; this is with the same table in float64",
      },
    },
  ],
);

const ddim = cases(
  {
    file: "test_scheduler_ddim.py",
    steps: 10,
    loop: "plain",
    config: { _class_name: "DDIMScheduler", ...linear, clip_sample: true },
  },
  [
    { test: "test_full_loop_no_noise", sum: [172.0067, 1e-2], mean: [0.223967, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [52.5302, 1e-2], mean: [0.0684, 1e-3] },
    {
      test: "test_full_loop_with_set_alpha_to_one",
      with: { set_alpha_to_one: true, beta_start: 0.01 },
      sum: [149.8295, 1e-2],
      mean: [0.1951, 1e-3],
    },
    {
      test: "test_full_loop_with_no_set_alpha_to_one",
      with: { set_alpha_to_one: false, beta_start: 0.01 },
      sum: [149.0784, 1e-2],
      mean: [0.1941, 1e-3],
    },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [354.5418, 1e-2], mean: [0.4616, 1e-3] },
  ],
);

const pndm = cases(
  { file: "test_scheduler_pndm.py", steps: 10, loop: "plain", config: { _class_name: "PNDMScheduler", ...linear } },
  [
    { test: "test_full_loop_no_noise", sum: [198.1318, 1e-2], mean: [0.258, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [67.3986, 1e-2], mean: [0.0878, 1e-3] },
    {
      test: "test_full_loop_with_set_alpha_to_one",
      with: { set_alpha_to_one: true, beta_start: 0.01 },
      sum: [230.0399, 1e-2],
      mean: [0.2995, 1e-3],
    },
    {
      test: "test_full_loop_with_no_set_alpha_to_one",
      with: { set_alpha_to_one: false, beta_start: 0.01 },
      sum: [186.9482, 1e-2],
      mean: [0.2434, 1e-3],
    },
  ],
);

const lms = cases(
  {
    file: "test_scheduler_lms.py",
    steps: 10,
    loop: "overwritten",
    config: { _class_name: "LMSDiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [1006.388, 1e-2], mean: [1.31, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [0.0017, 1e-2], mean: [2.2676e-6, 1e-3] },
    { test: "test_full_loop_device", sum: [1006.388, 1e-2], mean: [1.31, 1e-3] },
    { test: "test_full_loop_device_karras_sigmas", with: karras, sum: [3812.9927, 2e-2], mean: [4.9648, 1e-3] },
    {
      test: "test_full_loop_with_noise",
      skip: 8,
      noised: true,
      sum: [27663.6895, 1e-2],
      mean: [36.0204, 1e-3],
      instead: {
        sum: 57074.762,
        mean: 74.316093,
        why: "a run that begins at step 8 has one slope, which diffusers weighs as the newest of four; this is with order 1, 2",
      },
    },
  ],
);

const euler = cases(
  {
    file: "test_scheduler_euler.py",
    steps: 10,
    loop: "overwritten",
    seed: 0,
    config: { _class_name: "EulerDiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [10.0807, 1e-2], mean: [0.0131, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [0.0002, 1e-2], mean: [2.2676e-6, 1e-3] },
    { test: "test_full_loop_device", sum: [10.0807, 1e-2], mean: [0.0131, 1e-3] },
    {
      test: "test_full_loop_device_karras_sigmas",
      with: karras,
      sum: [124.52299499511719, 1e-2],
      mean: [0.16213932633399963, 1e-3],
    },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [57062.9297, 1e-2], mean: [74.3007, 1e-3] },
  ],
);

const eulerAncestral = cases(
  {
    file: "test_scheduler_euler_ancestral.py",
    steps: 10,
    loop: "overwritten",
    seed: 0,
    config: { _class_name: "EulerAncestralDiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [152.3192, 1e-2], mean: [0.1983, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [108.4439, 1e-2], mean: [0.1412, 1e-3] },
    { test: "test_full_loop_device", sum: [152.3192, 1e-2], mean: [0.1983, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [56163.0508, 1e-2], mean: [73.129, 1e-3] },
  ],
);

const heun = cases(
  {
    file: "test_scheduler_heun.py",
    steps: 10,
    loop: "overwritten",
    config: { _class_name: "HeunDiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [0.1233, 1e-2], mean: [0.0002, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [4.6934e-7, 1e-2], mean: [6.1112e-10, 1e-3] },
    { test: "test_full_loop_device", sum: [0.1233, 1e-2], mean: [0.0002, 1e-3] },
    {
      test: "test_full_loop_device_karras_sigmas",
      with: karras,
      sum: [0.00015, 1e-2],
      mean: [1.9869554535034695e-7, 1e-2],
    },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [75074.8906, 1e-2], mean: [97.7538, 1e-3] },
  ],
);

const kdpm2 = cases(
  {
    file: "test_scheduler_kdpm2_discrete.py",
    steps: 10,
    loop: "overwritten",
    config: { _class_name: "KDPM2DiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_with_v_prediction", with: v, sum: [4.6934e-7, 1e-2], mean: [6.1112e-10, 1e-3] },
    { test: "test_full_loop_no_noise", sum: [20.4125, 1e-2], mean: [0.0266, 1e-3] },
    { test: "test_full_loop_device", sum: [20.4125, 1e-2], mean: [0.0266, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [70408.4062, 1e-2], mean: [91.6776, 1e-3] },
  ],
);

const kdpm2Ancestral = cases(
  {
    file: "test_scheduler_kdpm2_ancestral.py",
    steps: 10,
    loop: "overwritten",
    seed: 0,
    config: { _class_name: "KDPM2AncestralDiscreteScheduler", ...linear1100 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [13979.9433, 1e-2], mean: [18.203, 5e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, sum: [331.8133, 1e-2], mean: [0.432, 1e-3] },
    { test: "test_full_loop_device", sum: [13979.9433, 1e-1], mean: [18.203, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [93087.3437, 1e-2], mean: [121.2074, 5e-3] },
  ],
);

const dpmSde = cases(
  {
    file: "test_scheduler_dpm_sde.py",
    steps: 10,
    loop: "overwritten",
    seed: 0,
    config: { _class_name: "DPMSolverSDEScheduler", ...linear1100, noise_sampler_seed: 0 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [162.52383422851562, 1e-2], mean: [0.211619570851326, 1e-3] },
    {
      test: "test_full_loop_with_v_prediction",
      with: v,
      sum: [119.8487548828125, 1e-2],
      mean: [0.1560530662536621, 1e-3],
    },
    { test: "test_full_loop_device", sum: [162.52383422851562, 1e-2], mean: [0.211619570851326, 1e-3] },
    {
      test: "test_full_loop_device_karras_sigmas",
      with: karras,
      sum: [170.3135223388672, 1e-2],
      mean: [0.23003872730981811, 1e-2],
    },
  ],
);

const dpmSolver = {
  ...linear,
  solver_order: 2,
  prediction_type: "epsilon",
  thresholding: false,
  sample_max_value: 1,
  algorithm_type: "dpmsolver++",
  solver_type: "midpoint",
  lambda_min_clipped: -Infinity,
  variance_type: null,
  final_sigmas_type: "sigma_min",
};

const dpmMultistep = cases(
  {
    file: "test_scheduler_dpm_multi.py",
    steps: 10,
    loop: "plain",
    config: {
      _class_name: "DPMSolverMultistepScheduler",
      ...dpmSolver,
      lower_order_final: false,
      euler_at_final: false,
    },
  },
  [
    { test: "test_full_loop_no_noise", mean: [0.3301, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 5, noised: true, sum: [318.4111, 1e-2], mean: [0.4146, 1e-3] },
    {
      test: "test_full_loop_no_noise_thres",
      with: { thresholding: true, dynamic_thresholding_ratio: 0.87, sample_max_value: 0.5 },
      mean: [1.1364, 1e-3],
    },
    { test: "test_full_loop_with_v_prediction", with: v, mean: [0.2251, 1e-3] },
    { test: "test_full_loop_with_karras_and_v_prediction", with: { ...v, ...karras }, mean: [0.2096, 1e-3] },
    { test: "test_full_loop_with_lu_and_v_prediction", with: { ...v, use_lu_lambdas: true }, mean: [0.1554, 1e-3] },
    { test: "test_switch", mean: [0.3301, 1e-3] },
  ],
);

const dpmSinglestep = cases(
  {
    file: "test_scheduler_dpm_single.py",
    steps: 10,
    loop: "plain",
    config: { _class_name: "DPMSolverSinglestepScheduler", ...dpmSolver },
  },
  [
    { test: "test_full_uneven_loop", steps: 50, skip: 3, mean: [0.2574, 1e-3] },
    { test: "test_switch", mean: [0.2791, 1e-3] },
    { test: "test_full_loop_no_noise", mean: [0.2791, 1e-3] },
    { test: "test_full_loop_with_karras", with: karras, mean: [0.2248, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, mean: [0.1453, 1e-3] },
    { test: "test_full_loop_with_karras_and_v_prediction", with: { ...v, ...karras }, mean: [0.0649, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 5, noised: true, sum: [269.2187, 1e-2], mean: [0.3505, 1e-3] },
  ],
);

const unipcShared = {
  file: "test_scheduler_unipc.py",
  steps: 10,
  loop: "plain",
  config: {
    _class_name: "UniPCMultistepScheduler",
    ...linear,
    solver_order: 2,
    solver_type: "bh2",
    final_sigmas_type: "sigma_min",
  },
} as const;

const unipc = [
  ...cases(unipcShared, [
    { test: "test_switch", mean: [0.2464, 1e-3] },
    { test: "test_full_loop_no_noise", mean: [0.2464, 1e-3] },
    { test: "test_full_loop_with_karras", with: karras, mean: [0.2925, 1e-3] },
    { test: "test_full_loop_with_v_prediction", with: v, mean: [0.1014, 1e-3] },
    { test: "test_full_loop_with_karras_and_v_prediction", with: { ...v, ...karras }, mean: [0.1966, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 8, noised: true, sum: [315.5757, 1e-2], mean: [0.4109, 1e-3] },
  ]),
  ...cases(unipcShared, [
    { test: "1D test_switch", mean: [0.2441, 1e-3] },
    { test: "1D test_full_loop_no_noise", mean: [0.2441, 1e-3] },
    { test: "1D test_full_loop_with_karras", with: karras, mean: [0.2898, 1e-3] },
    { test: "1D test_full_loop_with_v_prediction", with: v, mean: [0.1014, 1e-3] },
    { test: "1D test_full_loop_with_karras_and_v_prediction", with: { ...v, ...karras }, mean: [0.1944, 1e-3] },
    { test: "1D test_full_loop_with_noise", skip: 8, noised: true, sum: [39.087, 1e-2], mean: [0.4072, 1e-3] },
  ]).map((one) => ({ ...one, shape: [4, 3, 8] })),
];

const lcm = cases(
  {
    file: "test_scheduler_lcm.py",
    steps: 10,
    loop: "plain",
    seed: 0,
    config: {
      _class_name: "LCMScheduler",
      num_train_timesteps: 1000,
      beta_start: 0.00085,
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      prediction_type: "epsilon",
    },
  },
  [
    { test: "test_full_loop_onestep", steps: 1, sum: [18.7097, 1e-3], mean: [0.0244, 1e-3] },
    { test: "test_full_loop_multistep", sum: [197.7616, 1e-3], mean: [0.2575, 1e-3] },
  ],
);

const edmEuler = cases(
  {
    file: "test_scheduler_edm_euler.py",
    steps: 10,
    loop: "scaled",
    config: { _class_name: "EDMEulerScheduler", num_train_timesteps: 256, sigma_min: 0.002, sigma_max: 80 },
  },
  [
    { test: "test_full_loop_no_noise", sum: [34.1855, 1e-3], mean: [0.044, 1e-3] },
    { test: "test_full_loop_device", sum: [34.1855, 1e-3], mean: [0.044, 1e-3] },
  ],
);

const edmDpmMultistep = cases(
  {
    file: "test_scheduler_edm_dpmsolver_multistep.py",
    steps: 10,
    loop: "plain",
    config: {
      _class_name: "EDMDPMSolverMultistepScheduler",
      sigma_min: 0.002,
      sigma_max: 80,
      sigma_data: 0.5,
      num_train_timesteps: 1000,
      solver_order: 2,
      prediction_type: "epsilon",
      thresholding: false,
      sample_max_value: 1,
      algorithm_type: "dpmsolver++",
      solver_type: "midpoint",
      lower_order_final: false,
      euler_at_final: false,
      final_sigmas_type: "sigma_min",
    },
  },
  [
    { test: "test_full_loop_no_noise", mean: [0.0001, 1e-3] },
    { test: "test_full_loop_with_noise", skip: 5, noised: true, sum: [8.1661, 1e-2], mean: [0.0106, 1e-3] },
    {
      test: "test_full_loop_no_noise_thres",
      with: { thresholding: true, dynamic_thresholding_ratio: 0.87, sample_max_value: 0.5 },
      mean: [0.008, 1e-3],
    },
    { test: "test_full_loop_with_v_prediction", with: v, mean: [0.0092, 1e-3] },
  ],
);

/** FlowMatchEuler and FlowMatchHeun have no test with a pinned loop; scheduler-trajectories.golden.json covers them. */
export const pinnedLoops: readonly PinnedLoop[] = [
  ...ddpm,
  ...ddim,
  ...pndm,
  ...lms,
  ...euler,
  ...eulerAncestral,
  ...heun,
  ...kdpm2,
  ...kdpm2Ancestral,
  ...dpmSde,
  ...dpmMultistep,
  ...dpmSinglestep,
  ...unipc,
  ...lcm,
  ...edmEuler,
  ...edmDpmMultistep,
];
