import { describe, expect, it } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { edm } from "../edm.ts";
import { type PredictionName, predictions } from "../prediction.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoised, gaussianDenoiser, gaussianFlow } from "./gaussian.ts";
import { everyPath, timeAt } from "./paths.ts";
import { pointMassDenoised, pointMassDenoiser } from "./point-masses.ts";

const data = { mean: 0.3, std: 0.5 };
const furthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

describe("the Gaussian oracle", () => {
  it("is D(x; s) = (std² x + s² mean) / (std² + s²) on EDM's path", async () => {
    for (const s of [0.002, 0.5, 80]) {
      const { sample } = await gaussianDenoiser(data, edm()).denoise(Float32Array.of(1.7), s);
      expect(sample[0]).toBeCloseTo((0.25 * 1.7 + s * s * 0.3) / (0.25 + s * s), 6);
    }
  });

  it("has the exact end points of the literature", () => {
    const end = { alpha: 1, sigma: 0 };
    expect(gaussianFlow(data, 80, edm().at(80), end)).toBeCloseTo(0.79811527, 8);
    expect(gaussianFlow(data, 1, straightLine().at(1), end)).toBeCloseTo(0.8, 12);
  });

  it.each(everyPath)("is x = alpha sample + sigma noise, through any prediction: $title", async ({ path }) => {
    const t = timeAt(path, 0.6);
    const { alpha, sigma } = path.at(t);
    const x = Random.from(3)
      .normals(16)
      .map((z) => z * Math.hypot(alpha, sigma));
    const exact = await gaussianDenoiser(data, path).denoise(x, t);
    expect(
      furthest(
        x,
        exact.sample.map((value, i) => alpha * value + sigma * exact.noise[i]),
      ),
    ).toBeLessThan(1e-6 * (alpha + sigma) * 4);
    for (const name of Object.keys(predictions) as PredictionName[]) {
      let through: Awaited<ReturnType<ReturnType<typeof gaussianDenoiser>["denoise"]>>;
      try {
        through = await gaussianDenoiser(data, path, name).denoise(x, t);
      } catch (cause) {
        // Only where the path ends in pure noise or beyond what the prediction knows, or stands still.
        expect(String(cause)).toMatch(/pure noise|knows sigma \/ alpha|does not determine/);
        continue;
      }
      const tolerance = 2e-6 * (1 + 1 / alpha + 1 / sigma) * (1 + alpha + sigma);
      expect(furthest(through.sample, exact.sample), name).toBeLessThan(tolerance);
      expect(furthest(through.noise, exact.noise), name).toBeLessThan(tolerance);
    }
  });

  it("takes the level of the call, not that of the time", async () => {
    const path = straightLine();
    const level = { ...path.at(0.5), alpha: 0.2, sigma: 0.9 };
    const x = Float32Array.of(0.4);
    for (const prediction of [undefined, "v", "edm"] as const) {
      const { sample } = await gaussianDenoiser(data, path, prediction).denoise(x, level);
      expect(sample[0]).toBeCloseTo(gaussianDenoised(data, level, x).sample[0], 5);
    }
  });

  it("is the data where there is no noise", () => {
    const { sample, noise } = gaussianDenoised({ mean: 2, std: 0 }, { alpha: 1, sigma: 0 }, Float32Array.of(2));
    expect([sample[0], noise[0]]).toEqual([2, 0]);
  });
});

describe("point masses", () => {
  it("is tanh(x / s²) for two points at ±1", async () => {
    const denoiser = pointMassDenoiser({ points: [[1], [-1]] }, edm());
    for (const s of [0.3, 1, 5]) {
      const x = Float32Array.of(-2, 0.1, 0.7);
      const { sample, noise } = await denoiser.denoise(x, s);
      sample.forEach((value, i) => {
        expect(value).toBeCloseTo(Math.tanh(x[i] / (s * s)), 6);
        expect(noise[i]).toBeCloseTo((x[i] - value) / s, 5);
      });
    }
  });

  it("weighs points by their probability, row by row, and finds the nearest when there is little noise", () => {
    const points = [
      [0, 0],
      [3, 4],
    ];
    const far = pointMassDenoised({ points, weights: [1, 3] }, { alpha: 1, sigma: 1e6 }, Float32Array.of(1, 1));
    expect(far.sample[0]).toBeCloseTo(2.25, 5);
    expect(far.sample[1]).toBeCloseTo(3, 5);
    const near = pointMassDenoised({ points }, { alpha: 0.5, sigma: 0.01 }, Float32Array.of(0.1, 0, 1.4, 2.1));
    expect([...near.sample]).toEqual([0, 0, 3, 4]);
    expect(() => pointMassDenoised({ points }, { alpha: 1, sigma: 1 }, new Float32Array(3))).toThrow(ShapeError);
  });

  it("goes through a prediction as well", async () => {
    const [path, x] = [straightLine(), Float32Array.of(0.3, -0.2)];
    const exact = await pointMassDenoiser({ points: [[1], [-1]] }, path).denoise(x, 0.5);
    const through = await pointMassDenoiser({ points: [[1], [-1]] }, path, "flow").denoise(x, 0.5);
    expect(furthest(exact.sample, through.sample)).toBeLessThan(1e-6);
  });
});
