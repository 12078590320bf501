import { describe, expect, it } from "vitest";
import { discretisedGaussian } from "./discretised-gaussian.ts";
import { approximateNormalCdf, normalCdf } from "./normal-cdf.ts";

describe("normalCdf", () => {
  // Phi(x) to 16 digits: Abramowitz and Stegun, table 26.1 and 26.2 (tails), and scipy.special.ndtr of SciPy 1.11.
  it.each([
    [0, 0.5],
    [0.5, 0.6914624612740131],
    [1, 0.8413447460685429],
    [-1, 0.15865525393145707],
    [1.96, 0.9750021048517795],
    [-2.5, 0.006209665325776132],
    [-3, 0.0013498980316300946],
    [-5, 2.866515718791939e-7],
    [-10, 7.61985302416047e-24],
    [-30, 4.906713927148187e-198],
    [6, 0.9999999990134123],
  ])("Phi(%d) is %d", (x, phi) => {
    expect(Math.abs(normalCdf(x) / phi - 1)).toBeLessThan(1e-12);
  });

  it("is smooth where the two forms meet", () => {
    expect(Math.abs(normalCdf(-3 + 1e-9) - normalCdf(-3) - 1e-9 * 0.0044318484)).toBeLessThan(3e-16);
  });

  it("has a tanh approximation to 5e-4", () => {
    let worst = 0;
    for (let x = -6; x <= 6; x += 0.01) worst = Math.max(worst, Math.abs(approximateNormalCdf(x) - normalCdf(x)));
    expect(worst).toBeGreaterThan(1e-4);
    expect(worst).toBeLessThan(5e-4);
  });
});

describe("discretisedGaussian", () => {
  it("has the golden values", () => {
    expect(discretisedGaussian(0, 0.1, -2)).toBeCloseTo(4.0401092, 7);
    expect(discretisedGaussian(0, 0.1, -2, "tanh")).toBeCloseTo(4.040964, 7);
  });

  it.each(["exact", "tanh"] as const)("is a distribution over the 256 levels, %s", (cdf) => {
    for (const [mean, logScale] of [
      [0, -2],
      [0.9, -3],
      [-1.2, 0],
    ]) {
      let total = 0;
      for (let level = 0; level < 256; level++)
        total += Math.exp(-discretisedGaussian(level / 127.5 - 1, mean, logScale, cdf));
      expect(total).toBeCloseTo(1, 8); // up to the floor of 1e-12 each
    }
  });

  it("keeps its digits in both tails, down to the floor", () => {
    // 6 standard deviations off, bins of 2/25.5 of one: mirror images cost the same
    const [above, below] = [discretisedGaussian(0.6, 0, Math.log(0.1)), discretisedGaussian(-0.6, 0, Math.log(0.1))];
    expect(above).toBeCloseTo(below, 10);
    // the midpoint rule for the density, with its second-order correction (36 - 1) h² / 24
    const h = 2 / 25.5;
    const density = -Math.log(h * Math.exp(-18)) + 0.5 * Math.log(2 * Math.PI) - Math.log1p((35 * h * h) / 24);
    expect(above).toBeCloseTo(density, 4);
    expect(discretisedGaussian(0.5, -0.5, Math.log(0.01))).toBeCloseTo(12 * Math.LN10, 10);
  });
});
