/**
 * Our noise schedules and solvers in sigma space beside diffusers and SciPy: levels of 37 configurations and 73
 * trajectories with a toy network, stochastic ones with the same noise. (Beside k-diffusion: k-diffusion.test.ts.)
 *
 * Golden numbers: sigma-solvers.golden.json, made in float64 by make_sigma_solvers.py (which names the versions). Levels
 * agree to 1e-8, trajectories to what float32 at the network's input leaves, relative to the largest element.
 */
import { describe, expect, it } from "vitest";
import { betaQuantile } from "../../src/diffusion/beta-quantile.ts";
import { cosine, denoiserOf, linear, type Network, vp } from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, ratioOf } from "../../src/diffusion/levels.ts";
import { solverFrom } from "../../src/diffusion/solvers/index.ts";
import { straightLine } from "../../src/diffusion/straight-line.ts";
import { readGoldenJson } from "./golden.ts";

interface Golden {
  start: number[];
  noises: number[][];
  quantiles: [p: number, a: number, b: number, x: number][];
  levels: {
    scheduler: string;
    config: object;
    path: "linear" | "cosine" | "straightLine";
    options: LevelsOptions;
    times: number[];
    sigmas: number[];
  }[];
  diffusers: {
    solver: string;
    path: "linear" | "straightLine";
    prediction: "noise" | "sample" | "v" | "flow";
    options: LevelsOptions;
    trajectory: number[][];
  }[];
}

const golden = readGoldenJson<Golden>("sigma-solvers.golden.json");
const paths = { linear: vp(linear()), cosine: vp(cosine()), straightLine: straightLine() };
const shape = [1, golden.start.length];

/** The stored noise, one row a call. */
function recorded(): () => Float32Array {
  let row = 0;
  return () => Float32Array.from(golden.noises[row++]);
}

function near(found: ArrayLike<number>, expected: readonly number[], tolerance: number, where = "") {
  expect(found.length, where).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value) / scale, `${where} ${found[i]} beside ${value}`).toBeLessThan(tolerance);
  });
}

describe("the quantile of the beta distribution", () => {
  it.each(golden.quantiles)("p = %s of beta(%s, %s)", (p, a, b, x) => {
    expect(Math.abs(betaQuantile(p, a, b) - x) / x).toBeLessThan(1e-12);
  });
});

describe("levels of diffusers", () => {
  const titled = golden.levels.map((one) => ({ ...one, title: `${one.scheduler} ${JSON.stringify(one.config)}` }));
  it.each(titled)("$title", ({ path, options, times, sigmas }) => {
    const levels = levelsFor(paths[path], options);
    expect(levels).toHaveLength(sigmas.length);
    levels.forEach((level, i) => {
      // The flow schedulers keep sigma, the others sigma / alpha.
      const found = path === "straightLine" ? level.sigma : ratioOf(level);
      expect(Math.abs(found - sigmas[i]), `sigma ${i}: ${found} beside ${sigmas[i]}`).toBeLessThan(
        1e-8 * Math.max(sigmas[i], 1e-3),
      );
    });
    levels.slice(0, -1).forEach((level, i) => {
      expect(Math.abs(level.networkTime - times[i]), `time ${i}: ${level.networkTime} beside ${times[i]}`).toBeLessThan(
        1e-6,
      );
    });
  });
});

describe("trajectories of diffusers", () => {
  const toy: Network = async (x, t) =>
    x.map((value) => (0.8 * value * t) / (t + 100) + 0.3 * Math.sin(3 * value + t / 50));
  const titled = golden.diffusers.map((one) => ({
    ...one,
    title: `${one.solver} ${one.prediction} ${JSON.stringify(one.options)}`,
  }));
  it.each(titled)("$title", async ({ solver, path, prediction, options, trajectory }) => {
    const denoiser = denoiserOf(toy, paths[path], prediction);
    const sampling = { shape, seed: 0, initial: Float32Array.from(golden.start), noise: recorded() };
    const tolerance = solver === "dpm2Ancestral" ? 5e-5 : 1e-5; // its long steps magnify what float32 left
    const seen: Float32Array[] = [];
    for await (const step of solverFrom(solver, options).sample(denoiser, sampling)) seen.push(step.x);
    expect(seen).toHaveLength(trajectory.length);
    for (const [i, x] of seen.entries()) near(x, trajectory[i], tolerance, `step ${i}`);
  });
});
