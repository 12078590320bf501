import { describe, expect, it } from "vitest";
import { ConfigError, NotFiniteError, ShapeError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { denoiserOf } from "./denoiser.ts";
import { cosine, linear, vp } from "./discrete-vp.ts";
import { noised } from "./noising.ts";
import type { Level } from "./path-contract.ts";
import {
  type Denoised,
  type PredictionName,
  predictionFrom,
  predictions,
  targetOf as targetAt,
  toDenoised as toDenoisedAt,
} from "./prediction.ts";
import { straightLine } from "./straight-line.ts";

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

  it("names a network that returns another shape or something that is not finite", async () => {
    const path = straightLine();
    const returning = (output: Float32Array) =>
      denoiserOf(async () => output, path, "v").denoise(new Float32Array(2), 0.5);
    await expect(returning(new Float32Array(4))).rejects.toThrow("returned 4 numbers for an x of 2");
    await expect(returning(Float32Array.of(0, Number.NaN))).rejects.toThrow(NotFiniteError);
    expect(() => denoiserOf(async (x) => x, path, "eps" as "v")).toThrow(ConfigError);
  });
});
