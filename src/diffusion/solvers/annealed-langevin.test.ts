import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { linear, vp } from "../discrete-vp.ts";
import { straightLine } from "../straight-line.ts";
import { afterStep, denoising, expectMoments } from "../testing/chain.ts";
import { gaussianDenoiser } from "../testing/gaussian.ts";
import { ve } from "../ve.ts";
import { type AnnealedLangevinOptions, annealedLangevin, langevinRungs } from "./annealed-langevin.ts";

const data = { mean: 0.3, std: 0.5 };
const size = 20_000;

describe("annealedLangevin", () => {
  it.each([
    ["VE", ve({ sigmaMin: 0.05, sigmaMax: 5 }), { steps: 4, stepsPerLevel: 6 }],
    ["VE, epsilon given", ve({ sigmaMin: 0.05, sigmaMax: 5 }), { steps: 3, stepsPerLevel: 4, epsilon: 0.003 }],
    ["VE, no denoising", ve({ sigmaMin: 0.2, sigmaMax: 5 }), { steps: 3, stepsPerLevel: 4, denoise: false }],
    ["linear VP, levels given", vp(linear()), { sigmas: [10, 2, 0.5], stepsPerLevel: 5 }],
    ["straight", straightLine(), { sigmaMin: 0.1, sigmaMax: 10, steps: 3, stepsPerLevel: 5 }],
  ] as const)("has the exact moments of its chain at every level, %s", async (_, path, options) => {
    const rungs = langevinRungs(path, options as AnnealedLangevinOptions);
    const sigmas = rungs.map(({ level }) => level.sigma / level.alpha);
    const last = sigmas[sigmas.length - 1];
    const epsilon = "epsilon" in options ? options.epsilon : 0.2 * last ** 2;
    const solver = annealedLangevin(options as AnnealedLangevinOptions);
    const first = rungs[0].level;
    let expected = { mean: 0, std: Math.hypot(first.alpha, first.sigma) / first.alpha }; // of y = x / alpha
    let index = 0;
    for await (const { x } of solver.sample(gaussianDenoiser(data, path), { shape: [1, size], seed: 4 })) {
      const sigma = sigmas[index];
      const step = epsilon * (sigma / last) ** 2;
      const place = { alpha: 1, sigma };
      for (let k = 0; k < options.stepsPerLevel; k++) {
        expected = afterStep(data, expected, place, { x: 1, score: step, std: Math.sqrt(2 * step) });
      }
      const { alpha } = rungs[index].level;
      if (++index < sigmas.length || "denoise" in options) {
        expectMoments(x, { mean: alpha * expected.mean, std: alpha * expected.std });
      } else {
        expectMoments(x, afterStep(data, expected, place, denoising(place)));
      }
    }
    expect(index).toBe(sigmas.length);
  });

  it("has NCSN's levels and step", () => {
    // ten levels from 1 to 0.01 and epsilon 2e-5: geometric, ratio 0.01^(1/9)
    const rungs = langevinRungs(ve({ sigmaMin: 0.01, sigmaMax: 1, timesteps: 10 }), {});
    expect(rungs.length).toBe(10);
    rungs.forEach(({ level, size: step }, i) => {
      const sigma = 0.01 ** (i / 9);
      expect(level.sigma).toBeCloseTo(sigma, 10);
      expect(step).toBeCloseTo(2e-5 * (sigma / 0.01) ** 2, 10);
    });
  });

  it.each([
    [{ epsilon: 3e-4 }, "diverges at the last noise level 0.01"],
    [{ steps: 0 }, "steps must be"],
    [{ sigmas: [1, 2] }, "falling"],
    [{ sigmas: [100, 1] }, "sigma / alpha from 0.01"],
    [{ sigmaMin: 2, sigmaMax: 1 }, "no interval"],
    [{ stepsPerLevel: 0.5 }, "stepsPerLevel"],
    [{ levels: 3 }, "unknown option"],
  ])("refuses %j", (options, message) => {
    const run = () =>
      annealedLangevin(options as never).sample(gaussianDenoiser(data, ve()), { shape: [1, 1], seed: 0 });
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(message);
  });

  it("needs a finite noise level to start from", () => {
    const denoiser = gaussianDenoiser(data, straightLine());
    expect(() => annealedLangevin().sample(denoiser, { shape: [1, 1], seed: 0 })).toThrow("sigmaMax");
  });
});
