import { describe, expect, it } from "vitest";
import { DataError, NotFiniteError } from "../core/errors.ts";
import type { Features } from "./features.ts";
import { frechetDistance, frechetDistanceOfStatistics, gaussianStatistics } from "./frechet.ts";
import { randomFeatures } from "./testing/random-features.ts";

function gaussian(mean: number[], covariance: number[]) {
  const dimension = mean.length;
  return { mean: Float64Array.from(mean), covariance: Float64Array.from(covariance), dimension, count: 1000 };
}

/** Samples of mean `mean` and covariance exactly L Lᵀ: the four points ±√3/√2 e_i, transformed. `l`: [2, 2]. */
function samples(mean: number[], l: number[]): Features {
  const r = Math.sqrt(3 / 2);
  const points = [
    [r, 0],
    [-r, 0],
    [0, r],
    [0, -r],
  ];
  const rows = points.flatMap(([x, y]) => [mean[0] + l[0] * x + l[1] * y, mean[1] + l[2] * x + l[3] * y]);
  return { data: Float64Array.from(rows), count: 4, dimension: 2 };
}

describe("frechetDistance, closed forms", () => {
  it("commuting covariances: |Δμ|² + Σ (√a - √b)²", () => {
    const a = gaussian([1, 2, 3], [4, 0, 0, 0, 9, 0, 0, 0, 1]);
    const b = gaussian([1, 0, 6], [1, 0, 0, 0, 16, 0, 0, 0, 0.25]);
    expect(frechetDistanceOfStatistics(a, b)).toBeCloseTo(4 + 9 + 1 + 1 + 0.25, 12);
  });

  it("two dimensions that do not commute: Tr M^½ = √(Tr M + 2 √det M)", () => {
    // A = [[5, 2], [2, 1]] with det 1, B = [[2, -1], [-1, 3]] with det 5; Tr AB = 10 - 2 - 2 + 3 = 9.
    const expected = 1 + 6 + 5 - 2 * Math.sqrt(9 + 2 * Math.sqrt(5));
    const a = gaussian([0, 0], [5, 2, 2, 1]);
    const b = gaussian([1, 0], [2, -1, -1, 3]);
    expect(frechetDistanceOfStatistics(a, b)).toBeCloseTo(expected, 12);
    expect(frechetDistanceOfStatistics(b, a)).toBeCloseTo(expected, 12);
    // The same from samples: A = L Lᵀ with L = [[2, 1], [1, 0]], B with [[√2, 0], [-1/√2, √(5/2)]].
    const ofSamples = frechetDistance(
      samples([0, 0], [2, 1, 1, 0]),
      samples([1, 0], [Math.SQRT2, 0, -Math.SQRT1_2, Math.sqrt(2.5)]),
    );
    expect(ofSamples).toBeCloseTo(expected, 12);
  });

  it("rank one: a |u|² + b |v|² - 2 √(ab) |uᵀv|", () => {
    const outer = (u: number[], scale: number) => u.flatMap((x) => u.map((y) => scale * x * y));
    const a = gaussian([0, 0, 0], outer([1, 2, 2], 4));
    const b = gaussian([0, 0, 0], outer([3, 0, -4], 9));
    expect(frechetDistanceOfStatistics(a, b)).toBeCloseTo(4 * 9 + 9 * 25 - 2 * 6 * 5, 11);
    expect(frechetDistanceOfStatistics(b, a)).toBeCloseTo(201, 11);
  });

  it("no variance at all leaves the means", () => {
    const point = gaussian([3, 4], [0, 0, 0, 0]);
    expect(frechetDistanceOfStatistics(point, gaussian([0, 0], [0, 0, 0, 0]))).toBe(25);
    expect(frechetDistanceOfStatistics(point, gaussian([3, 4], [2, 0, 0, 5]))).toBeCloseTo(7, 14);
  });
});

describe("frechetDistance against numpy (testing/goldens.py)", () => {
  it("60 and 50 images, 8 features", () => {
    const distance = frechetDistance(randomFeatures(1, 60, 8), randomFeatures(2, 50, 8, 0.2));
    expect(distance / 0.41738922267931855).toBeCloseTo(1, 10);
  });

  it("10 and 12 images, 64 features: singular covariances", () => {
    const [a, b] = [randomFeatures(3, 10, 64), randomFeatures(4, 12, 64, 0.1)];
    expect(frechetDistance(a, b) / 24.00342617832872).toBeCloseTo(1, 9);
    expect(frechetDistance(b, a) / 24.00342617832872).toBeCloseTo(1, 9);
  });
});

describe("frechetDistance", () => {
  it("is 0 for equal sets, also for singular ones", () => {
    for (const a of [randomFeatures(1, 60, 8), randomFeatures(3, 10, 64)]) {
      expect(frechetDistance(a, a)).toBeGreaterThanOrEqual(0);
      expect(frechetDistance(a, a)).toBeLessThan(1e-10);
    }
  });

  it("falls with the count for equal distributions", () => {
    const at = (count: number) => frechetDistance(randomFeatures(5, count, 16), randomFeatures(6, count, 16));
    expect(at(1000)).toBeLessThan(at(100) / 5);
  });

  it("refuses bad input", () => {
    const a = randomFeatures(1, 6, 4);
    expect(() => frechetDistance(a, randomFeatures(1, 6, 5))).toThrow(/4 features.*5/);
    expect(() => frechetDistance(a, randomFeatures(1, 1, 4))).toThrow(/at least 2/);
    expect(() => frechetDistance({ ...a, count: 7 }, a)).toThrow(DataError);
    const broken = Float64Array.from(a.data);
    broken[9] = Number.NaN;
    expect(() => gaussianStatistics({ ...a, data: broken })).toThrow(NotFiniteError);
    expect(() => gaussianStatistics({ ...a, data: broken })).toThrow(/image 2, feature 1/);
  });
});
