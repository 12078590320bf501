import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { continuousVp } from "../continuous-vp.ts";
import type { Denoiser } from "../denoiser.ts";
import { cosine, linear, vp } from "../discrete-vp.ts";
import type { Path } from "../path-contract.ts";
import type { ReverseStep } from "../reverse-step.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoiser } from "../testing/gaussian.ts";
import { ve } from "../ve.ts";
import { discretisedGaussian } from "./discretised-gaussian.ts";
import { gaussianKl, type VlbOptions, variationalBound } from "./vlb.ts";

const data = { mean: 0.3, std: 0.5 };
const size = 4000;
const images = Random.from(7)
  .normals(size)
  .map((z) => data.mean + data.std * z);
const batch = { images, shape: [1, size], seed: 3 };

/** Var(x0 | x_t) of the data. */
const uncertainty = ({ level: { alpha, sigma } }: Pick<ReverseStep, "level">) =>
  (data.std ** 2 * sigma ** 2) / ((alpha * data.std) ** 2 + sigma ** 2);
/** The variance of the true reverse step. */
const exactVariance = (step: ReverseStep) => step.small + step.sampleFactor ** 2 * uncertainty(step);
const bitsOf = (values: Float32Array) =>
  values.reduce(
    (sum, x) => sum + 0.5 * (Math.log(2 * Math.PI * data.std ** 2) + ((x - data.mean) / data.std) ** 2),
    0,
  ) /
  (values.length * Math.LN2);
const trueBits = bitsOf(images);

function bound(path: Path, options: Partial<VlbOptions>, denoiser: Denoiser = gaussianDenoiser(data, path)) {
  return variationalBound(denoiser, { ...batch, variance: "small", clip: false, decoder: "density", ...options });
}

/** The mean over x_t of a term with reverse variance V: of the squared error of x0hat for this batch, in closed form. */
function expectedStep(level: { alpha: number; sigma: number }, small: number, factor: number, variance: number) {
  const { alpha, sigma } = level;
  const total = (alpha * data.std) ** 2 + sigma ** 2;
  const keep = sigma ** 2 / total; // x0 - x0hat = keep (x0 - mean) - gain sigma z
  const gain = (alpha * data.std ** 2) / total;
  const spread = images.reduce((sum, x) => sum + (x - data.mean) ** 2, 0) / size;
  const square = keep ** 2 * spread + (gain * sigma) ** 2;
  const logs = Math.log(small) - Math.log(variance);
  return { square, nats: 0.5 * (-1 - logs + Math.exp(logs) + (factor ** 2 * square) / variance) };
}

describe("gaussianKl", () => {
  it("is zero for one distribution and known for two", () => {
    expect(gaussianKl(0.4, -1, 0.4, -1)).toBe(0);
    // KL(N(1, 4) | N(0, 1)) = (4 + 1 - 1 - ln 4) / 2
    expect(gaussianKl(1, Math.log(4), 0, 0)).toBeCloseTo((4 - Math.log(4)) / 2, 12);
  });
});

describe("variationalBound of Gaussian data", () => {
  it.each([
    ["linear, 50 steps", vp(linear()), { steps: 50 }],
    ["cosine, all of 40", vp(cosine({ timesteps: 40 })), {}],
    ["straight, 30 steps", straightLine(), { steps: 30 }],
    ["VP, 10 steps", continuousVp(), { steps: 10 }],
  ] as const)("with the exact reverse variance is the true likelihood, %s", async (_, path, options) => {
    // 100 images of 200 numbers: the spread of their differences from the truth is that of drawing x_t.
    const many = Random.from(8)
      .normals(20_000)
      .map((z) => data.mean + data.std * z);
    const found = await bound(path, { ...options, images: many, shape: [100, 200], variance: exactVariance });
    const off = found.bits.map((bits, n) => bits - bitsOf(many.subarray(200 * n, 200 * (n + 1))));
    const mean = off.reduce((sum, value) => sum + value, 0) / 100;
    const error = Math.sqrt(off.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / 100;
    expect(error).toBeLessThan(0.02);
    expect(Math.abs(mean)).toBeLessThan(4 * error + 1e-4);
    expect(found.terms.reduce((sum, { bits }) => sum + bits[0], 0)).toBeCloseTo(found.bits[0], 10);
  });

  it("with a fixed variance is above it, and comes down to it as the steps divide the log-SNR", async () => {
    for (const fixed of ["small", "large"] as const) {
      const gaps = [];
      for (const timesteps of [20, 80, 320]) {
        const variance = (step: ReverseStep) => (step.next.sigma === 0 ? step.large : step[fixed]);
        gaps.push((await bound(ve({ sigmaMin: 0.05, timesteps }), { variance })).mean - trueBits);
      }
      // Each step is off by the square of its part of the log-SNR, so all of them by 1 / steps.
      expect(gaps[0], fixed).toBeGreaterThan(0.1);
      expect(gaps[0] / gaps[1]).toBeGreaterThan(2.5);
      expect(gaps[1] / gaps[2]).toBeGreaterThan(2);
      expect(Math.abs(gaps[2])).toBeLessThan(0.2);
    }
  });

  it.each(["small", "large"] as const)("has each term in closed form, %s variance", async (variance) => {
    const path = vp(linear({ timesteps: 12, start: 0.01, end: 0.4 }));
    const { terms } = await bound(path, { variance });
    expect(terms.map(({ kind }) => kind)).toEqual(["prior", ...new Array(11).fill("step"), "decoder"]);
    expect(terms.slice(1).map(({ t }) => t)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    for (const { t, bits } of terms.slice(1)) {
      const [beta, bar, before] = [path.betas[t], path.alphaBar(t), path.alphaBarPrevious(t)];
      // At t = 0 DDPM puts the posterior variance of t = 1 in place of 0, in either table.
      const small = path.posteriorVariance(t === 0 ? 1 : t);
      const chosen = variance === "large" && t > 0 ? beta : small;
      const factor = (Math.sqrt(before) * beta) / (1 - bar);
      const { square, nats } = expectedStep(path.at(t), small, factor, chosen);
      const expected = t > 0 ? nats : 0.5 * (Math.log(2 * Math.PI * chosen) + square / chosen);
      // the error of the mean of 4000 squares of normal numbers: sqrt(2 / 4000) of it
      const error = (0.5 * factor ** 2 * square) / chosen / Math.LN2;
      expect(Math.abs(bits[0] - expected / Math.LN2), `t = ${t}`).toBeLessThan(5 * error * Math.sqrt(2 / size) + 1e-6);
    }
  });

  it("has the prior term of the linear schedule", async () => {
    // L_T for E x0² = 1: 2.91e-5 bits per dimension
    const ones = images.map((_, i) => (i % 2 === 0 ? 1 : -1));
    const { terms } = await bound(vp(linear()), { images: ones, steps: 2 });
    expect(terms[0].bits[0]).toBeCloseTo(2.91e-5, 7);
  });

  it("takes learned variances between the two fixed ones", async () => {
    const path = vp(linear({ timesteps: 12, start: 0.01, end: 0.4 }));
    const oracle = gaussianDenoiser(data, path);
    const withV = (v: (x: Float32Array, t: number) => number): Denoiser => ({
      path,
      async denoise(x, at) {
        const t = typeof at === "number" ? at : at.t;
        return { ...(await oracle.denoise(x, at)), variance: new Float32Array(x.length).fill(v(x, t)) };
      },
    });
    const mean = async (v: number) =>
      (
        await bound(
          path,
          { variance: "learned" },
          withV(() => v),
        )
      ).terms;
    const [least, most] = [await mean(-1), await mean(1)];
    const [small, large] = [
      (await bound(path, { variance: "small" })).terms,
      (await bound(path, { variance: "large" })).terms,
    ];
    for (let i = 0; i < 12; i++) {
      expect(least[i].bits[0]).toBeCloseTo(small[i].bits[0], 10);
      expect(most[i].bits[0]).toBeCloseTo(large[i].bits[0], 10);
    }
    // v that says the exact variance gives the exact bound, below both
    const exact = withV((_, t) => {
      const [beta, low] = [path.betas[t], path.posteriorVariance(Math.max(t, 1))];
      const factor = (Math.sqrt(path.alphaBarPrevious(t)) * beta) / (1 - path.alphaBar(t));
      const wanted = path.posteriorVariance(t) + factor ** 2 * uncertainty({ level: path.at(t) });
      return (2 * (Math.log(wanted) - Math.log(low))) / (Math.log(beta) - Math.log(low)) - 1;
    });
    const learned = await bound(path, { variance: "learned" }, exact);
    const given = await bound(path, { variance: exactVariance });
    expect(learned.mean).toBeCloseTo(given.mean, 5);
    expect(learned.mean).toBeLessThan((await bound(path, { variance: "small" })).mean);
    expect(learned.mean).toBeLessThan((await bound(path, { variance: "large" })).mean);
  });

  it("ends with the discretised Gaussian of pixel levels", async () => {
    const path = vp(linear({ timesteps: 10, start: 0.001, end: 0.4 }));
    const pixels = images.map((x) => Math.min(1, Math.max(-1, Math.round((x + 1) * 127.5) / 127.5 - 1)));
    const sample = new Float32Array(size).fill(0.25);
    const constant: Denoiser = { path, denoise: async () => ({ sample, noise: sample }) };
    for (const cdf of ["exact", "tanh"] as const) {
      const { terms } = await bound(path, { images: pixels, decoder: "discretised", cdf, clip: 0.2 }, constant);
      const logScale = Math.log(path.posteriorVariance(1)) / 2;
      const nats = pixels.reduce((sum, x) => sum + discretisedGaussian(x, Math.fround(0.2), logScale, cdf), 0);
      expect(terms[10].bits[0]).toBeCloseTo(nats / (size * Math.LN2), 6);
    }
  });

  it("gives each image its own numbers, however they are cut into batches", async () => {
    const path = vp(linear());
    const four = { images: images.slice(0, 40), shape: [4, 10], steps: 5 };
    const whole = await bound(path, four);
    const first = await bound(path, { ...four, images: images.slice(0, 10), shape: [1, 10] });
    const rest = await bound(path, { ...four, images: images.slice(10, 40), shape: [3, 10], firstImage: 1 });
    expect([...first.bits, ...rest.bits]).toEqual([...whole.bits]);
    expect(whole.mean).toBeCloseTo(whole.bits.reduce((a, b) => a + b) / 4, 12);
    const progress: number[][] = [];
    await bound(path, { ...four, onTerm: (done, of) => progress.push([done, of]) });
    expect(progress).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
  });
});

describe("variationalBound refuses", () => {
  const path = vp(linear());
  it.each([
    [{ variance: "learned" }, path, "predicts no variances"],
    [{ variance: "medium" }, path, "variance must be"],
    [{ steps: 1 }, path, "no step before the last"],
    [{ steps: 1001 }, path, "1000 timesteps"],
    [{}, straightLine(), "needs a number of steps"],
    [{ variance: () => 0, steps: 3 }, path, "must be above 0, not 0"],
    [{ shape: [] }, path, "shape must be a list"],
    [{ seed: -1 }, path, "seed must be"],
    [{ bins: 256 }, path, "unknown option"],
  ] as const)("%j", async (options, on, message) => {
    const run = bound(on, { spacing: "trailing", ...(options as object) });
    await expect(run).rejects.toThrow(ConfigError);
    await expect(bound(on, { spacing: "trailing", ...(options as object) })).rejects.toThrow(message);
  });

  it("images of another shape", async () => {
    await expect(bound(path, { shape: [2, 3] })).rejects.toThrow(ShapeError);
  });
});
