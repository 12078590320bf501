/**
 * The levels that a solver visits on a path, from noise to data: N levels and the level at which the last step ends.
 *
 * By time ("uniform": the spacings of times.ts), or by the ratio s = sigma / alpha, the noise level of the
 * variance-exploding view y = x / alpha ("karras" and the others of sigmas.ts). The level of a ratio s is that of the
 * time at which log-SNR = -2 ln s; on discrete paths it lies between two timesteps, where ln s is linear in t. A shift
 * multiplies s, which is sigma' = shift sigma / (1 + (shift - 1) sigma) on the straight line (Esser et al. 2024, eq. 23).
 *
 * What diffusers' schedulers do differently from each other are options here: DPM-Solver and UniPC space N + 1 times and
 * drop the last (`dropLast`) and feed the network whole timesteps (`roundTimes`); Euler and its kin interpolate sigma
 * itself between timesteps (`interpolation` "linear") and space karras levels within the levels of the spacing (`range`
 * "spacing"); flow schedulers space sigma, not the ratio (`measure` "sigma"). Tested against the levels of diffusers
 * 0.42.1 to 1e-8.
 */
import { ConfigError } from "../core/errors.ts";
import { type LevelsOptions, levelFields, type ScheduleName } from "./level-options.ts";
import { readOptions, show } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";
import { betaSigmas, exponentialSigmas, karrasSigmas, polyexponentialSigmas, type SigmaRange } from "./sigmas.ts";
import { roundHalfEven, spacedTimesteps } from "./times.ts";

export { type LevelsOptions, levelFields, levelsOptions, type ScheduleName, scheduleNames } from "./level-options.ts";

type Options = ReturnType<typeof readLevels>;

/** The options with their defaults on a path. */
function readLevels(path: Path, given: LevelsOptions) {
  const options = readOptions("levels", levelFields, given);
  return { ...options, schedule: options.schedule ?? defaultSchedule(path, options) };
}

function defaultSchedule(path: Path, { times, sigmas }: LevelsOptions): ScheduleName {
  const timeIsSigma =
    path.timesteps === undefined && path.span.every((t) => path.alpha(t) === 1 && path.sigma(t) === t);
  return timeIsSigma && times === undefined && sigmas === undefined ? "karras" : "uniform";
}

/** The noise level in the variance-exploding view y = x / alpha; Infinity where there is no data. */
export function ratioOf({ alpha, sigma }: { alpha: number; sigma: number }): number {
  return sigma / alpha;
}

const ENDS = 1e-9; // how far beyond an end of the path, in log-SNR, a level is still the end: rounding

/**
 * The level at which the path has this sigma / alpha, exactly so. `networkTime`: the path's time that the network is fed,
 * when not the level's own. A ratio that the path does not have is a ConfigError.
 */
export function levelOfRatio(path: Path, ratio: number, fedTime?: number): Level {
  const wanted = -2 * Math.log(ratio);
  const [first, last] = path.span;
  const [most, least] = [path.logSnr(first), path.logSnr(last)];
  const near = (end: number) => Math.abs(wanted - end) < ENDS * Math.max(1, Math.abs(end));
  if (!(wanted <= most || near(most)) || !(wanted >= least || near(least))) {
    throw new ConfigError(
      `the path ${path.name} has sigma / alpha from ${Math.exp(-most / 2)} to ${Math.exp(-least / 2)}; a solver wants to ` +
        `visit ${show(ratio)}: choose sigmaMin, sigmaMax or sigmas within the path`,
    );
  }
  const level = path.at(near(most) ? first : near(least) ? last : path.timeOfLogSnr(wanted));
  const sigma = level.alpha > 0 ? ratio * level.alpha : level.sigma;
  return { ...level, sigma, networkTime: fedTime === undefined ? level.networkTime : path.networkTime(fedTime) };
}

/** The time at which a path has this sigma (which rises in t), by bisection. */
function timeOfSigma(path: Path, sigma: number): number {
  let [low, high] = path.span;
  if (!(sigma >= path.sigma(low) && sigma <= path.sigma(high))) {
    throw new ConfigError(
      `the path ${path.name} has sigma from ${path.sigma(low)} to ${path.sigma(high)}; a solver wants to visit ` +
        `${show(sigma)}: choose sigmaMin, sigmaMax or sigmas within the path`,
    );
  }
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (path.sigma(middle) < sigma) low = middle;
    else high = middle;
  }
  return path.sigma(low) === sigma ? low : high;
}

/** The end of every path: the data, with no noise. */
export function dataEnd(path: Path): Level {
  return { ...path.at(path.span[0]), alpha: 1, sigma: 0 };
}

function roundTime(t: number, how: false | "nearest" | "down"): number {
  return how === "nearest" ? roundHalfEven(t) : how === "down" ? Math.floor(t + ENDS) : t;
}

/** The falling times of uniform levels, before any shift. */
function uniformTimes(path: Path, steps: number, options: Options): number[] {
  const { spacing, stepsOffset, dropLast, timeMax, timeMin, lambdaMin, roundTimes } = options;
  const drops = dropLast && spacing !== "trailing";
  const count = steps + (drops ? 1 : 0);
  if (count === 1 && spacing !== "trailing") {
    throw new ConfigError(`one step with ${spacing} spacing would start where the path ends; use trailing spacing`);
  }
  if (path.timesteps === undefined) {
    if (spacing === "leading" || stepsOffset !== 0 || lambdaMin !== undefined) {
      throw new ConfigError(
        `the path ${path.name} has continuous time: spacing is "trailing" or "linspace", and stepsOffset and lambdaMin ` +
          `are for discrete paths`,
      );
    }
    const [from, to] = [timeMax ?? path.span[1], timeMin ?? path.span[0]];
    if (!(from > to))
      throw new ConfigError(`timeMax ${from} must be above timeMin ${to}: there is no interval between`);
    const parts = spacing === "trailing" ? count : count - 1;
    return Array.from({ length: steps }, (_, i) => (i === parts ? to : from - (i * (from - to)) / parts));
  }
  if (timeMax !== undefined || timeMin !== undefined) {
    throw new ConfigError(`timeMax and timeMin are for continuous paths; on ${path.name} give lambdaMin or times`);
  }
  let total = path.timesteps;
  if (lambdaMin !== undefined) while (total > 0 && path.logSnr(total - 1) / 2 < lambdaMin) total--;
  if (count > total) {
    throw new ConfigError(
      `${steps} steps${drops ? " and the one that dropLast leaves out" : ""} are more than the ${total} timesteps of ` +
        `the path ${path.name}${lambdaMin === undefined ? "" : ` above lambdaMin ${lambdaMin}`}`,
    );
  }
  if (spacing === "linspace" && roundTimes === false) {
    return Array.from({ length: steps }, (_, i) => ((count - 1 - i) * (total - 1)) / (count - 1));
  }
  return spacedTimesteps(total, count, spacing, stepsOffset).slice(0, steps);
}

/** The level of a time; between two timesteps as `interpolation` says. */
function levelOfTime(path: Path, t: number, options: Options): Level {
  const { interpolation, roundTimes } = options;
  if (path.timesteps === undefined || Number.isInteger(t)) return path.at(t);
  const fed = roundTime(t, roundTimes);
  if (interpolation === "log") return { ...path.at(t), networkTime: path.networkTime(fed) };
  const [low, high] = [path.at(Math.floor(t)), path.at(Math.ceil(t))];
  const part = t - Math.floor(t);
  return { ...levelOfRatio(path, (1 - part) * ratioOf(low) + part * ratioOf(high), fed), t };
}

function uniformLevels(path: Path, steps: number, options: Options): Level[] {
  const times = options.times ?? uniformTimes(path, steps, options);
  const levels = times.map((t) => levelOfTime(path, t, options));
  if (options.shift === 1) return levels;
  return levels.map((level) => (level.alpha === 0 ? level : levelOfRatio(path, options.shift * ratioOf(level))));
}

/** The ends of a schedule of sigma, in the measure of the options. */
function rangeOf(path: Path, steps: number, options: Options): SigmaRange {
  const { sigmaMin, sigmaMax, measure, range } = options;
  const measured = measure === "sigma" ? (level: Level) => level.sigma : ratioOf;
  const ends = () => {
    if (range === "path") return path.span.map((t) => measured(path.at(t)));
    const levels = uniformLevels(path, steps, options);
    return [measured(levels[levels.length - 1]), measured(levels[0])];
  };
  const [least, most] = sigmaMin !== undefined && sigmaMax !== undefined ? [sigmaMin, sigmaMax] : ends();
  const [min, max] = [sigmaMin ?? least, sigmaMax ?? most];
  if (!(min > 0) || !Number.isFinite(max)) {
    throw new ConfigError(
      `the path ${path.name} goes from sigma / alpha = ${least} to ${most}; the ${options.schedule} schedule needs a ` +
        `finite interval above 0: give ${min > 0 ? "" : "sigmaMin"}${min > 0 || Number.isFinite(max) ? "" : " and "}` +
        `${Number.isFinite(max) ? "" : "sigmaMax"}`,
    );
  }
  if (!(max > min))
    throw new ConfigError(`sigmaMin ${min} must be below sigmaMax ${max}: there is no interval between`);
  return { min, max };
}

/** The falling noise levels of a schedule of sigma; of "lambda" that ends with noise, one more, the end. */
function scheduledSigmas(path: Path, steps: number, options: Options): number[] {
  const { schedule, rho, betaShape, finalSigma } = options;
  const range = rangeOf(path, steps, options);
  switch (schedule) {
    case "karras":
      return karrasSigmas(steps, range, rho);
    case "polyexponential":
      return polyexponentialSigmas(steps, range, rho);
    case "beta":
      return betaSigmas(steps, range, betaShape);
    case "lambda":
      return exponentialSigmas(finalSigma === "sigmaMin" ? steps + 1 : steps, range);
    default:
      return exponentialSigmas(steps, range);
  }
}

/** Options that say something which the others leave no room for. */
function checkTogether(options: Options): void {
  const { schedule, times, sigmas, rho, betaShape, shift, range, sigmaMin, timeMin, timeMax } = options;
  const refuse = (what: string) => {
    throw new ConfigError(`levels: ${what}`);
  };
  if (times !== undefined && sigmas !== undefined) refuse("give times or sigmas, not both");
  if ((times !== undefined || sigmas !== undefined) && schedule !== "uniform") {
    refuse(`times and sigmas are given in place of a schedule; leave schedule "${schedule}" away`);
  }
  if (rho !== undefined && schedule !== "karras" && schedule !== "polyexponential") {
    refuse(`rho is for the schedules karras and polyexponential, not ${schedule}`);
  }
  if (betaShape !== undefined && schedule !== "beta") refuse(`betaShape is for the schedule beta, not ${schedule}`);
  if (shift !== 1 && (sigmas !== undefined || (schedule !== "uniform" && range === "path"))) {
    refuse('shift moves uniform levels, and the range of a schedule with range "spacing"; choose sigmaMax instead');
  }
  if (schedule === "uniform" && sigmas === undefined && sigmaMin !== undefined) {
    refuse("sigmaMin is for the schedules of sigma (karras, exponential, polyexponential, beta, lambda), not uniform");
  }
  if ((timeMin !== undefined || timeMax !== undefined) && schedule !== "uniform" && range === "path") {
    refuse(`timeMin and timeMax are for uniform levels; ${schedule} takes sigmaMin and sigmaMax`);
  }
}

/** The first of uniform levels, with `sigmaMax` in place of an infinite ratio. */
function capped(path: Path, levels: Level[], sigmaMax: number | undefined): Level[] {
  if (sigmaMax === undefined) return levels;
  const [first, ...rest] = levels;
  if (first.alpha > 0) {
    throw new ConfigError(
      `levels: with uniform levels sigmaMax stands for an infinite sigma / alpha; the path ${path.name} starts at ` +
        `${ratioOf(first)}. Choose timeMax, lambdaMin or times, or another schedule`,
    );
  }
  if (path.timesteps === undefined) return [levelOfRatio(path, sigmaMax), ...rest];
  // Zero terminal SNR: no timestep of the table is near, so the last one with that much noise, variance preserved.
  const alpha = 1 / Math.hypot(1, sigmaMax);
  return [{ ...first, alpha, sigma: sigmaMax * alpha }, ...rest];
}

/**
 * The levels that a solver visits, and after them the level at which its last step ends: steps + 1 levels, falling in
 * sigma / alpha. More steps than a discrete path has, an empty interval, and levels outside of the path are ConfigErrors.
 */
export function levelsFor(path: Path, given: LevelsOptions): Level[] {
  const options = readLevels(path, given);
  const { times, sigmas, measure, roundTimes, schedule } = options;
  checkTogether(options);
  const own = times ?? sigmas;
  const steps = options.steps ?? own?.length;
  if (steps === undefined) throw new ConfigError("levels: steps is missing; it must be an integer from 1");
  if (own !== undefined && own.length !== steps) {
    throw new ConfigError(`levels: ${own.length} times or sigmas are given for ${steps} steps; leave steps away`);
  }
  if (path.timesteps !== undefined && steps > path.timesteps) {
    throw new ConfigError(`${steps} steps are more than the ${path.timesteps} timesteps of the path ${path.name}`);
  }
  const levelOf = (sigma: number) => {
    const level = measure === "sigma" ? path.at(timeOfSigma(path, sigma)) : levelOfRatio(path, sigma);
    if (roundTimes === false || path.timesteps === undefined) return level;
    return { ...level, networkTime: path.networkTime(roundTime(level.t, roundTimes)) };
  };
  const levels =
    sigmas !== undefined
      ? sigmas.map(levelOf)
      : schedule === "uniform"
        ? capped(path, uniformLevels(path, steps, options), options.sigmaMax)
        : scheduledSigmas(path, steps, options).map(levelOf);
  if (levels.length === steps) levels.push(endOf(path, options, levelOf));
  falls(path, levels);
  return roundTimes === false || path.timesteps !== undefined
    ? levels
    : levels.map((level) => ({ ...level, networkTime: roundTime(level.networkTime, roundTimes) }));
}

function endOf(path: Path, { finalSigma, sigmaMin }: Options, levelOf: (sigma: number) => Level): Level {
  if (finalSigma === "zero") return dataEnd(path);
  return sigmaMin === undefined ? path.at(path.span[0]) : levelOf(sigmaMin);
}

/** Checks that every step goes down in noise; only the last may stay in place. */
function falls(path: Path, levels: Level[]): Level[] {
  for (let i = 0; i + 1 < levels.length; i++) {
    const [here, next] = [ratioOf(levels[i]), ratioOf(levels[i + 1])];
    if (!(here > 0)) {
      throw new ConfigError(
        `level ${i + 1} of ${levels.length - 1} on the path ${path.name} (t = ${levels[i].t}) has no noise, so no step ` +
          `can start there; choose timeMin above it, or trailing spacing`,
      );
    }
    if (next < here || (i + 2 === levels.length && next === here)) continue;
    throw new ConfigError(
      `a solver's levels must fall: step ${i + 1} on the path ${path.name} would go from sigma / alpha = ${here} to ${next}`,
    );
  }
  return levels;
}
