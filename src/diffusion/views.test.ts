import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { continuousVp } from "./continuous-vp.ts";
import { cosine, linear, scaledLinear, vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { continuousCosine, gvp } from "./gvp.ts";
import { straightLine } from "./straight-line.ts";
import { everyPath, timeAt } from "./testing/paths.ts";
import { ve } from "./ve.ts";
import { continuousTime, discreteTime, discretised, fromSigmaView, sameSnrTime, sigmaView, vpView } from "./views.ts";

describe("the sigma view", () => {
  it("has the sigmas of Stable Diffusion", () => {
    const path = vp(scaledLinear());
    expect(sigmaView(path.at(999)).sigma).toBeCloseTo(14.6146, 4);
    expect(sigmaView(path.at(0)).sigma).toBeCloseTo(0.0291672, 7);
    expect(sigmaView(path.at(500)).scale).toBe(path.alpha(500));
  });

  it("is sigma / (1 - sigma) on the straight line", () => {
    expect(sigmaView(straightLine().at(0.75))).toEqual({ scale: 0.25, sigma: 3 });
  });

  it.each(everyPath)("and back: $title", ({ path }) => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), (part) => {
        const { alpha, sigma } = path.at(timeAt(path, part));
        if (alpha === 0) return;
        const back = fromSigmaView(sigmaView({ alpha, sigma }));
        expect(back.alpha).toBe(alpha);
        expect(Math.abs(back.sigma / sigma - 1)).toBeLessThan(1e-15 * 4);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it("makes the variance-preserving level of any sigma", () => {
    const path = vp(cosine());
    for (const t of [0, 500, 999]) {
      const { alpha, sigma } = vpView(sigmaView(path.at(t)).sigma);
      expect(Math.abs(alpha / path.alpha(t) - 1)).toBeLessThan(1e-12);
      expect(Math.abs(sigma / path.sigma(t) - 1)).toBeLessThan(1e-12);
    }
    expect(vpView(Infinity)).toEqual({ alpha: 0, sigma: 1 });
    expect(vpView(0)).toEqual({ alpha: 1, sigma: 0 });
    expect(() => vpView(-1)).toThrow("sigma / alpha must be a number from 0, not -1");
  });

  it("does not tell a level of pure noise", () => {
    expect(() => fromSigmaView(sigmaView({ alpha: 0, sigma: 1 }))).toThrow(ConfigError);
  });
});

describe("time", () => {
  it("is the same noise on another path", () => {
    // On the line sigma / alpha = t / (1 - t); on EDM's path it is t.
    expect(sameSnrTime(straightLine(), 0.75, edm())).toBeCloseTo(3, 12);
    expect(sameSnrTime(edm(), 3, straightLine())).toBeCloseTo(0.75, 12);
    expect(sameSnrTime(ve(), 0.5, edm())).toBeCloseTo(Math.SQRT1_2, 12);
    expect(sameSnrTime(vp(linear()), 500, edm())).toBeCloseTo(3.44297, 5);
    expect(() => sameSnrTime(straightLine(), 0.999, edm())).toThrow("sigma / alpha from 0.002");
  });

  it("is counted in timesteps or from 0 to 1", () => {
    expect(continuousTime(999, 1000)).toBe(1);
    expect(continuousTime(499.5, 1000)).toBe(0.5);
    expect(discreteTime(0.25, 5)).toBe(1);
    for (const t of [0, 17, 998.25]) expect(discreteTime(continuousTime(t, 1000), 1000)).toBeCloseTo(t, 12);
    expect(() => continuousTime(1000, 1000)).toThrow("1000 timesteps are 0 to 999; there is no t = 1000");
    expect(() => discreteTime(1.1, 1000)).toThrow("continuous times are 0 to 1");
    expect(() => discreteTime(0.5, 1)).toThrow(ConfigError);
  });
});

describe("discretised", () => {
  it("has the marginals of the continuous path", () => {
    for (const path of [continuousVp(), gvp(), continuousCosine()]) {
      const chain = vp(discretised(path, 50));
      for (const i of [0, 10, 48]) expect(chain.alpha(i)).toBeCloseTo(path.alpha((i + 1) / 50), 13);
    }
    // Improved DDPM's cosine schedule without its offset, and without its limit.
    const own = vp(cosine({ timesteps: 50, s: 0, maxBeta: 1 - 1e-15 }));
    const chain = vp(discretised(continuousCosine(), 50));
    for (const i of [0, 25, 48]) expect(chain.alphaBar(i)).toBeCloseTo(own.alphaBar(i), 13);
    expect(chain.alphaBar(49)).toBe(0);
  });

  it("tends to beta(t) / T", () => {
    const { values } = discretised(continuousVp(), 10_000);
    expect(values[4999] * 10_000).toBeCloseTo(0.1 + 0.5 * 19.9, 1);
  });

  it("refuses paths that do not keep the variance", () => {
    expect(() => discretised(edm(), 10)).toThrow("only continuous variance-preserving paths");
    expect(() => discretised(straightLine(), 10)).toThrow(ConfigError);
    expect(() => discretised(vp(linear()), 10)).toThrow(ConfigError);
  });
});
