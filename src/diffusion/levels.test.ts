import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { continuousVp } from "./continuous-vp.ts";
import { linear, scaledLinear, vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { type LevelsOptions, levelOfRatio, levelsFor, levelsOptions, ratioOf } from "./levels.ts";
import type { Path } from "./path.ts";
import { straightLine } from "./straight-line.ts";

// Beside diffusers' schedulers, in 37 configurations: test/parity/sigma-solvers.test.ts.
const discrete = vp(linear());
const line = straightLine();
const times = (path: Path, options: LevelsOptions) => levelsFor(path, options).map(({ networkTime }) => networkTime);
const ratios = (path: Path, options: LevelsOptions) => levelsFor(path, options).map(ratioOf);
const close = (found: number[], expected: number[], digits = 12) => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    if (value !== expected[i]) expect(value).toBeCloseTo(expected[i], digits);
  });
};

describe("uniform levels", () => {
  it("visit the timesteps of DPM-Solver, one more spaced and the last left out", () => {
    const options = { steps: 10, dropLast: true, roundTimes: "nearest" } as const;
    const linspace = [999, 899, 799, 699, 599, 500, 400, 300, 200, 100];
    expect(times(discrete, { ...options, spacing: "linspace" }).slice(0, -1)).toEqual(linspace);
    const leading = [900, 810, 720, 630, 540, 450, 360, 270, 180, 90];
    expect(times(discrete, { ...options, spacing: "leading" }).slice(0, -1)).toEqual(leading);
  });

  it("are the path's own levels, and end at the data", () => {
    const levels = levelsFor(discrete, { steps: 4 });
    expect(levels.slice(0, -1)).toEqual([999, 749, 499, 249].map((t) => discrete.at(t)));
    expect(levels[4]).toMatchObject({ alpha: 1, sigma: 0 });
    expect(levelsFor(discrete, { steps: 4, finalSigma: "sigmaMin" })[4]).toEqual(discrete.at(0));
  });

  it("lie between timesteps where linspace does, in the chosen interpolation", () => {
    const options = { steps: 5, spacing: "linspace" } as const;
    expect(times(discrete, options).slice(0, -1)).toEqual([999, 749.25, 499.5, 249.75, 0]);
    const [low, high] = [499, 500].map((t) => ratioOf(discrete.at(t)));
    expect(ratios(discrete, options)[2]).toBeCloseTo(Math.sqrt(low * high), 12);
    expect(ratios(discrete, { ...options, interpolation: "linear" })[2]).toBeCloseTo((low + high) / 2, 12);
    expect(times(discrete, { ...options, roundTimes: "nearest" }).slice(0, -1)).toEqual([999, 749, 500, 250, 0]);
  });

  it("run from the noise end to the data end of a continuous path", () => {
    close(times(line, { steps: 4 }), [1000, 750, 500, 250, 0]);
    close(times(line, { steps: 3, spacing: "linspace", timeMin: 0.2 }), [1000, 600, 200, 0]);
    close(times(line, { steps: 2, timeMax: 0.8 }), [800, 400, 0]);
  });

  it("shift as flow matching does", () => {
    // sigma' = 3 sigma / (1 + 2 sigma) of 1, .75, .5, .25
    close(
      levelsFor(line, { steps: 4, shift: 3 }).map(({ sigma }) => sigma),
      [1, 0.9, 0.75, 0.5, 0],
    );
    close(
      ratios(discrete, { steps: 2, shift: 0.5 }),
      [ratioOf(discrete.at(999)) / 2, ratioOf(discrete.at(499)) / 2, 0],
      9,
    );
  });

  it("start no later than lambdaMin", () => {
    const path = vp(linear());
    const [first] = levelsFor(path, { steps: 5, lambdaMin: -2 });
    expect(path.logSnr(first.t) / 2).toBeGreaterThanOrEqual(-2);
    expect(path.logSnr(first.t + 1) / 2).toBeLessThan(-2);
  });

  it("take sigmaMax for the infinite ratio of pure noise", () => {
    expect(ratios(line, { steps: 2 })[0]).toBe(Infinity);
    const [first] = levelsFor(line, { steps: 2, sigmaMax: 999 });
    expect([first.alpha, first.sigma]).toEqual([expect.closeTo(0.001, 12), expect.closeTo(0.999, 12)]);
    // diffusers' Euler with rescale_betas_zero_snr: alphaBar 2^-24 at the last timestep, so sigma 4096, fed 999
    const noSnr = vp(scaledLinear({ zeroTerminalSnr: true }));
    const [last] = levelsFor(noSnr, { steps: 5, sigmaMax: Math.sqrt(2 ** 24 - 1) });
    expect(last).toMatchObject({ t: 999, networkTime: 999 });
    expect(last.alpha ** 2).toBeCloseTo(2 ** -24, 18);
    expect(last.alpha ** 2 + last.sigma ** 2).toBeCloseTo(1, 12);
  });
});

describe("schedules of sigma", () => {
  it("are karras where the path's time is sigma, unless told otherwise", () => {
    close(ratios(edm(), { steps: 5 }), [80, 17.52783, 2.515219, 0.1697528, 0.002, 0], 5);
    close(ratios(edm(), { steps: 4, schedule: "uniform", timeMin: 20 }), [80, 65, 50, 35, 0]);
    expect(ratios(edm(), { times: [9, 3, 1] })).toEqual([9, 3, 1, 0]);
  });

  it.each([
    ["linear", discrete, {}],
    ["straightLine", line, { sigmaMin: 0.01, sigmaMax: 100 }],
    ["continuousVp", continuousVp(), { sigmaMin: 0.02, sigmaMax: 100 }],
    ["edm", edm(), {}],
  ] as const)("have the wanted ratio exactly on %s, at the path's time for it", (_, path, ends) => {
    for (const schedule of ["karras", "exponential", "beta", "lambda", "polyexponential"] as const) {
      const levels = levelsFor(path, { steps: 9, schedule, ...ends }).slice(0, -1);
      for (const level of levels) {
        expect(path.at(level.t).alpha).toBe(level.alpha);
        expect(Math.abs(path.logSnr(level.t) + 2 * Math.log(ratioOf(level)))).toBeLessThan(1e-8);
      }
    }
  });

  it("take their ends from the path, the spacing, or the options", () => {
    const ends = (options: LevelsOptions) => {
      const found = ratios(discrete, { steps: 4, schedule: "karras", ...options });
      return [found[0], found[3]];
    };
    const at = (t: number) => ratioOf(discrete.at(t));
    close(ends({}), [at(999), at(0)]);
    close(ends({ range: "spacing" }), [at(999), at(249)]);
    close(ends({ range: "spacing", spacing: "leading", stepsOffset: 1 }), [at(751), at(1)]);
    close(ends({ sigmaMin: 0.1, sigmaMax: 10 }), [10, 0.1]);
    expect(times(discrete, { steps: 4, schedule: "karras", roundTimes: "nearest" })).toEqual([999, 775, 301, 0, 0]);
  });

  it("end in place with sigmaMin, except lambda, which is even in log-SNR to its end", () => {
    const karras = ratios(edm(), { steps: 4, finalSigma: "sigmaMin" });
    expect(karras.slice(3)).toEqual([0.002, 0.002]);
    const lambda = ratios(edm(), { steps: 4, schedule: "lambda", finalSigma: "sigmaMin" }).map(Math.log);
    expect(lambda).toHaveLength(5);
    for (let i = 0; i < 4; i++) expect(lambda[i] - lambda[i + 1]).toBeCloseTo(Math.log(80 / 0.002) / 4, 12);
  });

  it("space the path's own sigma on request", () => {
    const found = levelsFor(line, { steps: 3, schedule: "exponential", measure: "sigma", sigmaMin: 0.01 });
    close(
      found.map(({ sigma }) => sigma),
      [1, 0.1, 0.01, 0],
    );
  });

  it("can be given", () => {
    expect(ratios(discrete, { sigmas: [100, 7, 0.5] })).toEqual(
      [100, 7, 0.5, 0].map((value) => expect.closeTo(value, 12)),
    );
    expect(times(discrete, { times: [900, 20.5] })).toEqual([900, 20.5, 0]);
  });
});

describe("levelOfRatio", () => {
  it("is an end of the path where only rounding lies between", () => {
    const [first, last] = discrete.span.map((t) => discrete.at(t));
    expect(levelOfRatio(discrete, ratioOf(last) * (1 + 1e-12)).t).toBe(999);
    expect(levelOfRatio(discrete, ratioOf(first) * (1 - 1e-12)).t).toBe(0);
  });
});

describe("bad input", () => {
  const cases: [string, Path, object, string][] = [
    [
      "more steps than timesteps",
      vp(linear({ timesteps: 50 })),
      { steps: 51 },
      "51 steps are more than the 50 timesteps",
    ],
    [
      "the same with karras",
      vp(linear({ timesteps: 50 })),
      { steps: 51, schedule: "karras" },
      "51 steps are more than the 50",
    ],
    [
      "one more with dropLast",
      vp(linear({ timesteps: 50 })),
      { steps: 50, spacing: "linspace", dropLast: true },
      "dropLast",
    ],
    ["steps past lambdaMin", discrete, { steps: 900, lambdaMin: 0 }, "above lambdaMin 0"],
    ["an empty interval", discrete, { steps: 5, schedule: "karras", sigmaMin: 2, sigmaMax: 2 }, "no interval between"],
    ["sigmaMin above sigmaMax", edm(), { steps: 5, sigmaMin: 90 }, "sigmaMin 90 must be below sigmaMax 80"],
    ["a sigma above the path", discrete, { steps: 5, schedule: "beta", sigmaMax: 700 }, "0.0100005000375"],
    ["a sigma below the path", discrete, { sigmas: [5, 0.001] }, "visit 0.001: choose sigmaMin, sigmaMax or sigmas"],
    ["an own sigma outside", line, { sigmas: [2, 1], measure: "sigma" }, "sigma from 0 to 1"],
    ["a time outside", discrete, { times: [1000, 5] }, "t = 1000"],
    ["a shift past the end", discrete, { steps: 5, shift: 2 }, "the path linear has sigma / alpha from"],
    ["an infinite interval", line, { steps: 5, schedule: "karras" }, "give sigmaMin and sigmaMax"],
    ["half of one", line, { steps: 5, schedule: "karras", sigmaMin: 0.1 }, "give sigmaMax"],
    ["a level without noise", line, { steps: 4, spacing: "linspace" }, "has no noise"],
    ["one step elsewhere than at the noise", discrete, { steps: 1, spacing: "linspace" }, "use trailing spacing"],
    ["leading in continuous time", line, { steps: 4, spacing: "leading" }, "continuous time"],
    ["timeMax on a discrete path", discrete, { steps: 4, timeMax: 500 }, "give lambdaMin or times"],
    ["an empty time", line, { steps: 4, timeMax: 0.2, timeMin: 0.2 }, "timeMax 0.2 must be above timeMin 0.2"],
    ["times for karras", edm(), { steps: 4, timeMax: 20 }, "timeMin and timeMax are for uniform levels"],
    ["no steps", discrete, {}, "steps is missing"],
    ["times and sigmas", discrete, { times: [5], sigmas: [5] }, "not both"],
    ["times and a schedule", discrete, { times: [5], schedule: "beta" }, 'leave schedule "beta" away'],
    ["other steps than times", discrete, { times: [5, 4], steps: 3 }, "2 times or sigmas are given for 3 steps"],
    ["times that rise", discrete, { times: [4, 5] }, "a list of falling times"],
    ["rho for uniform", discrete, { steps: 4, rho: 7 }, "rho is for the schedules karras"],
    ["betaShape for karras", edm(), { steps: 4, betaShape: [1, 1] }, "betaShape is for the schedule beta"],
    ["a bad betaShape", edm(), { steps: 4, betaShape: [1, 0] }, "two finite numbers above 0"],
    [
      "shift for karras",
      line,
      { steps: 4, schedule: "karras", shift: 3, sigmaMin: 1, sigmaMax: 2 },
      "shift moves uniform",
    ],
    ["sigmaMin for uniform", discrete, { steps: 4, sigmaMin: 1 }, "sigmaMin is for the schedules of sigma"],
    ["sigmaMax for a finite start", discrete, { steps: 4, sigmaMax: 10 }, "infinite sigma / alpha"],
    ["sigmaMax below the second level", line, { steps: 4, sigmaMax: 2 }, "levels must fall"],
    ["roundTimes true", discrete, { steps: 4, roundTimes: true }, 'false, "nearest" or "down"'],
    ["an unknown schedule", discrete, { steps: 4, schedule: "karas" }, "schedule must be"],
    ["an unknown option", discrete, { step: 4 }, "Did you mean steps"],
  ];
  it.each(cases)("%s", (_, path, options, message) => {
    expect(() => levelsFor(path, options)).toThrow(ConfigError);
    expect(() => levelsFor(path, options)).toThrow(message);
  });
});

describe("roundTimes in continuous time", () => {
  it("cuts what the network is fed", () => {
    const fed = (how: "down" | "nearest") =>
      levelsFor(straightLine(), { steps: 3, roundTimes: how }).map((level) => level.networkTime);
    expect(fed("down")).toEqual([1000, 666, 333, 0]);
    expect(fed("nearest")).toEqual([1000, 667, 333, 0]);
    const [, second] = levelsFor(straightLine(), { steps: 3, roundTimes: "down" });
    expect(second.t).toBeCloseTo(2 / 3, 12); // and nothing else
  });
});

describe("levelsOptions", () => {
  it("takes out of a solver's options what levels know", () => {
    expect(levelsOptions({ steps: 4, rho: 5, clip: 1, eta: 0 } as LevelsOptions)).toEqual({ steps: 4, rho: 5 });
  });
});
