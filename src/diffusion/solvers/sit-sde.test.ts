import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { continuousVp } from "../continuous-vp.ts";
import { linear, vp } from "../discrete-vp.ts";
import { gvp } from "../gvp.ts";
import type { Path } from "../path-contract.ts";
import { straightLine } from "../straight-line.ts";
import { afterStep, denoising, expectMoments, type LinearStep } from "../testing/chain.ts";
import { type Gaussian, gaussianDenoiser, gaussianFlow } from "../testing/gaussian.ts";
import { type SitDiffusion, type SitSdeOptions, sitDiffusion, sitSde } from "./sit-sde.ts";
import { solve } from "./solver.ts";

const data = { mean: 0.3, std: 0.5 };
const size = 20_000;
const line = straightLine();

/** w as the paper and its code write it, in SiT's time s = 1 - u, on the straight line (alpha = s, sigma = 1 - s). */
const onLine: Record<SitDiffusion, (s: number) => number> = {
  constant: () => 1,
  sbdm: (s) => (1 - s) / s,
  sigma: (s) => 1 - s,
  linear: (s) => 1 - s,
  decreasing: (s) => 0.25 * (Math.cos(Math.PI * s) + 1) ** 2,
  sineSquared: (s) => Math.sin(Math.PI * s) ** 2,
};

/**
 * x + h (v + w score) on the straight line: v = x1 - x0 = -(x + (1 - t) score ...) by Tweedie, x1 = (x + t² score) / (1 - t)
 * and x0 = -t score.
 */
function step(t: number, h: number, w: number, noised: boolean): LinearStep {
  const std = noised ? Math.sqrt(2 * w * h) : 0;
  return { x: 1 + h / (1 - t), score: h * ((t * t) / (1 - t) + t + w), std };
}

describe("sitSde on the straight line", () => {
  it.each([
    ["sigma", "mean"],
    ["constant", "tweedie"],
    ["linear", "euler"],
    ["decreasing", "mean"],
    ["sineSquared", "none"],
    ["sbdm", "mean"],
  ] as const)("has the exact moments of its chain, %s and %s", async (diffusion, lastStep) => {
    const timeMax = 0.95; // at 1 there is no data, and score and data no longer tell x
    const steps = 12;
    const solver = sitSde({ steps, diffusion, lastStep, timeMax, diffusionScale: 0.7 });
    const until = lastStep === "none" ? 0 : 0.04;
    const count = lastStep === "none" ? steps : steps - 1;
    const first = line.at(timeMax);
    let expected: Gaussian = { mean: 0, std: Math.hypot(first.alpha, first.sigma) };
    let i = 0;
    for await (const { t, x, of } of solver.sample(gaussianDenoiser(data, line), { shape: [1, size], seed: 2 })) {
      expect(of).toBe(steps);
      const h = (timeMax - until) / count;
      const w = 0.7 * onLine[diffusion](1 - t);
      if (i < count) {
        expect(t).toBeCloseTo(timeMax - i * h, 12);
        expected = afterStep(data, expected, line.at(t), step(t, h, w, true));
      } else {
        expect(t).toBeCloseTo(0.04, 12);
        const last = {
          mean: step(t, t, w, false),
          euler: step(t, t, 0, false),
          tweedie: denoising(line.at(t)),
          none: undefined,
        }[lastStep]!;
        expected = afterStep(data, expected, line.at(t), last);
      }
      expectMoments(x, expected);
      i++;
    }
    expect(i).toBe(steps);
  });

  it.each(["sigma", "sineSquared"] as const)("has the moments of the Heun chain, %s", async (diffusion) => {
    // Noise first, then x + h/2 (k1 + k2): each slope is A x + B, so the step is linear with these two.
    const solver = sitSde({ steps: 8, diffusion, method: "heun", lastStep: "none", timeMax: 0.9 });
    let expected: Gaussian = { mean: 0, std: Math.hypot(0.1, 0.9) };
    const slope = (t: number) => {
      const total = ((1 - t) * data.std) ** 2 + t * t;
      const { x, score } = step(t, 1, onLine[diffusion](1 - t), false);
      return { a: x - 1 - score / total, b: (score * (1 - t) * data.mean) / total };
    };
    const h = 0.9 / 8;
    for await (const { t, x } of solver.sample(gaussianDenoiser(data, line), { shape: [1, size], seed: 2 })) {
      const w = onLine[diffusion](1 - t);
      const [here, end] = [slope(t), t - h < 1e-9 ? undefined : slope(t - h)];
      // the last step, into t = 0, is an Euler step
      const a = end ? (h / 2) * (here.a + end.a * (1 + h * here.a)) : h * here.a;
      const b = end ? (h / 2) * (here.b + end.b + end.a * h * here.b) : h * here.b;
      const noisy = end ? Math.hypot(expected.std, Math.sqrt(2 * w * h)) * (1 + a) : undefined;
      expected = {
        mean: expected.mean * (1 + a) + b,
        std: noisy ?? Math.hypot(expected.std * (1 + a), Math.sqrt(2 * w * h)),
      };
      expectMoments(x, expected);
    }
  });

  it("is the flow without noise: Euler of order one, Heun of order two", async () => {
    const exact = gaussianFlow(data, 1, line.at(1), { alpha: 1, sigma: 0 }); // 0.8
    const error = async (options: SitSdeOptions) => {
      const solver = sitSde({ diffusionScale: 0, lastStep: "none", ...options });
      const [x] = await solve(solver, gaussianDenoiser(data, line), {
        shape: [1, 1],
        seed: 0,
        initial: Float32Array.of(1),
      });
      return x - exact;
    };
    // Golden values of the flow's Euler steps: 0.64054054, 0.73078260, 0.78539674 with 4, 10, 50 of them.
    expect(await error({ steps: 4 })).toBeCloseTo(0.64054054 - 0.8, 6);
    expect(await error({ steps: 10 })).toBeCloseTo(0.7307826 - 0.8, 6);
    expect(await error({ steps: 50 })).toBeCloseTo(0.78539674 - 0.8, 6);
    const heun = [await error({ steps: 40, method: "heun" }), await error({ steps: 80, method: "heun" })];
    expect(Math.log2(heun[0] / heun[1])).toBeGreaterThan(1.8);
  });
});

describe("sitSde", () => {
  it("draws the data on every kind of path", async () => {
    for (const path of [gvp(), continuousVp(), vp(linear())] as Path[]) {
      const images = await solve(sitSde({ steps: 150, lastStepSize: 0.02 }), gaussianDenoiser(data, path), {
        shape: [1, size],
        seed: 3,
      });
      expectMoments(images, data, 0.03);
    }
  });

  it("has SiT's table of diffusions", () => {
    // GVP at SiT's time 0.25: (pi/2) cot(pi/8) = 3.7922378; VP: half of beta = 0.1 + 19.9 u
    expect(sitDiffusion(gvp(), "sbdm", gvp().at(0.75))).toBeCloseTo(3.7922378, 6);
    expect(sitDiffusion(continuousVp(), "sbdm", continuousVp().at(0.3))).toBeCloseTo((0.1 + 19.9 * 0.3) / 2, 10);
    for (const diffusion of Object.keys(onLine) as SitDiffusion[]) {
      for (const t of [0.1, 0.5, 0.8]) {
        expect(sitDiffusion(line, diffusion, line.at(t)), diffusion).toBeCloseTo(onLine[diffusion](1 - t), 12);
      }
    }
  });

  it.each([
    [{ diffusion: "sbdm" }, "infinite at t = 1"],
    [{ diffusion: "increasing" }, "diffusion must be"],
    [{ steps: 1 }, "steps must be an integer from 2"],
    [{ lastStepSize: 1 }, "lastStepSize"],
    [{ lastStepSize: 0.5, timeMax: 0.4 }, "no interval"],
    [{ timeMax: 1.5 }, "no interval"],
    [{ shift: 3 }, "unknown option"],
  ])("refuses %j", (options, message) => {
    const run = () => sitSde(options as never).sample(gaussianDenoiser(data, line), { shape: [1, 1], seed: 0 });
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(message);
  });
});
