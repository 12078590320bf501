/**
 * The full loops that diffusers' own tests of its schedulers pin, through our solvers, from diffusers' configurations:
 * the same sums and means, to the tolerances of those tests, with the noise of torch.manual_seed where there is noise.
 *
 * The numbers come from float32 tables, so the loops run with these (torch-tables.ts); with the paths' own float64 tables
 * they come within 5e-5 of the numbers besides. Two of the loops are a choice of diffusers' that is not made here; they are
 * held to what diffusers gives without it (`instead` in scheduler-tests.cases.ts).
 */
import { describe, expect, it } from "vitest";
import { denoiserOf, linear, type Network, type Path, solve, vp } from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, levelsOptions } from "../../src/diffusion/levels.ts";
import { schedulerFrom, schedulerSolver } from "../../src/diffusion/scheduler-config.ts";
import { ddimMoves } from "../../src/diffusion/solvers/ddim.ts";
import { ddpmMoves } from "../../src/diffusion/solvers/ddpm.ts";
import { absoluteSum, dummyNetwork, dummyShape } from "../../src/diffusion/testing/dummy.ts";
import { brownianNoise, solveOverwritten, startOf, torchNoise } from "./scheduler-loops.ts";
import { type PinnedLoop, pinnedLoops } from "./scheduler-tests.cases.ts";
import { asTorch } from "./torch-tables.ts";

/** The toy network as the "plain" loops of EDM's schedulers call it: on x itself, not on cIn x. c_noise is ln(sigma) / 4. */
const unscaledNetwork: Network = (x, t) =>
  dummyNetwork(
    x.map((value) => value * Math.hypot(Math.exp(4 * t), 0.5)),
    t,
  );

/** The last state of a loop, with the tables of `tables`. */
async function runLoop(loop: PinnedLoop, tables: (path: Path) => Path): Promise<Float32Array> {
  const scheduler = schedulerFrom(loop.config);
  const path = tables(scheduler.path);
  const solver = schedulerSolver(scheduler, loop.steps);
  const seed = loop.seed ?? 0;
  const sampling = {
    shape: loop.shape ?? dummyShape,
    seed: 0,
    skip: loop.skip ?? 0,
    initial: await startOf(loop, solver, path),
    noise: solver.name === "dpmppSde" ? brownianNoise(solver, path, seed) : torchNoise(seed),
  };
  if (loop.loop === "overwritten") {
    const prediction = scheduler.prediction.name === "v" ? "v" : "noise";
    return solveOverwritten(solver, dummyNetwork, prediction, path, sampling);
  }
  const network = scheduler.prediction.name === "edm" && loop.loop === "plain" ? unscaledNetwork : dummyNetwork;
  return solve(solver, denoiserOf(network, path, scheduler.prediction), sampling);
}

describe("full loops of diffusers' scheduler tests", () => {
  const titled = pinnedLoops.map((loop) => ({ loop, title: `${loop.file} ${loop.test}` }));
  it.each(titled)("$title", async ({ loop }) => {
    const found = absoluteSum(await runLoop(loop, asTorch));
    const own = absoluteSum(await runLoop(loop, (path) => path));
    for (const name of ["sum", "mean"] as const) {
      const pinned = loop[name];
      if (pinned === undefined) continue;
      const [number, tolerance] = pinned;
      const expected = loop.instead?.[name] ?? number;
      expect(Math.abs(found[name] - expected), name).toBeLessThan(tolerance);
      expect(Math.abs(own[name] - expected), `${name} in float64`).toBeLessThan(tolerance + 5e-5 * expected);
    }
    // A difference that is gone must leave the table.
    if (loop.instead) expect(Math.abs(found.sum - loop.sum![0])).toBeGreaterThan(loop.sum![1]);
  });

  it("are all there", () => {
    // Loops with a pinned sum or mean in each file at 58eb52c, counted by hand.
    const counts: Record<string, number> = {};
    for (const { file } of pinnedLoops) counts[file] = (counts[file] ?? 0) + 1;
    expect(counts).toEqual({
      "test_scheduler_ddpm.py": 3,
      "test_scheduler_ddim.py": 5,
      "test_scheduler_pndm.py": 4,
      "test_scheduler_lms.py": 5,
      "test_scheduler_euler.py": 5,
      "test_scheduler_euler_ancestral.py": 4,
      "test_scheduler_heun.py": 5,
      "test_scheduler_kdpm2_discrete.py": 4,
      "test_scheduler_kdpm2_ancestral.py": 4,
      "test_scheduler_dpm_sde.py": 4,
      "test_scheduler_dpm_multi.py": 7,
      "test_scheduler_dpm_single.py": 7,
      "test_scheduler_unipc.py": 12,
      "test_scheduler_lcm.py": 2,
      "test_scheduler_edm_euler.py": 2,
      "test_scheduler_edm_dpmsolver_multistep.py": 4,
    });
  });
});

describe("other numbers of diffusers' scheduler tests", () => {
  const path = vp(linear());

  it("test_scheduler_ddpm.py test_variance", () => {
    const times = Array.from({ length: 1000 }, (_, i) => 999 - i);
    const moves = ddpmMoves(path, times, "small");
    const variance = (t: number) => moves[999 - t].std ** 2;
    expect(Math.abs(variance(487) - 0.00979)).toBeLessThan(1e-5);
    expect(Math.abs(variance(999) - 0.02)).toBeLessThan(1e-5);
    expect(variance(0)).toBe(0);
  });

  it.each([
    [50, 420, 0.14771],
    [50, 980, 0.3246],
    [1000, 487, 0.00979],
    [1000, 999, 0.02],
  ])("test_scheduler_ddim.py test_variance: %i steps, t = %i", (steps, t, expected) => {
    const move = ddimMoves(path, { steps, spacing: "leading", eta: 1 }).find((one) => one.t === t)!;
    expect(Math.abs(move.std ** 2 - expected)).toBeLessThan(1e-5);
  });

  it.each([
    ["DDIMScheduler", 5, [801, 601, 401, 201, 1]],
    ["PNDMScheduler", 10, [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]],
  ])("test_steps_offset of %s", async (name, steps, times) => {
    const config = { _class_name: name, beta_start: 0.0001, beta_end: 0.02, steps_offset: 1 };
    const scheduler = schedulerFrom(config);
    const asked: number[] = [];
    const run = schedulerSolver(scheduler, steps).sample(denoiserOf(dummyNetwork, scheduler.path, "noise"), {
      shape: [1, 2],
      seed: 0,
    });
    for await (const { t } of run) asked.push(t);
    expect(asked).toEqual(times);
  });

  it("test_scheduler_unipc.py test_flow_and_karras_sigmas_values", () => {
    const scheduler = schedulerFrom({
      _class_name: "UniPCMultistepScheduler",
      sigma_min: 0.01,
      sigma_max: 200,
      use_flow_sigmas: true,
      use_karras_sigmas: true,
      prediction_type: "flow_prediction",
    });
    const options = levelsOptions(schedulerSolver(scheduler, 5).config as LevelsOptions);
    const levels = levelsFor(scheduler.path, options);
    const expected = [0.9950248599, 0.9787454605, 0.8774884343, 0.3604971766, 0.0099009862, 0];
    expect(levels.length).toBe(expected.length);
    levels.forEach(({ sigma, networkTime }, i) => {
      expect(Math.abs(sigma - expected[i])).toBeLessThan(1e-6);
      if (i < 5) expect(networkTime).toBe(Math.trunc(1000 * expected[i]));
    });
  });
});
