import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { betaSigmas, exponentialSigmas, karrasSigmas, polyexponentialSigmas } from "./sigmas.ts";

const edmRange = { min: 0.002, max: 80 };

describe("karras", () => {
  it("has the known five levels", () => {
    // Computed independently: EDM's interval, and Stable Diffusion's.
    const found = [karrasSigmas(5, edmRange), karrasSigmas(5, { min: 0.0291671604, max: 14.6146411 })];
    const expected = [
      [80, 17.52783, 2.515219, 0.1697528, 0.002],
      [14.61464, 4.796535, 1.274101, 0.2479499, 0.02916716],
    ];
    found.flat().forEach((sigma, i) => {
      expect(Math.abs(sigma / expected.flat()[i] - 1)).toBeLessThan(1e-6);
    });
  });

  it("is even for rho 1, and starts at max with one level", () => {
    expect(karrasSigmas(5, { min: 1, max: 9 }, 1)).toEqual([9, 7, 5, 3, 1]);
    expect(karrasSigmas(1, edmRange)).toEqual([80]);
  });
});

describe("exponential and polyexponential", () => {
  it("divide by a constant factor", () => {
    exponentialSigmas(4, { min: 0.01, max: 10 }).forEach((sigma, i) => {
      expect(sigma).toBeCloseTo(10 ** (1 - i), 12);
    });
    polyexponentialSigmas(4, { min: 0.01, max: 10 }).forEach((sigma, i) => {
      expect(sigma).toBeCloseTo(10 ** (1 - i), 12);
    });
  });

  it("take a power of the ramp", () => {
    // ln sigma = ln min + (1 - u)² (ln max - ln min): factors 10^3 · (1, 4/9, 1/9, 0) above min
    polyexponentialSigmas(4, { min: 0.01, max: 10 }, 2).forEach((sigma, i) => {
      expect(Math.log10(sigma / 0.01)).toBeCloseTo(3 * (1 - i / 3) ** 2, 12);
    });
  });
});

describe("beta", () => {
  it("follows the arcsine quantiles for shapes of a half", () => {
    betaSigmas(5, { min: 1, max: 3 }, [0.5, 0.5]).forEach((sigma, i) => {
      expect(sigma).toBeCloseTo(1 + 2 * Math.cos((Math.PI * i) / 8) ** 2, 12);
    });
  });
});

describe.each([karrasSigmas, exponentialSigmas, polyexponentialSigmas, betaSigmas])("%o", (schedule) => {
  it("falls strictly, with both ends exact", () => {
    const sigmas = schedule(30, edmRange);
    expect([sigmas[0], sigmas[29]]).toEqual([80, 0.002]);
    expect(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1])).toBe(true);
  });

  it.each([
    [5, { min: 2, max: 2 }, "leave no interval"],
    [5, { min: 3, max: 2 }, "sigmaMin 3 and sigmaMax 2"],
    [5, { min: 0, max: 2 }, "above 0"],
    [5, { min: 1, max: Infinity }, "finite"],
    [0, edmRange, "integer number of levels from 1, not 0"],
  ])("refuses %s levels of %j", (count, range, message) => {
    expect(() => schedule(count, range)).toThrow(ConfigError);
    expect(() => schedule(count, range)).toThrow(message);
  });
});
