import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, NotFiniteError, ShapeError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { denoiserOf } from "./denoiser.ts";
import { cosine, linear, vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { noised } from "./noising.ts";
import { objective } from "./objective.ts";
import type { Level } from "./path-contract.ts";
import {
  type Denoised,
  type PredictionName,
  predictionFrom,
  predictions,
  recovery,
  targetOf as targetAt,
  toDenoised as toDenoisedAt,
} from "./prediction.ts";
import { straightLine } from "./straight-line.ts";
import { everyPath, timeAt } from "./testing/paths.ts";

const names = Object.keys(predictions) as PredictionName[];
const sample = Random.from(1).normals(64);
const noise = Random.from(2).normals(64);
const furthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

const levels: [string, number, number][] = [
  ...[0, 100, 500, 900].map((t): [string, number, number] => [
    `linear ${t}`,
    vp(linear()).alpha(t),
    vp(linear()).sigma(t),
  ]),
  ["cosine 500", vp(cosine()).alpha(500), vp(cosine()).sigma(500)],
  ...[0.1, 0.5, 0.9].map((t): [string, number, number] => [`straight ${t}`, 1 - t, t]),
  ["variance exploding", 1, 5],
];

/** A level with nothing but these two numbers. */
const levelOf = (alpha: number, sigma: number): Level => ({
  t: 0.5,
  alpha,
  sigma,
  dAlpha: -1,
  dSigma: 1,
  networkTime: 0.5,
});
const toDenoised = (name: PredictionName, alpha: number, sigma: number, x: Float32Array, output: Float32Array) =>
  toDenoisedAt(predictionFrom(name), levelOf(alpha, sigma), x, output);
const targetOf = (name: PredictionName, alpha: number, sigma: number, denoised: Denoised) =>
  targetAt(predictionFrom(name), levelOf(alpha, sigma), denoised);

describe("toDenoised", () => {
  it.each(levels)("finds sample and noise again from every prediction: %s", (_, alpha, sigma) => {
    const x = sample.map((value, i) => alpha * value + sigma * noise[i]);
    // float32 rounding of x and of the prediction, divided by alpha or sigma where the prediction leaves it to x.
    const tolerance = 1e-6 * (1 + 1 / alpha + 1 / sigma) * (alpha + sigma);
    for (const name of names) {
      const found = toDenoised(name, alpha, sigma, x, targetOf(name, alpha, sigma, { sample, noise }));
      expect(furthest(found.sample, sample), `${name}: sample`).toBeLessThan(tolerance);
      expect(furthest(found.noise, noise), `${name}: noise`).toBeLessThan(tolerance);
    }
  });

  it("turns any prediction into any other", () => {
    const [alpha, sigma] = [0.8, 0.6];
    const x = sample.map((value, i) => alpha * value + sigma * noise[i]);
    for (const from of names) {
      const output = targetOf(from, alpha, sigma, { sample, noise });
      for (const to of names) {
        const other = targetOf(to, alpha, sigma, toDenoised(from, alpha, sigma, x, output));
        expect(furthest(other, targetOf(to, alpha, sigma, { sample, noise })), `${from} to ${to}`).toBeLessThan(2e-6);
      }
    }
  });

  it("agrees with the closed forms of variance-preserving paths", () => {
    const [a, b] = [0.8, 0.6];
    const [x, out] = [0.7, -0.3];
    const of = (name: PredictionName) => toDenoised(name, a, b, Float32Array.of(x), Float32Array.of(out));
    expect(of("noise").sample[0]).toBeCloseTo((x - b * out) / a, 6);
    expect(of("noise").noise[0]).toBe(Math.fround(out));
    expect(of("sample").sample[0]).toBe(Math.fround(out));
    expect(of("sample").noise[0]).toBeCloseTo((x - a * out) / b, 6);
    expect(of("v").sample[0]).toBeCloseTo(a * x - b * out, 6);
    expect(of("v").noise[0]).toBeCloseTo(b * x + a * out, 6);
    expect(of("score").sample[0]).toBeCloseTo((x + b * b * out) / a, 6);
    expect(of("score").noise[0]).toBeCloseTo(-b * out, 6);
  });

  it("agrees with the closed forms of the straight line: x0 = x - t u, eps = x + (1 - t) u", () => {
    const [t, x, u] = [0.3, 0.7, -0.4];
    const found = toDenoised("flow", 1 - t, t, Float32Array.of(x), Float32Array.of(u));
    expect(found.sample[0]).toBeCloseTo(x - t * u, 6);
    expect(found.noise[0]).toBeCloseTo(x + (1 - t) * u, 6);
  });

  it("is exact at the ends where it is determined, and refuses where it is not", () => {
    const one = Float32Array.of(1);
    const out = Float32Array.of(0.5);
    expect(toDenoised("flow", 0, 1, one, out)).toEqual({ sample: Float32Array.of(0.5), noise: Float32Array.of(1) });
    expect(toDenoised("flow", 1, 0, one, out)).toEqual({ sample: Float32Array.of(1), noise: Float32Array.of(1.5) });
    expect(toDenoised("v", 0, 1, one, out)).toEqual({ sample: Float32Array.of(-0.5), noise: Float32Array.of(1) });
    expect(toDenoised("sample", 0, 1, one, out)).toEqual({ sample: Float32Array.of(0.5), noise: Float32Array.of(1) });
    expect(toDenoised("noise", 1, 0, one, out).sample[0]).toBe(1);
    expect(() => toDenoised("noise", 0, 1, one, out)).toThrow("predicts noise does not determine");
    expect(() => toDenoised("sample", 1, 0, one, out)).toThrow(ConfigError);
    expect(() => toDenoised("v", Number.NaN, 0, one, out)).toThrow(ConfigError);
    expect(() => toDenoised("v", 1, 0, one, new Float32Array(2))).toThrow(ShapeError);
    expect(() => toDenoised("vv" as "v", 1, 0, one, out)).toThrow('unknown prediction "vv". Did you mean v');
  });
});

describe.each(everyPath)("conversions on $title", ({ path }) => {
  it("turns every prediction into every other, to float64 rounding", () => {
    const numbers = fc.double({ min: -3, max: 3, noNaN: true });
    const parts = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(parts, numbers, numbers, (part, x0, eps) => {
        const level = path.at(timeAt(path, part));
        const { alpha, sigma } = level;
        if (alpha === 0) return; // only what `predicts noise does not determine` says
        const x = alpha * x0 + sigma * eps;
        // Paths of one timestep stand still; a consistency model knows no less noise than its sigmaMin.
        const rows = names
          .filter((name) => name !== "velocity" || path.timesteps !== 1)
          .filter((name) => name !== "consistency" || sigma / alpha > 0.0021)
          .map((name) => predictionFrom(name));
        for (const from of rows) {
          const output = from.targetSample(level) * x0 + from.targetNoise(level) * eps;
          const r = recovery(from, level);
          const sample = r.sampleFromX * x + r.sampleFromOutput * output;
          const noise = r.noiseFromX * x + r.noiseFromOutput * output;
          // What rounding may do: of x and of the output, each the sum of two terms, through the coefficients.
          const size = alpha * Math.abs(x0) + sigma * Math.abs(eps);
          const outputSize = Math.abs(from.targetSample(level) * x0) + Math.abs(from.targetNoise(level) * eps);
          const offSample = Math.abs(r.sampleFromX) * size + Math.abs(r.sampleFromOutput) * outputSize;
          const offNoise = Math.abs(r.noiseFromX) * size + Math.abs(r.noiseFromOutput) * outputSize;
          for (const to of rows) {
            const [a, b] = [to.targetSample(level), to.targetNoise(level)];
            const error = Math.abs(a * sample + b * noise - (a * x0 + b * eps));
            const rounding = 2e-15 * (Math.abs(a) * offSample + Math.abs(b) * offNoise) + 1e-300; // and of the least numbers
            expect(error, `${from.name} to ${to.name}`).toBeLessThanOrEqual(rounding);
          }
        }
      }),
      { numRuns: 25, seed: 5 },
    );
  });
});

describe("predictionFrom", () => {
  it("makes the same prediction of its JSON", () => {
    const level = vp(linear()).at(400.5);
    const options = {
      edm: { sigmaData: 0.3 },
      preconditionedVp: { betaMax: 10, timesteps: 500 },
      preconditionedIddpm: { timesteps: 100, c1: 0.01 },
      consistency: { sigmaMin: 0.01 },
    };
    for (const name of names) {
      const given = predictionFrom({ name, ...(options as Record<string, object>)[name] });
      const again = predictionFrom(JSON.parse(JSON.stringify(given)));
      expect(again.toJSON()).toEqual(given.toJSON());
      expect(again.name).toBe(name);
      expect(recovery(again, level)).toEqual(recovery(given, level));
      expect(again.networkTime?.(level)).toBe(given.networkTime?.(level));
      expect(again.inputScale?.(level)).toBe(given.inputScale?.(level));
    }
    expect(predictionFrom("noise").toJSON()).toBe("noise");
    expect(predictionFrom({ name: "edm" }).toJSON()).toEqual({ name: "edm", sigmaData: 0.5 });
    expect(() => predictionFrom({ name: "noise", sigmaData: 1 })).toThrow("It takes none");
  });
});

describe("predictions that a path cannot have", () => {
  const zeroSnr = vp(linear({ zeroTerminalSnr: true }));
  const network = async (x: Float32Array) => x;

  it.each(["noise", "score", "edm", "preconditionedVe", "consistency"] as const)(
    "refuses %s with zero terminal SNR, at once",
    (prediction) => {
      for (const make of [
        () => denoiserOf(network, zeroSnr, prediction),
        () => objective({ path: zeroSnr, prediction }),
      ]) {
        expect(make).toThrow(ConfigError);
        expect(make).toThrow(
          `the path linear ends in pure noise (zero terminal SNR, alpha = 0 at t = 999), where a network that predicts ${prediction}`,
        );
      }
    },
  );

  it.each(["v", "sample", "flow", "velocity"] as const)("takes %s there", async (prediction) => {
    const denoiser = denoiserOf(network, zeroSnr, prediction);
    const { sample } = await denoiser.denoise(Float32Array.of(0.5), 999);
    expect(Number.isFinite(sample[0])).toBe(true);
    expect(objective({ path: zeroSnr, prediction }).prediction.name).toBe(prediction);
  });

  it("lets continuous paths be visited short of their end, and refuses the end itself", async () => {
    const denoiser = denoiserOf(network, straightLine(), "noise");
    expect((await denoiser.denoise(Float32Array.of(0.5), 0.999)).noise[0]).toBe(0.5);
    await expect(denoiser.denoise(Float32Array.of(0.5), 1)).rejects.toThrow("predicts noise does not determine");
  });

  it("refuses noise levels that the network has no time for", () => {
    expect(() => denoiserOf(network, vp(linear()), "preconditionedVp")).toThrow("knows sigma / alpha from 0 to 152.1");
    expect(() => denoiserOf(network, edm({ sigmaMin: 1e-3 }), "consistency")).toThrow("not 0.001");
    expect(() => objective({ path: edm({ sigmaMin: 1e-3 }), prediction: "consistency" })).toThrow(ConfigError);
  });
});

describe("denoiserOf", () => {
  it("feeds the network its time and its condition, and undoes the prediction", async () => {
    const path = straightLine();
    const x = noised(sample, noise, path, 0.25);
    const condition = { classLabels: Int32Array.of(3) };
    const seen: unknown[] = [];
    const denoiser = denoiserOf(
      async (given, time, labels) => {
        seen.push(given, time, labels);
        return targetOf("flow", 0.75, 0.25, { sample, noise });
      },
      path,
      "flow",
    );
    const found = await denoiser.denoise(x, 0.25, condition);
    expect(seen).toEqual([x, 250, condition]);
    expect(furthest(found.sample, sample)).toBeLessThan(1e-6);
    expect(furthest(found.noise, noise)).toBeLessThan(1e-6);
  });

  it("feeds a preconditioned network cIn x and cNoise, and gives cSkip x + cOut F", async () => {
    const seen: number[] = [];
    const network = async (given: Float32Array, time: number) => {
      seen.push(given[0], time);
      return Float32Array.of(-0.25);
    };
    const { sample, noise } = await denoiserOf(network, edm(), { name: "edm", sigmaData: 0.5 }).denoise(
      Float32Array.of(0.75),
      0.5,
    );
    expect(seen[0]).toBeCloseTo(0.75 * Math.SQRT2, 6);
    expect(seen[1]).toBe(Math.log(0.5) / 4);
    expect(sample[0]).toBeCloseTo(0.5 * 0.75 - 0.25 * 0.353553, 6);
    expect(noise[0]).toBeCloseTo((0.75 - sample[0]) / 0.5, 6);
  });

  it("names a network that returns another shape or something that is not finite", async () => {
    const path = straightLine();
    const returning = (output: Float32Array) =>
      denoiserOf(async () => output, path, "v").denoise(new Float32Array(2), 0.5);
    await expect(returning(new Float32Array(4))).rejects.toThrow("returned 4 numbers for an x of 2");
    await expect(returning(Float32Array.of(0, Number.NaN))).rejects.toThrow(NotFiniteError);
    expect(() => denoiserOf(async (x) => x, path, "eps" as "v")).toThrow(ConfigError);
  });
});
