/**
 * Sampling from a consistency model, whose predicted sample f(x, t) is the end of x's trajectory: one step is
 *
 *   x = f(x_T, T)
 *
 * and each further step noises the result to a lower level and asks again, which mends what one step left wrong:
 *
 *   y' = f + sqrt(s'² - sMin²) z,   x = f(alpha' y', t'),   s = sigma / alpha, sMin of the path's data end
 *
 * Levels are the first N of N + 1 that go from the noise end to the data end, even in s^(1/rho) ("karras") or in time, or
 * at the times that are given. A denoiser that tells E[x0 | x] instead of a trajectory's end gives blurred images.
 *
 * Source: Song, Dhariwal, Chen, Sutskever, "Consistency Models" (2023), algorithm 1. Tested with the closed-form f of
 * Gaussian data: any number of steps draws the data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoised, Denoiser } from "../denoiser.ts";
import { consistencyLevels, type GridSpacing, gridSpacings } from "../distillation/consistency.ts";
import { ratioOf } from "../levels.ts";
import { choice, clipLimit, type Field, integer, optional, readOptions, real, show, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { clipped, type Move, type SampleOptions, type Solver, spreadAt, start, walk } from "./solver.ts";

export interface ConsistencyOptions {
  /** Evaluations of the network. Default 1, or as many as `times`. */
  steps?: number;
  /** Default "karras"; "time" on paths whose noise end holds no data, such as the straight line. */
  spacing?: GridSpacing;
  /** Of karras spacing. Default 7. */
  rho?: number;
  /** The falling times of the path at which the network is asked, in place of `steps` and `spacing`. */
  times?: readonly number[];
  /** The predicted sample is clipped to [-clip, clip]; false for none. Default 1, for images in [-1, 1]. */
  clip?: number | false;
}

const timesField: Field<readonly number[] | undefined> = optional({
  expected: "a list of at least one time",
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite),
});

const fields = {
  steps: optional(integer(1)),
  spacing: withDefault(choice(...gridSpacings), "karras"),
  rho: withDefault(real(0, Infinity, true), 7),
  times: timesField,
  clip: withDefault(clipLimit(), 1),
};

interface ConsistencyMove extends Move {
  /** What the result is scaled by before noise of `std` is added; the last step adds none and scales by 1. */
  readonly scale: number;
}

function levelsOf(path: Path, { steps, spacing = "karras", rho, times }: ConsistencyOptions): Level[] {
  if (times === undefined) return consistencyLevels(path, (steps ?? 1) + 1, spacing, rho).slice(0, -1);
  if (steps !== undefined && steps !== times.length) {
    throw new ConfigError(`consistency: ${times.length} times are given for ${steps} steps; leave steps out`);
  }
  const wrong = times.findIndex((t, i) => i > 0 && !(t < times[i - 1]));
  if (wrong > 0) {
    throw new ConfigError(`consistency: times must fall, but ${show(times[wrong])} follows ${show(times[wrong - 1])}`);
  }
  return times.map((t) => path.at(t));
}

function movesOf(path: Path, options: ConsistencyOptions): ConsistencyMove[] {
  const levels = levelsOf(path, options);
  const least = ratioOf(path.at(path.span[0]));
  return levels.map(({ t }, i) => {
    const next = levels[i + 1];
    if (next === undefined) return { t, scale: 1, std: 0 };
    return { t, scale: next.alpha, std: next.alpha * Math.sqrt(Math.max(0, ratioOf(next) ** 2 - least ** 2)) };
  });
}

/** One-step and multistep sampling of consistency models. */
export function consistency(options: ConsistencyOptions = {}): Solver {
  const config = readOptions("consistency", fields, options) as ConsistencyOptions;
  return Object.freeze({
    name: "consistency",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const moves = movesOf(denoiser.path, config);
      const from = start(sampling, spreadAt(denoiser.path.at(moves[0].t)));
      return walk(denoiser, sampling, from, moves, ({ scale, std }, _, denoised: Denoised, noise) => {
        const sample = clipped(denoised.sample, config.clip ?? 1);
        return { sample, x: sample.map((value, i) => scale * value + (noise === undefined ? 0 : std * noise[i])) };
      });
    },
  });
}
