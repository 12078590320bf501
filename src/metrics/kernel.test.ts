import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Features } from "./features.ts";
import { densityCoverage, kernelDistance, precisionRecall } from "./kernel.ts";
import { randomFeatures } from "./testing/random-features.ts";

const onLine = (...points: number[]): Features => ({
  data: Float64Array.from(points),
  count: points.length,
  dimension: 1,
});

const firstRows = (features: Features, count: number): Features => ({
  ...features,
  data: features.data.slice(0, count * features.dimension),
  count,
});

const pick = ({ data, dimension }: Features, rows: Uint32Array): Float64Array =>
  Float64Array.from([...rows].flatMap((row) => [...data.subarray(row * dimension, (row + 1) * dimension)]));

describe("kernelDistance", () => {
  it("two points a side, by hand", () => {
    // x = {0, 1}, y = {1, 2}: k(0,1) = 1; k(1,2) = 27; across k(0,1) + k(0,2) + k(1,1) + k(1,2) = 1 + 1 + 8 + 27.
    const distance = kernelDistance(onLine(0, 1), onLine(1, 2), { subsets: 3 });
    expect(distance.mean).toBeCloseTo(1 + 27 - 37 / 2, 12);
    expect(distance.std).toBe(0);
    expect(distance).toMatchObject({ subsets: 3, subsetSize: 2 });
  });

  it("divides the dot product by the dimension", () => {
    // x = {(1,0), (0,2)}, y = {(2,2), (0,0)}: k(x,x') = 1, k(y,y') = 1, across 2³ + 1 + 3³ + 1 = 37.
    const x = { data: Float32Array.of(1, 0, 0, 2), count: 2, dimension: 2 };
    const y = { data: Float32Array.of(2, 2, 0, 0), count: 2, dimension: 2 };
    expect(kernelDistance(x, y).mean).toBeCloseTo(1 + 1 - 37 / 2, 12);
  });

  it("agrees with numpy on the whole set (testing/goldens.py)", () => {
    const [a, b] = [firstRows(randomFeatures(1, 60, 8), 50), randomFeatures(2, 50, 8, 0.2)];
    const { mean } = kernelDistance(a, b, { subsets: 1, subsetSize: 50 });
    expect(mean / 0.0764409615292192).toBeCloseTo(1, 11);
  });

  it("subsets scatter around the value of the whole set, without bias", () => {
    const [a, b] = [firstRows(randomFeatures(1, 60, 8), 50), randomFeatures(2, 50, 8, 0.2)];
    const { mean, std, subsetSize } = kernelDistance(a, b, { subsets: 400 });
    expect(subsetSize).toBe(25);
    expect(std).toBeGreaterThan(0);
    expect(Math.abs(mean - 0.0764409615292192)).toBeLessThan((4 * std) / Math.sqrt(400));
  });

  it("chooses the subsets by seed", () => {
    const [a, b] = [randomFeatures(1, 60, 8), randomFeatures(2, 50, 8)];
    const at = (seed: number) => kernelDistance(a, b, { seed, subsets: 5 });
    expect(at(3)).toEqual(at(3));
    expect(at(3)).not.toEqual(at(4));
  });

  it("gathers the rows of a subset where the sets are too large for whole kernel matrices", () => {
    const [a, b] = [randomFeatures(1, 2400, 2), randomFeatures(2, 2400, 2)];
    const random = Random.from(7, "kernel distance");
    const [rowsA, rowsB] = [random.permutation(2400).slice(0, 5), random.permutation(2400).slice(0, 5)];
    const fewA = { data: pick(a, rowsA), count: 5, dimension: 2 };
    const fewB = { data: pick(b, rowsB), count: 5, dimension: 2 };
    const expected = kernelDistance(fewA, fewB, { subsets: 1, subsetSize: 5 }).mean;
    expect(kernelDistance(a, b, { subsets: 1, subsetSize: 5, seed: 7 }).mean).toBeCloseTo(expected, 12);
  });

  it("refuses subsets larger than the sets", () => {
    expect(() => kernelDistance(onLine(0, 1, 2), onLine(1, 2), { subsetSize: 3 })).toThrow(ConfigError);
    expect(() => kernelDistance(onLine(0, 1), onLine(1, 2), { subsets: 0 })).toThrow(/subsets.*not 0/);
    expect(() => kernelDistance(onLine(0), onLine(1, 2))).toThrow(DataError);
  });
});

describe("precisionRecall and densityCoverage", () => {
  // k = 1. Real points 0, 1, 3, 10 have radii 1, 1, 2, 7. Generated 2, 4, 20 have radii 2, 2, 16.
  const real = onLine(0, 1, 3, 10);
  const generated = onLine(2, 4, 20);

  it("by hand on a line", () => {
    // Balls of real points: [-1,1], [0,2], [1,5], [3,17] hold 2 (twice: 1's at its very edge, 3's) and 4 (3's, 10's); 20 never.
    // Balls of generated points: [0,4], [2,6], [4,36] reach 0, 1, 3 and 10.
    expect(precisionRecall(real, generated, 1)).toEqual({ precision: 2 / 3, recall: 1 });
    expect(densityCoverage(real, generated, 1)).toEqual({ density: 4 / 3, coverage: 3 / 4 });
  });

  it("are not symmetric", () => {
    expect(precisionRecall(generated, real, 1)).toEqual({ precision: 1, recall: 2 / 3 });
    // [0,4] holds 0, 1, 3; [2,6] holds 3; [4,36] holds 10: 5 over 4 points; every ball holds one.
    expect(densityCoverage(generated, real, 1)).toEqual({ density: 5 / 4, coverage: 1 });
  });

  it("a copy of the set is in every ball; a set far away in none", () => {
    const a = randomFeatures(1, 30, 4);
    expect(precisionRecall(a, a)).toEqual({ precision: 1, recall: 1 });
    expect(densityCoverage(a, a).coverage).toBe(1);
    const far = randomFeatures(2, 30, 4, 100);
    expect(precisionRecall(a, far)).toEqual({ precision: 0, recall: 0 });
    expect(densityCoverage(a, far)).toEqual({ density: 0, coverage: 0 });
  });

  it("one mode repeated is precise and recalls nothing", () => {
    const a = randomFeatures(1, 30, 4);
    const collapsed = { ...a, data: Float64Array.from(a.data, (_, i) => a.data[i % 4]) };
    const { precision, recall } = precisionRecall(a, collapsed);
    expect(precision).toBe(1);
    expect(recall).toBeCloseTo(1 / 30, 12); // the balls have radius 0 and reach the one image itself
  });

  it("agree with numpy (testing/goldens.py)", () => {
    const [a, b] = [randomFeatures(1, 60, 8), randomFeatures(2, 50, 8, 0.2)];
    expect(precisionRecall(a, b)).toEqual({ precision: 0.72, recall: 0.9 });
    const { density, coverage } = densityCoverage(a, b);
    expect(density).toBeCloseTo(0.56, 12);
    expect(coverage).toBeCloseTo(50 / 60, 12);
  });

  it("need more images than neighbours", () => {
    expect(() => precisionRecall(onLine(0, 1, 2), onLine(0, 1, 2, 3))).toThrow(/at least 4/);
    expect(() => densityCoverage(real, generated, 0)).toThrow(ConfigError);
  });
});
