/**
 * diffusers' schedulers and ours, step by step: configurations drawn at random over all classes that load, files given in
 * full or in part, with the noise of torch.manual_seed (of torchsde's Brownian motion for DPMSolverSDE).
 *
 * Golden numbers: scheduler-trajectories.golden.json, made by make_scheduler_trajectories.py (which names the versions), in
 * float32 as diffusers runs; with its float32 tables (torch-tables.ts) ours agree to 5e-6 of the largest element, most to
 * 1e-6. The times that the network is fed agree to the 6e-5 that float32 has near 1000.
 */
import { describe, expect, it } from "vitest";
import { denoiserOf, type Network } from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, levelsOptions } from "../../src/diffusion/levels.ts";
import { schedulerFrom, schedulerSolver } from "../../src/diffusion/scheduler-config.ts";
import { largestDifference, readGoldenJson } from "./golden.ts";
import { brownianNoise, torchNoise } from "./scheduler-loops.ts";
import { asTorch } from "./torch-tables.ts";

interface GoldenRun {
  config: { _class_name: string } & Record<string, unknown>;
  steps: number;
  seed: number;
  spread: number;
  times: number[];
  states: number[][];
}
const golden = readGoldenJson<{ start: number[]; cases: GoldenRun[] }>("scheduler-trajectories.golden.json");

/** The classes whose state is y = x / alpha. */
const inSigmaSpace = [
  "LMSDiscreteScheduler",
  "EulerDiscreteScheduler",
  "EulerAncestralDiscreteScheduler",
  "HeunDiscreteScheduler",
  "KDPM2DiscreteScheduler",
  "KDPM2AncestralDiscreteScheduler",
  "DPMSolverSDEScheduler",
];

/** Cases whose states are held less tightly, and why. */
const looser: Readonly<Record<number, readonly [number, string]>> = {
  88: [5e-5, "sigma falls from 4096 to 0.01: what float32 keeps of a state after a step from 4096"],
  89: [5e-5, "as 88"],
  94: [1e-4, "the weights of UniPC's order 3 are solved for in float32"],
};

/** Cases in which diffusers feeds another time than the level's, at some calls, and why; never more than 1 apart. */
const otherTimes: Readonly<Record<number, readonly [readonly number[], string]>> = {
  44: [[0], "998 for 999: ln(exp(ln sigma)) falls short of the table's last entry, and is rounded down"],
  61: [[0], "as 44"],
  63: [[0], "as 44"],
  88: [[0, 1, 2], "between t = 998 and the infinite last level, to which diffusers gives sigma 4096 in its table"],
};

const network = (x: Float32Array, t: number) =>
  x.map((value) => (0.5 * value * t) / (t + 100) + 0.2 * Math.sin(2 * value + t / 50));

describe("diffusers' schedulers", () => {
  const titled = golden.cases.map((run, index) => ({ run, index, title: `${index}: ${run.config._class_name}` }));
  it.each(titled)("$title", async ({ run, index }) => {
    const scheduler = schedulerFrom(run.config);
    const path = asTorch(scheduler.path);
    const solver = schedulerSolver(scheduler, run.steps);
    const scales = inSigmaSpace.includes(run.config._class_name)
      ? levelsFor(path, levelsOptions(solver.config as LevelsOptions)).map((level) => level.alpha)
      : new Array<number>(run.steps + 1).fill(1);
    const fed: number[] = [];
    const atTheirTimes: Network = async (x, t) => network(x, run.times[fed.push(t) - 1]);
    const steps = solver.sample(denoiserOf(atTheirTimes, path, scheduler.prediction), {
      shape: [1, 8],
      seed: 0,
      initial: Float32Array.from(golden.start, (value) => scales[0] * run.spread * value),
      noise:
        solver.name === "dpmppSde"
          ? brownianNoise(solver, path, run.config.noise_sampler_seed as number)
          : torchNoise(run.seed),
    });
    const [tolerance] = looser[index] ?? [5e-6];
    let count = 0;
    for await (const { x, step } of steps) {
      const expected = run.states[step - 1];
      const scale = Math.max(1, ...expected.map(Math.abs));
      const found = Float64Array.from(x, (value) => value / scales[step]);
      expect(largestDifference(found, expected) / scale, `step ${step}`).toBeLessThan(tolerance);
      count++;
    }
    expect(count).toBe(run.states.length);
    expect(fed.length).toBe(run.times.length);
    fed.forEach((time, call) => {
      const apart = Math.abs(time - run.times[call]);
      const isOther = otherTimes[index]?.[0].includes(call) ?? false;
      expect(apart, `the time of call ${call}`).toBeLessThan(isOther ? 1.0001 : 1e-4);
    });
  });
});
