/**
 * Our DDPM and DDIM solvers beside the schedulers of diffusers: whole trajectories with a toy network, for three predictions,
 * three spacings, clipping on and off, both fixed variances, eta 0, 0.5 and 1, and 10 and 7 steps of 1000.
 *
 * Golden numbers: schedulers.golden.json, made by make_schedulers.py (which names the versions) in float64. Agreement is to
 * float32 rounding, relative to the largest element of the state.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { denoiserOf, linear, type Network, type PredictionName, solverFrom, vp } from "../../src/diffusion/index.ts";
import { type DdimOptions, ddimMoves, ddimStep } from "../../src/diffusion/solvers/ddim.ts";
import { type DdpmOptions, ddpmMoves, ddpmStep } from "../../src/diffusion/solvers/ddpm.ts";
import { type Spacing, spacedTimesteps } from "../../src/diffusion/times.ts";

interface GoldenCase<Options> {
  prediction: PredictionName;
  options: Options;
  times: number[];
  /** x after each step. */
  trajectory: number[][];
  /** The predicted x0 of each step, where it is stored. */
  samples?: number[][];
}

interface Golden {
  shape: number[];
  start: number[];
  noises: number[][];
  spacings: Record<Spacing, { checksum: number; wrongLength: number[] }>;
  ddim: GoldenCase<Required<DdimOptions>>[];
  ddpm: GoldenCase<Required<DdpmOptions>>[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("./schedulers.golden.json", import.meta.url), "utf8"));
const path = vp(linear());
const start = Float32Array.from(golden.start);
const noises = golden.noises.map((noise) => Float32Array.from(noise));
const toy: Network = async (x, t) =>
  x.map((value) => (0.8 * value * t) / (t + 100) + 0.3 * Math.sin(3 * value + t / 50));

function near(found: Float32Array, expected: number[], where: string) {
  const scale = Math.max(1, ...expected.map(Math.abs));
  found.forEach((value, i) => {
    expect(Math.abs(value - expected[i]) / scale, where).toBeLessThan(1e-5);
  });
}

const titled = <T extends { prediction: string; options: object }>(cases: T[]) =>
  cases.map((one) => ({ ...one, title: `${one.prediction} ${JSON.stringify(one.options)}` }));

describe("ddim", () => {
  it.each(titled(golden.ddim))("$title", async ({ prediction, options, times, trajectory, samples }) => {
    const denoiser = denoiserOf(toy, path, prediction);
    const moves = ddimMoves(path, options);
    expect(moves.map((move) => move.t)).toEqual(times);
    let x: Float32Array = start;
    for (const [i, move] of moves.entries()) {
      const moved = ddimStep(move, x, await denoiser.denoise(x, move.t), noises[i], options);
      x = moved.x;
      near(x, trajectory[i], `step ${i}`);
      if (samples) near(moved.sample, samples[i], `sample ${i}`);
    }
    if (options.eta > 0) return;
    // And through the solver itself, which draws no noise here.
    const steps = solverFrom("ddim", options).sample(denoiser, { shape: golden.shape, seed: 0, initial: start });
    for await (const step of steps) near(step.x, trajectory[step.step - 1], `solver step ${step.step}`);
  });
});

describe("ddpm", () => {
  it.each(titled(golden.ddpm))("$title", async ({ prediction, options, times, trajectory, samples }) => {
    const denoiser = denoiserOf(toy, path, prediction);
    expect(spacedTimesteps(1000, options.steps, options.spacing)).toEqual(times);
    let x: Float32Array = start;
    for (const [i, move] of ddpmMoves(path, times, options.variance).entries()) {
      const moved = ddpmStep(move, x, await denoiser.denoise(x, move.t), noises[i], options.clip);
      x = moved.x;
      near(x, trajectory[i], `step ${i}`);
      if (samples) near(moved.sample, samples[i], `sample ${i}`);
    }
  });
});

describe("spacings", () => {
  it.each(["leading", "linspace", "trailing"] as const)("%s: the timesteps of every N from 1 to 1000", (spacing) => {
    let checksum = 0;
    for (let steps = 1; steps <= 1000; steps++) {
      spacedTimesteps(1000, steps, spacing).forEach((t, i) => {
        checksum += steps * (i + 1) * t;
      });
    }
    expect(checksum).toBe(golden.spacings[spacing].checksum);
    expect(golden.spacings[spacing].wrongLength.length).toBe(spacing === "trailing" ? 62 : 0);
  });
});
