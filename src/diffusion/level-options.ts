/**
 * The options of the levels that a solver visits (levels.ts), with what each accepts and its default: fields for the
 * options of every solver that walks along such levels. Tested through levels.ts.
 */
import { choice, type Field, flag, integer, optional, real, withDefault } from "./options.ts";
import { type Spacing, spacings } from "./times.ts";

export const scheduleNames = ["uniform", "karras", "exponential", "polyexponential", "beta", "lambda"] as const;
/** How levels are spaced; "lambda" is even in log-SNR down to the end level itself. */
export type ScheduleName = (typeof scheduleNames)[number];

export interface LevelsOptions {
  /** Steps; on a discrete path at most its timesteps. Needed unless `times` or `sigmas` are given. */
  steps?: number;
  /** Default: "karras" where the path's time is its noise level itself (EDM), else "uniform", even in time. */
  schedule?: ScheduleName;
  /** How times are spaced, for "uniform". Default "trailing"; continuous paths know "trailing" and "linspace". */
  spacing?: Spacing;
  /** Added to the timesteps of leading spacing. Default 0; Stable Diffusion has 1. */
  stepsOffset?: number;
  /** In leading and linspace spacing: space one time more and leave the last, t = 0, out. Default false. */
  dropLast?: boolean;
  /** The first time of a continuous path's uniform levels, default the noise end; and the time that they go towards. */
  timeMax?: number;
  timeMin?: number;
  /** Discrete paths: start no later than where ln(alpha / sigma) is this, such as -5.1 for cosine. */
  lambdaMin?: number;
  /** The times themselves, falling, in place of a schedule. */
  times?: readonly number[];
  /** The noise levels themselves, falling and above 0, in place of a schedule. */
  sigmas?: readonly number[];
  /** What `sigmas`, `sigmaMin` and `sigmaMax` mean: sigma / alpha (default) or the path's own sigma. */
  measure?: "ratio" | "sigma";
  /** The ends of karras and the other schedules of sigma. Default: the ends of the path, or of the spacing (`range`). */
  sigmaMin?: number;
  /**
   * Also, for uniform levels: the finite sigma / alpha in place of the infinite one of a first level that is pure noise
   * (the straight line at t = 1, zero terminal SNR).
   */
  sigmaMax?: number;
  /** Where the default ends of a schedule of sigma come from. Default "path". */
  range?: "path" | "spacing";
  /** The power of karras (default 7) and polyexponential (default 1). */
  rho?: number;
  /** The two shapes of the beta schedule. Default [0.6, 0.6]. */
  betaShape?: readonly [number, number];
  /** Multiplies sigma / alpha of uniform levels. Default 1; 3 in Stable Diffusion 3. */
  shift?: number;
  /** What is linear in t between two timesteps: ln(sigma / alpha) (default) or sigma / alpha. */
  interpolation?: "log" | "linear";
  /**
   * Feed the network whole numbers, the nearest or the one below: of timesteps on a discrete path, of what the network is
   * fed (such as 1000 t) where time is continuous. Default false.
   */
  roundTimes?: false | "nearest" | "down";
  /**
   * Where the last step ends: at the data ("zero", default) or with the path's least noise, `sigmaMin` where it is given.
   * A schedule of sigma is there already, except for "lambda": its last step then stays in place, as in diffusers.
   */
  finalSigma?: "zero" | "sigmaMin";
  /**
   * The standard deviation of the numbers that a run starts from: that of x for data of unit variance ("marginal",
   * default), or sigma alone ("sigma"), as diffusers' Euler and its kin have it but with leading spacing. The two differ by
   * 0.2 % for Stable Diffusion.
   */
  startNoise?: "marginal" | "sigma";
}

/** A list of falling finite numbers, at least one. */
function falling(what: string): Field<readonly number[]> {
  return {
    expected: `a list of falling ${what}`,
    accepts: (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((item, i) => Number.isFinite(item) && (i === 0 || item < value[i - 1])),
  };
}

const positive = real(0, Infinity, true);
const shapes: Field<readonly [number, number]> = {
  expected: "two finite numbers above 0",
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(positive.accepts),
};
const rounding: Field<false | "nearest" | "down"> = {
  expected: 'false, "nearest" or "down"',
  accepts: (value) => value === false || value === "nearest" || value === "down",
};

/** The fields of `LevelsOptions`, for the options of a solver that has them among its own. */
export const levelFields = {
  steps: optional(integer(1)),
  schedule: optional(choice(...scheduleNames)),
  spacing: withDefault(choice(...spacings), "trailing"),
  stepsOffset: withDefault(integer(0), 0),
  dropLast: withDefault(flag(), false),
  timeMax: optional(real()),
  timeMin: optional(real()),
  lambdaMin: optional(real()),
  times: optional(falling("times")),
  sigmas: optional(falling("noise levels")),
  measure: withDefault(choice("ratio", "sigma"), "ratio"),
  sigmaMin: optional(positive),
  sigmaMax: optional(positive),
  range: withDefault(choice("path", "spacing"), "path"),
  rho: optional(positive),
  betaShape: optional(shapes),
  shift: withDefault(positive, 1),
  interpolation: withDefault(choice("log", "linear"), "log"),
  roundTimes: withDefault(rounding, false),
  finalSigma: withDefault(choice("zero", "sigmaMin"), "zero"),
  startNoise: withDefault(choice("marginal", "sigma"), "marginal"),
};

/** The part of a solver's options that are options of `levelsFor`. */
export function levelsOptions(options: LevelsOptions): LevelsOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(levelFields, name)));
}
