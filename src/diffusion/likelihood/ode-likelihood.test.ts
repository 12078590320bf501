import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { continuousVp, subVp } from "../continuous-vp.ts";
import type { Denoiser } from "../denoiser.ts";
import { linear, vp } from "../discrete-vp.ts";
import type { Path } from "../path-contract.ts";
import { type Prediction, predictionFrom } from "../prediction.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoiser } from "../testing/gaussian.ts";
import { mixtureDenoiser, mixtureLogDensity } from "../testing/mixture.ts";
import { ve } from "../ve.ts";
import { type NetworkVjp, vjpOf } from "./divergence.ts";
import { dequantised, type OdeLikelihoodOptions, odeLikelihood } from "./ode-likelihood.ts";

const data = { mean: 0.3, std: 0.5 };
const tight = { rtol: 1e-7, atol: 1e-7 };
const images = Float32Array.of(0.3, 1.1, -0.4, 0.25, 0.8, -0.9);
const batch = { images, shape: [3, 2], seed: 1, ...tight };
const logNormal = (x: number, mean: number, std: number) =>
  -0.5 * (Math.log(2 * Math.PI * std * std) + ((x - mean) / std) ** 2);
/** The sums over images of two numbers. */
const pairs = (of: (x: number) => number) => [0, 2, 4].map((i) => of(images[i]) + of(images[i + 1]));

/**
 * What the model says of x with noise of this ratio to the data: the prior N(0, r²) pulled back through the exact flow,
 * which is linear: x_end = alpha_end mean + (x - mean) V_end / V with V² = alpha² std² + sigma².
 */
function modelDensity(path: Path, x: number, ratio: number): number {
  const end = path.at(path.span[1]);
  const stretch = Math.hypot(end.alpha * data.std, end.sigma) / Math.hypot(data.std, ratio);
  const latent = end.alpha * data.mean + stretch * (x - data.mean);
  return logNormal(latent, 0, Math.hypot(end.alpha, end.sigma)) + Math.log(stretch);
}

describe("odeLikelihood of Gaussian data", () => {
  it.each([
    ["straight", straightLine(), undefined],
    ["VP", continuousVp(), undefined],
    ["sub-VP", subVp(), undefined],
    ["VE", ve(), undefined],
    ["linear", vp(linear()), undefined],
    ["linear from 0.05", vp(linear()), 0.05],
  ] as const)("is the density of the model in closed form, %s path", async (_, path, sigmaMin) => {
    const found = await odeLikelihood(gaussianDenoiser(data, path), { ...batch, sigmaMin });
    const first = path.at(path.span[0]);
    const ratio = sigmaMin ?? (first.sigma > 0 ? first.sigma / first.alpha : 1e-3);
    const expected = pairs((x) => modelDensity(path, x, ratio));
    found.nats.forEach((value, n) => {
      expect(Math.abs(value - expected[n])).toBeLessThan(1e-4);
    });
  });

  it.each([
    ["straight", straightLine()],
    ["VP with twice the noise", continuousVp({ betaMax: 40 })],
  ] as const)("is the true log density where the path ends in pure noise, %s path", async (_, path) => {
    const found = await odeLikelihood(gaussianDenoiser(data, path), batch);
    const expected = pairs((x) => logNormal(x, data.mean, data.std));
    found.nats.forEach((value, n) => {
      expect(Math.abs(value - expected[n])).toBeLessThan(1e-4);
    });
    expect(found.evaluations).toBeGreaterThan(20);
  });

  it("gives bits per dimension with the offset of the bins", async () => {
    const of = (options: Partial<OdeLikelihoodOptions>) =>
      odeLikelihood(gaussianDenoiser(data, straightLine()), { ...batch, ...options });
    const bits = (await of({})).bits;
    const nats = pairs((x) => logNormal(x, data.mean, data.std));
    bits.forEach((value, n) => {
      expect(value).toBeCloseTo(-nats[n] / (2 * Math.LN2) + Math.log2(127.5), 3);
    });
    // 7 for bins of 1/128, 8 for 1/256
    expect((await of({ binWidth: 1 / 128 })).mean - (await of({ binWidth: 1 })).mean).toBeCloseTo(7, 10);
    expect((await of({ binWidth: 1 / 256 })).mean - (await of({ binWidth: 1 })).mean).toBeCloseTo(8, 10);
  });

  it("returns the latent, from where the flow leads back", async () => {
    const { latent } = await odeLikelihood(gaussianDenoiser(data, straightLine()), { ...batch, sigmaMin: 1e-4 });
    latent.forEach((z, i) => {
      expect(z).toBeCloseTo((images[i] - data.mean) / data.std, 4);
    });
  });
});

describe("odeLikelihood of a mixture", () => {
  const components = [
    { weight: 0.3, mean: -0.5, std: 0.2 },
    { weight: 0.7, mean: 0.4, std: 0.3 },
  ];
  const path = straightLine();
  const expected = pairs((x) => mixtureLogDensity(components, x, { alpha: 1, sigma: 0 }));

  it("is the true log density", async () => {
    // The Jacobian is diagonal, so one Rademacher probe is exact.
    const found = await odeLikelihood(mixtureDenoiser(components, path), { ...batch, differenceStep: 0.01 });
    found.nats.forEach((value, n) => {
      expect(Math.abs(value - expected[n])).toBeLessThan(5e-4);
    });
  });

  it("is so by the network's own gradient", async () => {
    // A network that predicts the flow, and probeᵀ d flow / dx, which is diagonal here.
    const exact = mixtureDenoiser(components, path);
    let calls = 0;
    const network: NetworkVjp = async (x, networkTime, probe) => {
      calls++;
      const flow = async (shift: number) => {
        const { sample, noise } = await exact.denoise(
          x.map((value) => value + shift),
          path.at(networkTime / 1000),
        );
        return noise.map((value, i) => value - sample[i]);
      };
      const [ahead, behind] = [await flow(2 ** -8), await flow(-(2 ** -8))];
      return { prediction: await flow(0), product: probe.map((e, i) => e * (ahead[i] - behind[i]) * 2 ** 7) };
    };
    const noised = components.map((one) => ({ ...one, std: Math.hypot(one.std, 0.05) }));
    const options = { ...batch, rtol: 1e-5, atol: 1e-5, sigmaMin: 0.05 };
    const { nats, evaluations } = await odeLikelihood(exact, {
      ...options,
      vjp: vjpOf(network, predictionFrom("flow")),
      probes: 2,
    });
    expect(calls).toBe(2 * evaluations);
    const wanted = pairs((x) => mixtureLogDensity(noised, x, { alpha: 1, sigma: 0 }));
    nats.forEach((value, n) => {
      expect(Math.abs(value - wanted[n])).toBeLessThan(2e-3);
    });
  });

  it("is so by the gradient of a network whose input is scaled", async () => {
    // noise of Gaussian data, as a network of c x that is linear: output = k (c x) + b, product = k probe
    const vp = continuousVp({ betaMax: 40 });
    const scale = 0.7;
    const row: Prediction = { ...predictionFrom("noise"), inputScale: () => scale };
    const network: NetworkVjp = async (input, networkTime, probe) => {
      const { alpha, sigma } = vp.at(networkTime / 999);
      const k = sigma / ((alpha * data.std) ** 2 + sigma ** 2);
      return {
        prediction: input.map((value) => k * (value / scale - alpha * data.mean)),
        product: probe.map((e) => (k / scale) * e),
      };
    };
    const denoiser = gaussianDenoiser(data, vp);
    const { nats } = await odeLikelihood(denoiser, { ...batch, vjp: vjpOf(network, row), sigmaMin: 0.05 });
    const expected = pairs((x) => modelDensity(vp, x, 0.05));
    nats.forEach((value, n) => {
      expect(Math.abs(value - expected[n])).toBeLessThan(2e-3); // noise near alpha = 0 is float32
    });
  });
});

describe("Hutchinson's estimator", () => {
  // Correlated data: covariance [[1, c], [c, 1]] / 4. The Jacobian is not diagonal, so one probe is off.
  const [variance, c] = [0.25, 0.2];
  const path = straightLine();
  const correlated: Denoiser = {
    path,
    async denoise(x, at) {
      const { alpha, sigma } = typeof at === "number" ? path.at(at) : at;
      // eigenvectors (1, 1) and (1, -1), with variances v ± c
      const part = (value: number, of: number) => ({
        sample: (alpha * of * value) / (alpha ** 2 * of + sigma ** 2),
        noise: (sigma * value) / (alpha ** 2 * of + sigma ** 2),
      });
      const [sample, noise] = [new Float32Array(x.length), new Float32Array(x.length)];
      for (let i = 0; i < x.length; i += 2) {
        const sum = part((x[i] + x[i + 1]) / 2, variance + c);
        const difference = part((x[i] - x[i + 1]) / 2, variance - c);
        sample.set([sum.sample + difference.sample, sum.sample - difference.sample], i);
        noise.set([sum.noise + difference.noise, sum.noise - difference.noise], i);
      }
      return { sample, noise };
    },
  };
  const truth =
    logNormal(0.5 / Math.SQRT2, 0, Math.sqrt(variance + c)) + logNormal(0.1 / Math.SQRT2, 0, Math.sqrt(variance - c));

  it.each(["rademacher", "gaussian"] as const)("is right on average over %s probes", async (probe) => {
    const count = 400;
    const same = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0.3 : 0.2));
    const { nats } = await odeLikelihood(correlated, {
      images: same,
      shape: [count, 2],
      seed: 5,
      probe,
      rtol: 1e-4,
      atol: 1e-4,
    });
    const mean = nats.reduce((sum, value) => sum + value, 0) / count;
    const std = Math.sqrt(nats.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
    expect(std).toBeGreaterThan(0.1);
    expect(Math.abs(mean - truth)).toBeLessThan((4 * std) / Math.sqrt(count) + 0.002);
  });

  it("averages over probes", async () => {
    const options = { images: Float32Array.of(0.3, 0.2), shape: [1, 2], rtol: 1e-3, atol: 1e-3 };
    const off = async (probes: number) => {
      let squares = 0;
      for (let seed = 0; seed < 30; seed++) {
        const { nats } = await odeLikelihood(correlated, { ...options, seed, probes, probe: "gaussian" });
        squares += (nats[0] - truth) ** 2;
      }
      return Math.sqrt(squares / 30);
    };
    expect(await off(16)).toBeLessThan(0.5 * (await off(1))); // a quarter of it on average
  });
});

describe("dequantised", () => {
  it("moves each image within its bins, from its own stream", () => {
    const whole = dequantised(batch);
    whole.forEach((value, i) => {
      expect(Math.abs(value - images[i])).toBeLessThanOrEqual(1 / 255 + 1e-7);
    });
    const last = dequantised({ images: images.slice(4), shape: [1, 2], seed: 1, firstImage: 2 });
    expect([...last]).toEqual([...whole.slice(4)]);
    const many = dequantised({ images: new Float32Array(20_000), shape: [1, 20_000], seed: 2 }, 2);
    const mean = many.reduce((sum, value) => sum + value, 0) / 20_000;
    const square = many.reduce((sum, value) => sum + value ** 2, 0) / 20_000;
    expect(Math.abs(mean)).toBeLessThan(0.02); // uniform in [-1, 1]: five standard errors
    expect(Math.abs(square - 1 / 3)).toBeLessThan(0.011);
  });
});

describe("odeLikelihood refuses", () => {
  const denoiser = gaussianDenoiser(data, straightLine());
  it.each([
    [{ probe: "normal" }, ConfigError, '"rademacher" or "gaussian"'],
    [{ probes: 0 }, ConfigError, "probes"],
    [{ rtol: 0 }, ConfigError, "rtol"],
    [{ binWidth: 0 }, ConfigError, "binWidth"],
    [{ sigmaMin: -1 }, ConfigError, "sigmaMin"],
    [{ seed: 0.5 }, ConfigError, "seed"],
    [{ firstImage: -1 }, ConfigError, "firstImage"],
    [{ steps: 10 }, ConfigError, "unknown option"],
    [{ shape: [4] }, ShapeError, "4 numbers"],
    [
      { vjp: async () => ({ denoised: { sample: images, noise: images }, product: new Float32Array(1) }) },
      ShapeError,
      "1 numbers",
    ],
  ] as const)("%j", async (options, kind, message) => {
    const run = () => odeLikelihood(denoiser, { ...batch, ...(options as object) });
    await expect(run()).rejects.toThrow(kind);
    await expect(run()).rejects.toThrow(message);
  });
});
