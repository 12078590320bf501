import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { betaQuantile, logGamma } from "./beta-quantile.ts";

// Beside SciPy: test/parity/sigma-solvers.test.ts. Here the closed forms.
const probabilities = [1e-12, 1e-5, 0.01, 0.3, 0.5, 0.8, 0.999];
const near = (found: number, expected: number) => expect(Math.abs(found / expected - 1)).toBeLessThan(1e-12);

describe("betaQuantile", () => {
  it("is sin² (pi p / 2) for the arcsine distribution", () => {
    for (const p of probabilities) near(betaQuantile(p, 0.5, 0.5), Math.sin((Math.PI * p) / 2) ** 2);
  });

  it("is a power for a shape of 1", () => {
    for (const p of probabilities) {
      near(betaQuantile(p, 3, 1), p ** (1 / 3));
      near(betaQuantile(p, 1, 4), -Math.expm1(Math.log1p(-p) / 4));
      near(betaQuantile(p, 1, 1), p);
    }
  });

  it("has its ends, and is odd about a half for equal shapes", () => {
    expect([betaQuantile(0, 0.6, 0.6), betaQuantile(1, 0.6, 0.6)]).toEqual([0, 1]);
    expect(betaQuantile(0.5, 0.6, 0.6)).toBeCloseTo(0.5, 14);
    near(betaQuantile(0.3, 0.6, 0.6), 1 - betaQuantile(0.7, 0.6, 0.6));
  });

  it.each([
    [-0.1, 1, 1],
    [1.1, 1, 1],
    [Number.NaN, 1, 1],
    [0.5, 0, 1],
    [0.5, 1, Infinity],
  ])("refuses p = %s, a = %s, b = %s", (p, a, b) => {
    expect(() => betaQuantile(p, a, b)).toThrow(ConfigError);
  });
});

describe("logGamma", () => {
  it("is the factorial and the root of pi", () => {
    near(logGamma(6), Math.log(120));
    near(logGamma(0.5), Math.log(Math.PI) / 2);
    near(logGamma(0.1), 2.252712651734206); // DLMF 5.22: ln Γ(0.1)
    expect(Math.abs(logGamma(2))).toBeLessThan(1e-14);
  });
});
