/**
 * Our noise schedules and solvers in sigma space beside those of diffusers, k-diffusion and SciPy: levels of 37
 * configurations, 73 trajectories with a toy network, 66 runs with a toy denoiser, stochastic ones with the same noise.
 *
 * Golden numbers: sigma-solvers.golden.json, made in float64 by make_sigma_solvers.py (which names the versions). Levels
 * agree to 1e-8, trajectories to what float32 at the network's input leaves, relative to the largest element.
 */
import { describe, expect, it } from "vitest";
import { betaQuantile } from "../../src/diffusion/beta-quantile.ts";
import { completePath } from "../../src/diffusion/derived.ts";
import { cosine, type Denoiser, denoiserOf, linear, type Network, vp } from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, ratioOf } from "../../src/diffusion/levels.ts";
import type { Level, Path } from "../../src/diffusion/path-contract.ts";
import { exponentialSigmas, karrasSigmas, polyexponentialSigmas } from "../../src/diffusion/sigmas.ts";
import { solve, solverFrom } from "../../src/diffusion/solvers/index.ts";
import { straightLine } from "../../src/diffusion/straight-line.ts";
import { readGoldenJson } from "./golden.ts";

interface Golden {
  start: number[];
  noises: number[][];
  quantiles: [p: number, a: number, b: number, x: number][];
  schedules: { schedule: string; count: number; min: number; max: number; rho?: number; sigmas: number[] }[];
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
  kDiffusion: { solver: string; options: object; start: number[]; end: number[] }[];
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

describe("schedules of k-diffusion", () => {
  it.each(golden.schedules)("$schedule, $count levels", ({ schedule, count, min, max, rho, sigmas }) => {
    const range = { min, max };
    const made = {
      karras: () => karrasSigmas(count, range, rho),
      exponential: () => exponentialSigmas(count, range),
      polyexponential: () => polyexponentialSigmas(count, range, rho),
    }[schedule]!();
    made.forEach((sigma, i) => {
      expect(Math.abs(sigma / sigmas[i] - 1)).toBeLessThan(1e-5); // float32 there, to a power
    });
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
      // DPM-Solver and UniPC cut the network times of flow down to whole numbers; ours are not.
      const found =
        path === "straightLine" && Number.isInteger(times[i])
          ? Math.floor(level.networkTime + 1e-6)
          : level.networkTime;
      expect(Math.abs(found - times[i]), `time ${i}: ${found} beside ${times[i]}`).toBeLessThan(1e-6);
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

describe("runs of k-diffusion", () => {
  const wide: Path = completePath({
    name: "edm",
    span: [1e-4, 100],
    alpha: () => 1,
    sigma: (t: number) => t,
    dAlpha: () => 0,
    dSigma: () => 1,
    networkTime: (t: number) => t,
    toJSON: () => {
      throw new Error("a path of this test");
    },
  });
  const toy: Denoiser = {
    path: wide,
    async denoise(x, at) {
      const { sigma } = at as Level;
      const sample = x.map(
        (y) =>
          (y + sigma ** 2) / (1 + 4 * sigma ** 2) + 0.3 * Math.sin((2 * y) / Math.hypot(1, sigma) + Math.log(sigma)),
      );
      return { sample, noise: x.map((y, i) => (y - sample[i]) / sigma) };
    },
  };
  const titled = golden.kDiffusion.map((one) => ({ ...one, title: `${one.solver} ${JSON.stringify(one.options)}` }));
  it.each(titled)("$title", async ({ solver, options, start, end }) => {
    const sampling = { shape, seed: 0, initial: Float32Array.from(start), noise: recorded() };
    near(await solve(solverFrom(solver, options), toy, sampling), end, 2e-6);
  });
});
