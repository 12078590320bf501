import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { Denoiser } from "../denoiser.ts";
import { cosine, linear, vp } from "../discrete-vp.ts";
import { straightLine } from "../straight-line.ts";
import { type Gaussian, gaussianDenoiser, momentsOf } from "../testing/gaussian.ts";
import { spacedTimesteps } from "../times.ts";
import { type DdpmOptions, ddpm, ddpmMoves, ddpmStep } from "./ddpm.ts";
import { type SolverStep, solve } from "./solver.ts";

const size = 40_000;
const path = vp(linear());

async function stepsOf(options: DdpmOptions, data: Gaussian, initial?: Float32Array): Promise<SolverStep[]> {
  const steps: SolverStep[] = [];
  for await (const step of ddpm({ clip: false, ...options }).sample(gaussianDenoiser(data, path), {
    shape: [1, size],
    seed: 3,
    initial,
  })) {
    steps.push(step);
  }
  return steps;
}

/** Five standard errors of the mean and of the standard deviation of `size` normal numbers. */
function within(found: Gaussian, expected: Gaussian) {
  expect(Math.abs(found.mean - expected.mean)).toBeLessThan((5 * expected.std) / Math.sqrt(size) + 1e-6);
  expect(Math.abs(found.std - expected.std)).toBeLessThan((5 * expected.std) / Math.sqrt(2 * size) + 1e-6);
}

describe("ddpm on Gaussian data", () => {
  it("is exact with the large variance for data ~ N(0, I), however few the steps", async () => {
    const steps = await stepsOf({ steps: 10, variance: "large" }, { mean: 0, std: 1 });
    for (const { x } of steps.slice(0, -1)) within(momentsOf(x), { mean: 0, std: 1 });
    // The last step returns the mean given x at t = 0: sqrt(alphaBar) x.
    within(momentsOf(steps[9].x), { mean: 0, std: path.alpha(0) });
    const small = await stepsOf({ steps: 10, variance: "small" }, { mean: 0, std: 1 });
    expect(momentsOf(small[5].x).std).toBeLessThan(0.95); // the small variance falls short, by far more than chance
  });

  it("is exact with the small variance for data that is one point", async () => {
    const data = { mean: 0.4, std: 0 };
    const initial = Random.from(9)
      .normals(size)
      .map((z) => path.alpha(999) * data.mean + path.sigma(999) * z);
    const steps = await stepsOf({ steps: 10, variance: "small" }, data, initial);
    steps.slice(0, -1).forEach(({ x }, i) => {
      const t = steps[i + 1].t;
      within(momentsOf(x), { mean: path.alpha(t) * data.mean, std: path.sigma(t) });
    });
    for (const value of steps[9].x.subarray(0, 10)) expect(value).toBeCloseTo(0.4, 5);
  });

  it.each(["small", "large"] as const)("has the exact moments of its chain, %s variance", async (variance) => {
    const data = { mean: 0.3, std: 0.5 };
    const steps = await stepsOf({ steps: 20, variance, spacing: "trailing" }, data);
    // The chain is linear in x: each step draws from q(x' | x, x0hat) by Bayes' rule for two Gaussians, the one
    // sqrt(1 - beta) x' + sqrt(beta) z = x, the other x' ~ N(alpha' x0hat, sigma'²).
    let expected = { mean: 0, std: 1 };
    steps.forEach(({ t, x }, i) => {
      const [alpha, sigma] = [path.alpha(t), path.sigma(t)];
      const total = alpha ** 2 * data.std ** 2 + sigma ** 2;
      const gain = (alpha * data.std ** 2) / total; // x0hat = mean + gain (x - alpha mean)
      if (i === steps.length - 1) {
        const mean = data.mean + gain * (expected.mean - alpha * data.mean);
        within(momentsOf(x), { mean, std: gain * expected.std });
        return;
      }
      const [alphaNext, varianceNext] = [path.alpha(steps[i + 1].t), path.sigma(steps[i + 1].t) ** 2];
      const decay = alpha / alphaNext;
      const beta = 1 - decay ** 2;
      const posterior = 1 / (decay ** 2 / beta + 1 / varianceNext);
      const slope = posterior * (decay / beta + (alphaNext * gain) / varianceNext);
      const offset = posterior * ((alphaNext * data.mean * (1 - gain * alpha)) / varianceNext);
      const added = variance === "small" ? posterior : beta;
      expected = { mean: slope * expected.mean + offset, std: Math.sqrt(slope ** 2 * expected.std ** 2 + added) };
      within(momentsOf(x), expected);
    });
  });

  it("draws the data with all 1000 steps", async () => {
    const images = await solve(ddpm({ clip: false }), gaussianDenoiser({ mean: 0.3, std: 0.2 }, path), {
      shape: [1, 10_000],
      seed: 1,
    });
    const found = momentsOf(images);
    expect(Math.abs(found.mean - 0.3)).toBeLessThan(0.01); // standard error 0.002
    expect(Math.abs(found.std - 0.2)).toBeLessThan(0.01); // standard error 0.0014, bias of the large variance 0.003
  });
});

describe("ddpm with learned variances", () => {
  const data = { mean: 0.3, std: 0.5 };
  const few = vp(linear({ timesteps: 20, start: 0.005, end: 0.4 }));
  const oracle = gaussianDenoiser(data, few);
  const times = Array.from({ length: 20 }, (_, i) => 19 - i);
  const withV = (v: (t: number) => number): Denoiser => ({
    path: few,
    async denoise(x, at, condition) {
      const denoised = await oracle.denoise(x, at, condition);
      return { ...denoised, variance: new Float32Array(x.length).fill(v(typeof at === "number" ? at : at.t)) };
    },
  });

  it("has the moments of the data themselves when the variance is exact, element by element", async () => {
    // Var(x_{t-1} | x_t) = posterior variance + c1² Var(x0 | x_t), between the two fixed ones.
    const v = (t: number) => {
      if (t === 0) return 0;
      const [beta, low, total] = [few.betas[t], few.posteriorVariance(t), 1 - few.alphaBar(t)];
      const factor = (Math.sqrt(few.alphaBarPrevious(t)) * beta) / total;
      const left = (data.std ** 2 * total) / (few.alphaBar(t) * data.std ** 2 + total);
      return (2 * Math.log((low + factor ** 2 * left) / low)) / Math.log(beta / low) - 1;
    };
    for (const t of times.slice(0, -1)) expect(Math.abs(v(t))).toBeLessThan(1);
    const initial = Random.from(4)
      .normals(size)
      .map((z) => few.alpha(19) * data.mean + Math.hypot(few.alpha(19) * data.std, few.sigma(19)) * z);
    let next = 19;
    const solver = ddpm({ variance: "learned", clip: false });
    for await (const { t, x } of solver.sample(withV(v), { shape: [1, size], seed: 3, initial })) {
      expect(t).toBe(next--);
      if (t === 0) continue; // its mean alone
      const [alpha, sigma] = [few.alpha(t - 1), few.sigma(t - 1)];
      within(momentsOf(x), { mean: alpha * data.mean, std: Math.hypot(alpha * data.std, sigma) });
    }
  });

  it("has the fixed variances at v = -1 and v = 1, each element its own", () => {
    const [learned, small, large] = (["learned", "small", "large"] as const).map(
      (one) => ddpmMoves(few, times, one)[5],
    );
    const [x, sample, z] = [Float32Array.of(0.1, 0.2, 0.3), Float32Array.of(0, 0.1, 0.2), Float32Array.of(1, 1, 1)];
    const noise = sample;
    const found = ddpmStep(learned, x, { sample, noise, variance: Float32Array.of(-1, 1, 0) }, z, 1).x;
    expect(found[0]).toBeCloseTo(ddpmStep(small, x, { sample, noise }, z, 1).x[0], 6);
    expect(found[1]).toBeCloseTo(ddpmStep(large, x, { sample, noise }, z, 1).x[1], 6);
    const mean = learned.sampleFactor * 0.2 + learned.noisedFactor * 0.3;
    expect(found[2]).toBeCloseTo(mean + Math.sqrt(small.std * large.std), 6); // the geometric mean
  });

  it("has the log variances of diffusers' learned_range", async () => {
    // [steps, t, v, ln variance] of DDPMScheduler 0.42.1, trailing: test/parity/make_learned_variance.py; betas in float32
    const file = new URL("../../../test/parity/learned-variance.golden.json", import.meta.url);
    const golden: [number, number, number, number][] = JSON.parse(await readFile(file, "utf8"));
    expect(golden).toHaveLength(24);
    for (const [steps, t, v, logVariance] of golden) {
      const kept = spacedTimesteps(1000, steps, "trailing");
      const move = ddpmMoves(path, kept, "learned")[kept.indexOf(t)];
      const [x, ones] = [new Float32Array(1), Float32Array.of(1)];
      const stepped = ddpmStep(move, x, { sample: x, noise: x, variance: Float32Array.of(v) }, ones, false).x[0];
      expect(2 * Math.log(stepped)).toBeCloseTo(logVariance, 4);
    }
  });

  it("says so when the network predicts none", async () => {
    const run = solve(ddpm({ variance: "learned", steps: 3 }), oracle, { shape: [1, 2], seed: 0 });
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow(/the network predicts none \(t = 19\); take variance "small"/);
  });
});

describe("ddpmMoves", () => {
  it("is DDPM's posterior on all timesteps", () => {
    const times = Array.from({ length: 1000 }, (_, i) => 999 - i);
    const moves = ddpmMoves(path, times, "small");
    const large = ddpmMoves(path, times, "large");
    for (const i of [0, 500, 998]) {
      const t = times[i];
      expect(moves[i].std ** 2 / path.posteriorVariance(t)).toBeCloseTo(1, 10);
      expect(large[i].std ** 2 / path.betas[t]).toBeCloseTo(1, 10);
      // The mean in terms of eps (eq. 11): (x - beta / sqrt(1 - alphaBar) eps) / sqrt(1 - beta), for x0 = 0.3, eps = -1.2.
      const x = path.alpha(t) * 0.3 + path.sigma(t) * -1.2;
      const mean = (x - (path.betas[t] / path.sigma(t)) * -1.2) / Math.sqrt(1 - path.betas[t]);
      expect(moves[i].sampleFactor * 0.3 + moves[i].noisedFactor * x).toBeCloseTo(mean, 10);
    }
    expect(moves[999]).toMatchObject({ t: 0, std: 0, noisedFactor: 0 });
    expect(moves[999].sampleFactor).toBeCloseTo(1, 12);
  });

  it("adds no noise in its last step, even where that is not at t = 0", () => {
    expect(ddpmMoves(vp(cosine()), [999, 499], "large")[1]).toMatchObject({ std: 0, noisedFactor: 0 });
  });
});

describe("ddpm refuses", () => {
  it.each([{ steps: 0 }, { steps: 1.5 }, { variance: "fixedlarge" }, { clip: 0 }, { clip: Number.NaN }, { eta: 1 }])(
    "%j",
    (options) => {
      expect(() => ddpm(options as never)).toThrow(ConfigError);
    },
  );

  it("paths that have no chain, and names a solver that takes them", () => {
    const line = gaussianDenoiser({ mean: 0, std: 1 }, straightLine(), "flow");
    expect(() => ddpm().sample(line, { shape: [1, 1], seed: 0 })).toThrow(
      /needs a discrete.*not straightLine; the ddim solver/,
    );
  });

  it("more steps than the path has", () => {
    const denoiser = gaussianDenoiser({ mean: 0, std: 1 }, path);
    expect(() => ddpm({ steps: 1001 }).sample(denoiser, { shape: [1, 1], seed: 0 })).toThrow(
      "1000 timesteps, not 1001",
    );
  });
});
