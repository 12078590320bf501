import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import { type ClassProbabilities, classCoverage, classifierScore, confidenceShare } from "./classes.ts";
import { randomFeatures } from "./testing/random-features.ts";

const table = (rows: number[][]): ClassProbabilities => ({
  data: Float64Array.from(rows.flat()),
  count: rows.length,
  classes: rows[0].length,
});

/** Softmax of twice the random features of seed 5, as in testing/goldens.py. */
function golden(): ClassProbabilities {
  const { data, count, dimension } = randomFeatures(5, 40, 5);
  const weights = Float64Array.from(data, (x) => Math.exp(2 * x));
  const normalised = weights.map((w, i) => {
    const row = weights.subarray(i - (i % dimension), i - (i % dimension) + dimension);
    return w / row.reduce((sum, x) => sum + x, 0);
  });
  return { data: normalised, count, classes: dimension };
}

const p = table([
  [0.95, 0.05, 0],
  [0.9, 0.1, 0],
  [0.2, 0.2, 0.6],
  [0.5, 0.5, 0],
]);

describe("confidenceShare", () => {
  it("counts what is above the threshold, not at it", () => {
    expect(confidenceShare(p, 0.9)).toBe(1 / 4);
    expect(confidenceShare(p, 0.55)).toBe(3 / 4);
    expect(confidenceShare(p, 0)).toBe(1);
    expect(confidenceShare(golden(), 0.5)).toBe(0.475); // testing/goldens.py
  });

  it("refuses a threshold that is no probability", () => {
    expect(() => confidenceShare(p, 1)).toThrow(ConfigError);
    expect(() => confidenceShare(p, Number.NaN)).toThrow(ConfigError);
  });
});

describe("classCoverage", () => {
  it("counts the likeliest class, the first one on a tie", () => {
    const { histogram, occurring, entropy } = classCoverage(p);
    expect(histogram).toEqual([3, 0, 1]);
    expect(occurring).toBe(2);
    expect(entropy).toBeCloseTo(0.75 * Math.log(4 / 3) + 0.25 * Math.log(4), 14);
  });

  it("has entropy ln K when all classes are alike, 0 for one class", () => {
    expect(
      classCoverage(
        table([
          [1, 0],
          [0, 1],
        ]),
      ).entropy,
    ).toBeCloseTo(Math.LN2, 14);
    expect(
      classCoverage(
        table([
          [1, 0],
          [1, 0],
        ]),
      ).entropy,
    ).toBe(0);
  });

  it("agrees with numpy (testing/goldens.py)", () => {
    expect(classCoverage(golden()).histogram).toEqual([13, 6, 6, 4, 11]);
  });
});

describe("classifierScore", () => {
  it("is the number of classes for sure and even answers, 1 for answers that are all the same", () => {
    const sure = table([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(classifierScore(sure).mean).toBeCloseTo(3, 12);
    expect(
      classifierScore(
        table([
          [0.3, 0.7],
          [0.3, 0.7],
        ]),
      ).mean,
    ).toBeCloseTo(1, 12);
  });

  it("agrees with numpy on one split and on three (testing/goldens.py)", () => {
    expect(classifierScore(golden()).mean).toBeCloseTo(1.4545137174510894, 12);
    expect(classifierScore(golden()).std).toBe(0);
    const { mean, std } = classifierScore(golden(), 3);
    expect(mean).toBeCloseTo(1.4383728944075311, 12);
    expect(std).toBeCloseTo(0.06872821443351426, 12);
  });

  it("refuses more splits than images", () => {
    expect(() => classifierScore(p, 5)).toThrow(ConfigError);
  });
});

it("refuses what are no probabilities", () => {
  expect(() => classCoverage({ ...p, count: 5 })).toThrow(DataError);
  expect(() => classCoverage(table([[2, 3]]))).toThrow(/sum to 5.*not logits/);
  expect(() => classCoverage(table([[-0.5, 1.5]]))).toThrow(/-0.5 for class 0/);
  expect(() => classCoverage(table([[Number.NaN, 1]]))).toThrow(DataError);
  expect(() => classCoverage({ data: new Float32Array(0), count: 0, classes: 3 })).toThrow(DataError);
});
