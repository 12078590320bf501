import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { erf, huberConstant, levelCount, logNormalPairs, pick, targetDecay } from "./consistency-schedules.ts";

describe("levelCount", () => {
  const root = { growth: "root", first: 2, last: 150 } as const;

  it("grows with the root of the step from s0 to s1 + 1", () => {
    // K = 100: k = 0 gives ⌈2 - 1⌉ + 1; k = 50 ⌈√(22797 / 2 + 4) - 1⌉ + 1 = ⌈105.786⌉ + 1; k = 99 ⌈√(22573.03) - 1⌉ + 1.
    expect(levelCount(root, 1, 100)).toBe(2);
    expect(levelCount(root, 51, 100)).toBe(107);
    expect(levelCount(root, 100, 100)).toBe(151);
  });

  it("doubles in stages of equal length from s0 + 1 to s1 + 1", () => {
    // log2(1280 / 10) + 1 = 8 stages of 100 updates.
    const double = { growth: "double", first: 10, last: 1280 } as const;
    const counts = Array.from({ length: 8 }, (_, stage) => levelCount(double, 100 * stage + 1, 800));
    expect(counts).toEqual([11, 21, 41, 81, 161, 321, 641, 1281]);
    expect(levelCount(double, 100, 800)).toBe(11);
    expect(levelCount(double, 800, 800)).toBe(1281);
  });

  it("stays where it is fixed", () => {
    expect(levelCount({ growth: "fixed", first: 2, last: 18 }, 500, 1000)).toBe(18);
  });

  it("refuses counts that make no pair", () => {
    expect(() => levelCount({ growth: "fixed", first: 2, last: 1 }, 1, 10)).toThrow(ConfigError);
    expect(() => levelCount({ growth: "root", first: 9, last: 4 }, 1, 10)).toThrow(/from 1 to the last, 4, not 9/);
  });

  it("has a target that remembers longer with more levels", () => {
    // mu0 = 0.9, s0 = 2: exp(2 ln 0.9 / (N - 1)) = 0.81 for N = 2, 0.9 for N = 3, 0.9^(2/150) for N = 151.
    expect(targetDecay(0.9, root, 2)).toBeCloseTo(0.81, 12);
    expect(targetDecay(0.9, root, 3)).toBeCloseTo(0.9, 12);
    expect(targetDecay(0.9, root, 151)).toBeCloseTo(0.99859618, 8);
    expect(targetDecay(0.95, { growth: "fixed", first: 2, last: 18 }, 18)).toBe(0.95);
  });
});

describe("logNormalPairs", () => {
  it("gives each pair the mass of the normal variable between its logarithms", () => {
    // Φ(1) - Φ(0) = 0.3413447461, Φ(2) - Φ(1) = 0.1359051220 (tables of the normal distribution).
    const [mean, std] = [-1.1, 2];
    const sigmas = [2, 1, 0].map((z) => Math.exp(mean + std * z));
    const total = 0.3413447461 + 0.135905122;
    const [upper, lower] = logNormalPairs(sigmas, { mean, std });
    expect(upper).toBeCloseTo(0.135905122 / total, 9);
    expect(lower).toBeCloseTo(0.3413447461 / total, 9);
  });

  it("refuses levels that the variable never visits", () => {
    expect(() => logNormalPairs([80, 70], { mean: -50, std: 0.1 })).toThrow(ConfigError);
  });
});

it("picks by cumulative probability", () => {
  expect([0, 0.19, 0.2, 0.69, 0.7, 0.99].map((u) => pick([0.2, 0.5, 0.3], u))).toEqual([0, 0, 1, 1, 2, 2]);
  expect(pick([0.5, 0.5 - 1e-9, 0], 1 - 1e-10)).toBe(1);
});

it("knows the constant of the pseudo-Huber distance of CIFAR-10", () => {
  expect(huberConstant(3 * 32 * 32)).toBeCloseTo(0.02993, 5); // the paper rounds it to 0.03
});

it("knows the error function", () => {
  // Abramowitz and Stegun, table 7.1; erfc(4) from DLMF 7.
  for (const [x, value] of [
    [0, 0],
    [0.5, 0.5204998778],
    [1, 0.8427007929],
    [2, 0.995322265],
    [2.9, 0.9999589021],
    [3.1, 0.9999883513],
    [-1, -0.8427007929],
  ]) {
    expect(erf(x)).toBeCloseTo(value, 9);
  }
  expect((1 - erf(4)) / 1.541725790028e-8).toBeCloseTo(1, 6);
});
