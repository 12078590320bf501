import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { pathFrom } from "./path.ts";
import type { Path } from "./path-contract.ts";
import { everyPath, timeAt } from "./testing/paths.ts";

/** Times within the path, away from its ends and from the timesteps, where slopes of discrete paths jump. */
function insideOf(path: Path): number[] {
  const parts = [0.013, 0.11, 0.237, 0.5017, 0.713, 0.907, 0.991].map((part) => timeAt(path, part));
  return path.timesteps === undefined ? parts : parts.map((t) => Math.floor(t) + 0.3 + 0.4 * (t % 1));
}

interface Slope {
  value: number;
  /** What rounding alone may do to it. */
  rounding: number;
}

/** The slope of a function by differences of the fourth order, over a width that stays in the interval of t. */
function slope(f: (t: number) => number, t: number, path: Path): Slope {
  const h = path.timesteps === undefined ? 1e-3 * Math.min(t - path.span[0], path.span[1] - t) : 1e-2;
  const value = (8 * (f(t + h) - f(t - h)) - (f(t + 2 * h) - f(t - 2 * h))) / (12 * h);
  return { value, rounding: (1e-15 * Math.max(1, Math.abs(f(t)))) / h };
}

function expectSlope(found: number, { value, rounding }: Slope) {
  expect(Math.abs(found - value), `${found} is not ${value}`).toBeLessThanOrEqual(1e-6 * Math.abs(value) + rounding);
}

const moving = everyPath.filter(({ path }) => path.timesteps !== 1);

describe.each(moving)("$title", ({ path }) => {
  it("has the derivatives of its alpha and sigma", () => {
    for (const t of insideOf(path)) {
      expectSlope(path.dAlpha(t), slope(path.alpha, t, path));
      expectSlope(path.dSigma(t), slope(path.sigma, t, path));
    }
  });

  it("has the drift and diffusion that keep its marginals", () => {
    for (const t of insideOf(path)) {
      // f = d ln alpha / dt, and g² = -sigma² d logSnr / dt.
      expectSlope(
        path.drift(t),
        slope((s) => Math.log(path.alpha(s)), t, path),
      );
      expectSlope(-path.diffusion(t) / path.sigma(t) ** 2, slope(path.logSnr, t, path));
      // The variance of dx = f x dt + g dw: d sigma² / dt = 2 f sigma² + g².
      const variance = slope((s) => path.sigma(s) ** 2, t, path);
      expectSlope(2 * path.drift(t) * path.sigma(t) ** 2 + path.diffusion(t), variance);
    }
  });

  it("has the log-SNR of its alpha and sigma, which falls", () => {
    const times = [path.span[0], ...insideOf(path), path.span[1]];
    for (const [i, t] of times.entries()) {
      const { alpha, sigma } = path.at(t);
      const expected = Math.log(alpha ** 2 / sigma ** 2);
      if (Number.isFinite(expected)) expect(path.logSnr(t)).toBeCloseTo(expected, 9);
      else expect(path.logSnr(t)).toBe(expected);
      if (i > 0) expect(path.logSnr(t)).toBeLessThan(path.logSnr(times[i - 1]) + 1e-12);
    }
    expect(path.logSnr(path.span[1])).toBeLessThan(path.logSnr(path.span[0]));
  });

  it("finds each time again from its log-SNR", () => {
    const [first, last] = path.span;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (part) => {
        const t = timeAt(path, part);
        const found = path.timeOfLogSnr(path.logSnr(t));
        // Exact to the rounding of log-SNR: one unit of it in time, and of the time itself.
        const unit = Math.max(1, Math.abs(path.logSnr(t))) * 1e-15;
        const steepness = Math.abs(2 * (path.drift(t) - path.dSigma(t) / path.sigma(t)));
        const rounding = Number.isFinite(steepness) && steepness > 0 ? (8 * unit) / steepness : 0;
        return Math.abs(found - t) <= 4e-15 * last + rounding;
      }),
      { numRuns: 200, seed: 3 },
    );
    for (const t of [first, last]) expect(path.timeOfLogSnr(path.logSnr(t))).toBeCloseTo(t, 12);
    if (path.timesteps !== undefined) {
      for (let t = 0; t < path.timesteps; t += Math.ceil(path.timesteps / 50)) {
        expect(path.timeOfLogSnr(path.logSnr(t))).toBeCloseTo(t, 9);
      }
    }
  });
});

describe.each(everyPath)("$title", ({ path }) => {
  it("gives all of it at once", () => {
    for (const t of [path.span[0], timeAt(path, 0.3), path.span[1]]) {
      expect(path.at(t)).toEqual({
        t,
        alpha: path.alpha(t),
        sigma: path.sigma(t),
        dAlpha: path.dAlpha(t),
        dSigma: path.dSigma(t),
        networkTime: path.networkTime(t),
      });
      expect([path.alpha(t), path.sigma(t), path.networkTime(t)].every(Number.isFinite)).toBe(true);
      expect(path.diffusion(t)).toBeGreaterThanOrEqual(0);
    }
  });

  it("goes through JSON", () => {
    const again = pathFrom(JSON.parse(JSON.stringify(path)));
    expect(again.toJSON()).toEqual(path.toJSON());
    expect([again.name, again.timesteps, again.span]).toEqual([path.name, path.timesteps, path.span]);
    for (const part of [0, 0.21, 0.77, 1]) {
      expect(again.at(timeAt(path, part))).toEqual(path.at(timeAt(path, part)));
    }
  });

  it("refuses times and log-SNRs that it does not have", () => {
    const [first, last] = path.span;
    for (const t of [first - 1e-6, last + 1e-6, Number.NaN, Infinity, String(last) as unknown as number]) {
      for (const of of [path.alpha, path.sigma, path.dAlpha, path.dSigma, path.logSnr, path.drift, path.diffusion]) {
        expect(() => of(t)).toThrow(ConfigError);
      }
      expect(() => path.at(t)).toThrow(
        `the ${path.name} path has the times ${first} to ${last}; it was asked for t = `,
      );
      expect(() => path.networkTime(t)).toThrow(ConfigError);
    }
    const [most, least] = [path.logSnr(first), path.logSnr(last)];
    expect(() => path.timeOfLogSnr(Number.NaN)).toThrow("it was asked for log-SNR NaN");
    if (Number.isFinite(most))
      expect(() => path.timeOfLogSnr(most + 0.01)).toThrow(`the ${path.name} path has log-SNR`);
    if (Number.isFinite(least)) expect(() => path.timeOfLogSnr(least - 0.01)).toThrow("which is sigma / alpha from");
    // What is left of rounding beyond an end is the end.
    if (Number.isFinite(most)) expect(path.timeOfLogSnr(most + 1e-11)).toBe(first);
  });
});
