import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { linear } from "../betas.ts";
import { type Denoiser, denoiserOf } from "../denoiser.ts";
import { vp } from "../discrete-vp.ts";
import { edm } from "../edm.ts";
import { straightLine } from "../straight-line.ts";
import { absoluteSum, dummyNetwork, dummySample, dummyShape } from "../testing/dummy.ts";
import { gaussianDenoiser, gaussianFlow, momentsOf } from "../testing/gaussian.ts";
import { goldenData, goldenLevels, goldenPaths, goldenRun, ordersOf } from "../testing/golden-grid.ts";
import { type DpmppMultistepOptions, dpmppMultistep } from "./dpmpp-multistep.ts";
import { dpmppMultistepSde } from "./dpmpp-multistep-sde.ts";
import { exponentialStep } from "./exponential.ts";
import { solve } from "./solver.ts";

const path = vp(linear());
const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

describe("dpmppMultistep on the golden grid", () => {
  const golden: [number, 2 | 3, number][] = [
    [10, 2, 0.87721396],
    [20, 2, 0.82265155],
    [40, 2, 0.80329795],
    [10, 3, 0.94841483],
    [20, 3, 0.79293759],
    [40, 3, 0.79871264],
  ];
  it.each(golden)("%i steps of order %i, in either variables", async (steps, order, expected) => {
    const solver = dpmppMultistep({ ...goldenLevels, steps, order, lowerOrderFinal: false });
    for (const [name, path] of Object.entries(goldenPaths)) {
      expect(Math.abs((await goldenRun(solver, path)) - expected), name).toBeLessThan(1e-6);
    }
  });

  it("of order 1 is Euler in sigma, as a first-order step is DDIM in every form", async () => {
    // The golden values of Euler.
    for (const [steps, expected] of [
      [10, 0.66384352],
      [20, 0.72892336],
      [40, 0.76310758],
    ]) {
      for (const form of ["data", "noise"] as const) {
        const solver = dpmppMultistep({ ...goldenLevels, steps, order: 1, form });
        for (const [name, path] of Object.entries(goldenPaths)) {
          // In the form "noise" a state of 80 in float32 is rounded to 4e-6.
          expect(Math.abs((await goldenRun(solver, path)) - expected), name).toBeLessThan(
            form === "data" ? 1e-6 : 1e-5,
          );
        }
      }
    }
  });

  it("is the stochastic form with eta 0", async () => {
    const levels = { ...goldenLevels, steps: 20, order: 3 } as const;
    const [ode, sde] = [dpmppMultistep(levels), dpmppMultistepSde({ ...levels, eta: 0 })];
    expect(await goldenRun(sde, edm())).toBe(await goldenRun(ode, edm()));
  });
});

describe("dpmppMultistep's order", () => {
  /** Errors at sigma = 0.1 from sigma = 10, where nothing is stiff, with 20, 40, 80 even steps of log-SNR. */
  async function errorsOf(options: Partial<DpmppMultistepOptions>): Promise<number[]> {
    const path = edm();
    const exact = gaussianFlow(goldenData, 3, path.at(10), path.at(0.1));
    const errors: number[] = [];
    for (const steps of [20, 40, 80]) {
      const solver = dpmppMultistep({
        schedule: "lambda",
        sigmaMax: 10,
        sigmaMin: 0.1,
        finalSigma: "sigmaMin",
        lowerOrderFinal: false,
        steps,
        ...options,
      });
      errors.push((await solve(solver, gaussianDenoiser(goldenData, path), from(3)))[0] - exact);
    }
    return errors;
  }

  const cases: [Partial<DpmppMultistepOptions>, number][] = [
    [{ order: 1 }, 1],
    [{ order: 2 }, 2],
    [{ order: 2, variant: "heun" }, 2],
    [{ order: 3 }, 2], // as published; see the head of the module
    [{ order: 1, form: "noise" }, 1],
    [{ order: 2, form: "noise" }, 2],
    [{ order: 2, form: "noise", variant: "heun" }, 2],
    [{ order: 3, form: "noise" }, 2],
  ];
  it.each(cases)("%j", async (options, order) => {
    const orders = ordersOf(await errorsOf(options));
    expect(Math.abs(orders[1] - order), String(orders)).toBeLessThan(0.4);
  });
});

describe("exponentialStep", () => {
  it("integrates what it says", () => {
    // phi1, phi2, phi3 as integrals of e^(u - H) over [0, H] against 1, u / H and half of (u / H)², by Simpson's rule.
    const [from, to] = [
      { alpha: 0.6, sigma: 0.8 },
      { alpha: 0.9, sigma: 0.2 },
    ];
    for (const eta of [0, 1]) {
      const step = exponentialStep(from, to, "data", eta);
      const bigH = (1 + eta) * step.h;
      const integral = (f: (u: number) => number) => {
        const n = 1000;
        const at = (i: number) => Math.exp((i / n - 1) * bigH) * f(i / n);
        let sum = at(0) + at(n);
        for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * at(i);
        return (sum * bigH) / (3 * n);
      };
      expect(step.first / to.alpha).toBeCloseTo(
        integral(() => 1),
        10,
      );
      expect(step.second / to.alpha).toBeCloseTo(
        integral((u) => u),
        10,
      );
      expect(step.third / to.alpha).toBeCloseTo(
        integral((u) => (u * u) / 2),
        10,
      );
      // Of x0 and eps: x = alpha x0 + sigma eps becomes alpha' x0 + what of eps is kept and drawn, of variance sigma'².
      expect(step.state * from.alpha + step.first).toBeCloseTo(to.alpha, 12);
      expect(Math.hypot(step.state * from.sigma, step.std)).toBeCloseTo(to.sigma, 12);
    }
  });

  it("has a limit at both ends", () => {
    const middle = { alpha: 0.6, sigma: 0.8 };
    const [data, noise] = [
      { alpha: 1, sigma: 0 },
      { alpha: 0, sigma: 1 },
    ];
    expect(exponentialStep(middle, data, "data", 1)).toMatchObject({ state: 0, first: 1, std: 0 });
    expect(exponentialStep(noise, middle, "data")).toMatchObject({ state: 0.8, first: 0.6, std: 0 });
    expect(exponentialStep(noise, middle, "data", 1)).toMatchObject({ state: 0, first: 0.6, std: 0.8 });
    expect(exponentialStep(middle, data, "noise").first).toBeCloseTo(-0.8 / 0.6, 12);
    expect(exponentialStep(middle, middle, "data")).toMatchObject({ state: 1, first: 0, second: 0, third: 0 });
  });
});

describe("dpmppMultistep beside diffusers", () => {
  // tests/schedulers/test_scheduler_dpm_multi.py: 10 steps, order 2, midpoint, final sigma_min, lower_order_final false.
  const shared = { steps: 10, finalSigma: "sigmaMin", roundTimes: "nearest", lowerOrderFinal: false } as const;
  const spaced = { ...shared, spacing: "linspace", dropLast: true } as const;
  const cases: [string, "noise" | "v", DpmppMultistepOptions, number][] = [
    ["no noise", "noise", spaced, 0.3301],
    ["thresholding", "noise", { ...spaced, threshold: { ratio: 0.87, max: 0.5 } }, 1.1364],
    ["v prediction", "v", spaced, 0.2251],
    ["karras, v prediction", "v", { ...shared, schedule: "karras" }, 0.2096],
  ];
  it.each(cases)("full loop, %s", async (_, prediction, options, mean) => {
    const images = await solve(dpmppMultistep(options), denoiserOf(dummyNetwork, path, prediction), {
      shape: dummyShape,
      seed: 0,
      initial: dummySample(),
    });
    expect(Math.abs(absoluteSum(images).mean - mean)).toBeLessThan(1e-3);
  });
});

describe("dpmppMultistep out of pure noise and into the data", () => {
  it("is of order one there, whatever its order", async () => {
    const line = gaussianDenoiser(goldenData, straightLine(), "flow");
    for (const order of [1, 2, 3] as const) {
      // Two steps of the flow by hand: DDIM to t = 1/2, then x0hat.
      const [x] = await solve(dpmppMultistep({ steps: 2, order }), line, from(1));
      const middle = 0.5 * 0.3 + 0.5;
      expect(x).toBeCloseTo(0.3 + ((0.5 * 0.25) / (0.25 * 0.25 + 0.25)) * (middle - 0.5 * 0.3), 6);
    }
  });

  it("converges on the straight line", async () => {
    const solver = dpmppMultistep({ steps: 200, order: 2 });
    const [x] = await solve(solver, gaussianDenoiser(goldenData, straightLine(), "flow"), from(1));
    expect(Math.abs(x - 0.8)).toBeLessThan(1e-3);
  });
});

describe("startNoise", () => {
  it("is the spread of the numbers that a run starts from", async () => {
    const path = edm({ sigmaMax: 2 });
    const seen: number[] = [];
    for (const startNoise of ["marginal", "sigma"] as const) {
      const solver = dpmppMultistep({ steps: 3, startNoise });
      const denoiser = gaussianDenoiser(goldenData, path);
      const spy: Denoiser = {
        path,
        denoise(x, at) {
          seen.push(momentsOf(x).std);
          return denoiser.denoise(x, at);
        },
      };
      await solver.sample(spy, { shape: [1, 10_000], seed: 0 }).next();
    }
    expect(Math.abs(seen[0] - Math.sqrt(5))).toBeLessThan(0.08);
    expect(seen[1] / seen[0]).toBeCloseTo(2 / Math.sqrt(5), 5);
  });
});

describe("dpmppMultistepSde on Gaussian data", () => {
  const size = 6000;
  const cases = [
    { order: 1, eta: 1, steps: 200, bias: 0.02 }, // of order one
    { order: 2, eta: 1, steps: 200, bias: 0.006 },
    { order: 2, eta: 1, variant: "heun", steps: 200, bias: 0.007 },
    { order: 2, eta: 0.5, steps: 200, bias: 0.006 },
    { order: 3, eta: 1, steps: 200, bias: 0.004 },
  ] as const;
  it.each(cases)("mean and standard deviation, %j", async ({ bias, ...options }) => {
    for (const on of [path, straightLine()]) {
      const images = await solve(dpmppMultistepSde(options), gaussianDenoiser(goldenData, on), {
        shape: [1, size],
        seed: 3,
      });
      const found = momentsOf(images);
      // Five standard errors, and the bias of so many steps.
      expect(Math.abs(found.mean - 0.3)).toBeLessThan((5 * 0.5) / Math.sqrt(size) + bias);
      expect(Math.abs(found.std - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(2 * size) + bias);
    }
  });

  it("keeps variance in the form of the noise", async () => {
    const solver = dpmppMultistepSde({ steps: 300, form: "noise", finalSigma: "sigmaMin", schedule: "exponential" });
    const found = momentsOf(await solve(solver, gaussianDenoiser(goldenData, path), { shape: [1, size], seed: 3 }));
    expect(Math.abs(found.mean - 0.3)).toBeLessThan(0.04);
    expect(Math.abs(found.std - 0.5)).toBeLessThan(0.03);
  });

  it("scales its noise", async () => {
    const run = (noiseScale: number) =>
      solve(dpmppMultistepSde({ steps: 30, noiseScale }), gaussianDenoiser(goldenData, path), {
        shape: [1, 4000],
        seed: 3,
      });
    const [none, half, full] = await Promise.all([run(0), run(0.5), run(1)]);
    const stds = [none, half, full].map((images) => momentsOf(images).std);
    expect(stds[0]).toBeLessThan(stds[1]);
    expect(stds[1]).toBeLessThan(stds[2]);
    expect(stds[0]).toBeLessThan(0.05); // all contracts to the mean
  });
});

describe("dpmppMultistep refuses", () => {
  it.each([
    [{ steps: 5, order: 4 }, "order must be 1, 2 or 3, not 4"],
    [{ steps: 5, variant: "bh2" }, '"midpoint" or "heun", not "bh2"'],
    [{ steps: 5, form: "sample" }, '"data" or "noise", not "sample"'],
    [{ steps: 5, eta: 1 }, 'unknown option "eta"'],
    [{ steps: 5, oder: 2 }, "Did you mean order"],
  ])("%j", (options, message) => {
    expect(() => dpmppMultistep(options as never)).toThrow(ConfigError);
    expect(() => dpmppMultistep(options as never)).toThrow(message);
  });

  it("what the path cannot give", () => {
    const line = gaussianDenoiser(goldenData, straightLine(), "flow");
    const discrete = gaussianDenoiser(goldenData, path);
    expect(() => dpmppMultistep({ steps: 5, form: "noise" }).sample(line, from(1))).toThrow(
      /dpmppMultistep: at t = 1 the path has alpha = 0.*form "data"/,
    );
    expect(() => dpmppMultistep({}).sample(discrete, from(1))).toThrow("steps is missing");
    expect(() => dpmppMultistep({ steps: 1001 }).sample(discrete, from(1))).toThrow("1000 timesteps");
    expect(() => dpmppMultistepSde({ steps: 5, form: "noise" }).sample(discrete, from(1))).toThrow(
      'give finalSigma "sigmaMin"',
    );
    expect(() => dpmppMultistepSde({ steps: 5, eta: -1 })).toThrow("eta must be a finite number from 0");
  });
});
