import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { continuousVp, subVp, vpTimeOfRatio } from "./continuous-vp.ts";
import { linear, vp } from "./discrete-vp.ts";

describe("the SDEs of Song et al. 2021", () => {
  it("has the mean and the standard deviations of the literature at t = 0.5", () => {
    expect(continuousVp().alpha(0.5)).toBeCloseTo(0.28118288, 8);
    expect(continuousVp().sigma(0.5)).toBeCloseTo(0.9596542, 7);
    expect(subVp().alpha(0.5)).toBeCloseTo(0.28118288, 8);
    expect(subVp().sigma(0.5)).toBeCloseTo(0.92093619, 8);
  });

  it("has the drift and diffusion of the table: -beta/2; beta, and beta (1 - exp(-2 b0 t - (b1 - b0) t²))", () => {
    const [b0, b1] = [0.1, 20];
    for (const t of [0, 1e-5, 0.25, 0.5, 1]) {
      const beta = b0 + t * (b1 - b0);
      for (const path of [continuousVp(), subVp()]) expect(path.drift(t)).toBeCloseTo(-beta / 2, 12);
      expect(continuousVp().diffusion(t)).toBeCloseTo(beta, 12);
      expect(subVp().diffusion(t)).toBeCloseTo(beta * (1 - Math.exp(-2 * b0 * t - (b1 - b0) * t ** 2)), 12);
    }
  });

  it("keeps its digits where there is hardly any noise: sigma² = beta(0) t to first order", () => {
    const t = 1e-12;
    expect(continuousVp().sigma(t) / Math.sqrt(0.1 * t)).toBeCloseTo(1, 9);
    expect(subVp().sigma(t) / (0.1 * t)).toBeCloseTo(1, 9);
    expect(vpTimeOfRatio({ betaMin: 0.1, betaMax: 20 }, Math.sqrt(0.1 * t)) / t).toBeCloseTo(1, 9);
  });

  it("is what DDPM's linear schedule discretises", () => {
    // Song et al. 2021, appendix B: beta_i = beta(i / T) / T. ln(1 - b) = -b - b²/2 - .., so ln alpha differs by the
    // integral of beta² / (4 T), (B(t)³ - 0.1³) / (3 · 19.9) with B = beta(t), and by less elsewhere.
    const table = vp(linear());
    for (const i of [99, 499, 899]) {
      const t = (i + 1) / 1000;
      const second = ((0.1 + 19.9 * t) ** 3 - 0.1 ** 3) / (3 * 19.9) / 4000;
      const difference = Math.log(table.alpha(i) / continuousVp().alpha(t));
      expect(Math.abs(difference + second)).toBeLessThan(0.0015);
    }
  });

  it("feeds the network 999 t, or what is asked for", () => {
    expect(continuousVp().networkTime(0.5)).toBe(499.5);
    expect(subVp({ networkTime: "1-t" }).networkTime(0.25)).toBe(0.75);
    expect(continuousVp({ networkTime: "t" }).networkTime(0.25)).toBe(0.25);
    expect(continuousVp({ networkTime: "1000t" }).networkTime(0.25)).toBe(250);
  });

  it("refuses betas that are no schedule", () => {
    expect(() => continuousVp({ betaMin: 3, betaMax: 1 })).toThrow(
      "continuousVp: betaMin must not be above betaMax, but they are 3 and 1",
    );
    expect(() => subVp({ betaMin: -1 })).toThrow("betaMin must be a finite number from 0, not -1");
    expect(() => subVp({ betaMin: 0, betaMax: 0 })).toThrow(ConfigError);
    expect(() => continuousVp({ networkTime: "2t" as "t" })).toThrow('networkTime must be "t" or');
  });
});
