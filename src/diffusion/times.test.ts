import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { linear, vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { sitSde } from "./solvers/sit-sde.ts";
import { straightLine } from "./straight-line.ts";
import { gaussianDenoiser } from "./testing/gaussian.ts";
import { continuousTimes, roundHalfEven, spacedTimesteps, timesOn } from "./times.ts";

describe("spacedTimesteps", () => {
  // Of 1000 timesteps in 10 steps, as diffusers; all N are compared in test/parity/schedulers.test.ts.
  it("is leading, linspace or trailing", () => {
    expect(spacedTimesteps(1000, 10, "linspace")).toEqual([999, 888, 777, 666, 555, 444, 333, 222, 111, 0]);
    expect(spacedTimesteps(1000, 10, "leading", 1)).toEqual([901, 801, 701, 601, 501, 401, 301, 201, 101, 1]);
    expect(spacedTimesteps(1000, 10, "trailing")).toEqual([999, 899, 799, 699, 599, 499, 399, 299, 199, 99]);
    expect(spacedTimesteps(1000, 1, "trailing")).toEqual([999]);
  });

  it("keeps every timestep when there are as many steps", () => {
    const all = Array.from({ length: 37 }, (_, i) => 36 - i);
    for (const spacing of ["leading", "linspace", "trailing"] as const)
      expect(spacedTimesteps(37, 37, spacing)).toEqual(all);
  });

  it("has steps distinct falling times for any number of either", () => {
    for (const timesteps of [2, 10, 97, 1000]) {
      for (let steps = 1; steps <= timesteps; steps += timesteps < 100 ? 1 : 13) {
        for (const spacing of ["leading", "linspace", "trailing"] as const) {
          const times = spacedTimesteps(timesteps, steps, spacing);
          expect(times.length).toBe(steps);
          expect(
            times.every((t, i) => Number.isInteger(t) && t >= 0 && (i === 0 ? t < timesteps : t < times[i - 1])),
          ).toBe(true);
        }
      }
    }
  });

  it("refuses what a path cannot give", () => {
    for (const steps of [0, -1, 1001, 2.5, Number.NaN]) {
      expect(() => spacedTimesteps(1000, steps, "trailing")).toThrow(`the path's 1000 timesteps, not ${steps}`);
    }
    expect(() => spacedTimesteps(1000, 1000, "leading", 1)).toThrow("starts at t = 1000, past the last timestep 999");
    expect(() => spacedTimesteps(1000, 10, "trailing", 1)).toThrow("stepsOffset is for leading spacing");
  });
});

describe("timesOn, where time is a noise level", () => {
  it("is even from 1 on a continuous path", () => {
    expect(timesOn(straightLine(), 4, "trailing")).toEqual([1, 0.75, 0.5, 0.25]);
    expect(() => timesOn(straightLine(), 4, "leading")).toThrow(ConfigError);
    expect(() => continuousTimes(0)).toThrow("not 0");
  });

  it("refuses a single step that starts without noise", () => {
    expect(() => timesOn(vp(linear()), 1, "leading")).toThrow("use trailing spacing");
    expect(timesOn(vp(linear()), 1, "trailing")).toEqual([999]);
  });
});

it("rounds half to even", () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6, 166.5, 499.5].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, 166, 500]);
});

describe("timesOn", () => {
  it("sends paths whose time is a noise level to the solvers of noise levels", () => {
    const on = () => timesOn(edm({ sigmaMin: 0.002, sigmaMax: 80 }), 10, "trailing");
    expect(on).toThrow("need times from 0 to 1, and the path edm has 0.002 to 80; take a solver of noise levels");
    const sit = sitSde({ steps: 10 });
    expect(() => sit.sample(gaussianDenoiser({ mean: 0, std: 1 }, edm()), { shape: [1], seed: 0 })).toThrow(
      ConfigError,
    );
  });
});
