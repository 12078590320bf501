/**
 * PNDM: pseudo linear multistep along the predicted noise. From one level to the next,
 *
 *   x' = (alpha' / alpha) (x - sigma e) + sigma' e
 *
 * where e is not the noise at x but the Adams-Bashforth combination of the last four,
 *
 *   e = (55 e_0 - 59 e_1 + 37 e_2 - 9 e_3) / 24     (newest first; (23 -16 5) / 12, (3 -1) / 2, 1 while there are fewer)
 *
 * Warm-up "rungeKutta": the first three steps are classical Runge-Kutta steps of four evaluations each, with the same
 * transfer in every stage (F-PNDM; steps + 9 evaluations). Warm-up "heun": the first step is a Heun step of two
 * evaluations, then the combination grows (PLMS, `skip_prk_steps` of diffusers; steps + 1 evaluations).
 *
 * Source: Liu, Ren, Lin, Zhao, "Pseudo Numerical Methods for Diffusion Models on Manifolds" (2022), eq. 9, 12, 13 and
 * algorithm 2; PLMS after Crowson's form of it in latent diffusion. Tested against the sums that diffusers' own tests of
 * PNDMScheduler hold (all digits given) and its trajectories in float64, and for its order on Gaussian data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { choice, flag, integer, readOptions, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import type { Denoised } from "../prediction.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import {
  type Moved,
  remaining,
  type SampleOptions,
  type Solver,
  type SolverStep,
  type Start,
  spreadAt,
  start,
} from "./solver.ts";

export interface PndmOptions {
  /** Steps; on a discrete path at most its timesteps, and from 4 with the Runge-Kutta warm-up. */
  steps: number;
  /** How the first steps, which lack a history, are made. Default "heun", one more evaluation in all. */
  warmUp?: "heun" | "rungeKutta";
  /**
   * What is combined: the noise, as in the paper (the default, for any prediction), or v, as diffusers does with networks
   * that predict v. The latter is of order one only: v turns along the path even where x0 and noise stay.
   */
  combine?: "noise" | "v";
  /** How timesteps are chosen. Default "trailing". */
  spacing?: Spacing;
  /** Added to the timesteps of leading spacing. Default 0; Stable Diffusion has 1. */
  stepsOffset?: number;
  /** Where the last step ends: at alpha = 1, sigma = 0 (true, the default), or at the first time of the path (false). */
  setAlphaToOne?: boolean;
}

const fields = {
  steps: integer(1),
  warmUp: withDefault(choice("heun", "rungeKutta"), "heun"),
  combine: withDefault(choice("noise", "v"), "noise"),
  spacing: withDefault(choice(...spacings), "trailing"),
  stepsOffset: withDefault(integer(0), 0),
  setAlphaToOne: withDefault(flag(), true),
};

type Config = Required<PndmOptions>;
type Place = Pick<Level, "alpha" | "sigma">;

/** Adams-Bashforth weights of one to four slopes, newest first. */
const adamsBashforth = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
] as const;
const rungeKuttaSteps = 3;

function weighted(slopes: readonly Float32Array[], weights: readonly number[]): Float32Array {
  return slopes[0].map((_, i) => weights.reduce((sum, weight, k) => sum + weight * slopes[k][i], 0));
}

/** Noise, or v = alpha eps - sigma x0, of what was predicted at a level. */
function slopeOf({ sample, noise }: Denoised, { alpha, sigma }: Place, combine: Config["combine"]): Float32Array {
  return combine === "noise" ? noise : noise.map((eps, i) => alpha * eps - sigma * sample[i]);
}

/** From x at one level to another, with a slope that is held on the way; also the x0 that it goes towards. */
export function pndmTransfer(
  x: Float32Array,
  slope: Float32Array,
  { alpha, sigma }: Place,
  next: Place,
  combine: Config["combine"] = "noise",
): Moved {
  const scale = alpha * alpha + sigma * sigma; // 1 on variance-preserving paths
  const noise = combine === "noise" ? slope : x.map((value, i) => (sigma * value + alpha * slope[i]) / scale);
  const sample =
    combine === "noise"
      ? x.map((value, i) => (value - sigma * slope[i]) / alpha)
      : x.map((value, i) => (alpha * value - sigma * slope[i]) / scale);
  return { x: x.map((_, i) => next.alpha * sample[i] + next.sigma * noise[i]), sample };
}

/**
 * The levels of the second and the third stage, half way between two times; on a discrete path whole timesteps, where
 * there is one between them. Of an odd gap diffusers takes x to the upper of the two in the middle first and to the lower
 * one then, and feeds the network the lower one both times; so does this.
 */
function between(path: Path, t: number, next: number): [Level, Level] {
  const half = (t - next) / 2;
  if (path.timesteps === undefined || half < 1) return [path.at(t - half), path.at(t - half)];
  const [upper, lower] = [path.at(t - Math.floor(half)), path.at(next + Math.floor(half))];
  return [{ ...upper, networkTime: lower.networkTime }, lower];
}

/** The levels of a run, each asked once or more, and where it ends. */
function levelsOf(path: Path, config: Config): { levels: Level[]; end: Place } {
  const { steps, warmUp, combine, spacing, stepsOffset, setAlphaToOne } = config;
  if (warmUp === "rungeKutta" && steps <= rungeKuttaSteps) {
    throw new ConfigError(
      `pndm: the Runge-Kutta warm-up takes ${rungeKuttaSteps} steps, so steps must be from ${rungeKuttaSteps + 1}, not ${steps}; ` +
        `warmUp "heun" takes any number`,
    );
  }
  const levels = timesOn(path, steps, spacing, stepsOffset).map((t) => path.at(t));
  if (combine === "noise" && !(levels[0].alpha > 0)) {
    throw new ConfigError(
      `pndm: at t = ${levels[0].t} the path ${path.name} has alpha = 0, from where noise alone leads nowhere; ` +
        `use combine "v", or the unipc or dpmppMultistep solver`,
    );
  }
  return { levels, end: setAlphaToOne ? { alpha: 1, sigma: 0 } : path.at(path.span[0]) };
}

async function* run(
  denoiser: Denoiser,
  sampling: SampleOptions,
  { x: initial, skip }: Start,
  { levels, end }: { levels: readonly Level[]; end: Place },
  { warmUp, combine }: Config,
): AsyncGenerator<SolverStep> {
  const slopeAt = async (x: Float32Array, level: Level) =>
    slopeOf(await denoiser.denoise(x, level, sampling.condition), level, combine);
  let x = initial;
  const history: Float32Array[] = []; // newest first
  for (const [step, level] of remaining(levels, skip)) {
    sampling.signal?.throwIfAborted();
    const isLast = step === levels.length;
    const next = isLast ? end : levels[step];
    const index = step - 1 - skip; // of the run
    const transfer = (slope: Float32Array, to: Place) => pndmTransfer(x, slope, level, to, combine);
    history.unshift(await slopeAt(x, level));
    history.splice(adamsBashforth.length);
    let slope: Float32Array;
    if (warmUp === "rungeKutta" && index < rungeKuttaSteps && !isLast) {
      const [upper, lower] = between(denoiser.path, level.t, levels[step].t);
      const second = await slopeAt(transfer(history[0], upper).x, upper);
      const third = await slopeAt(transfer(second, lower).x, lower);
      const fourth = await slopeAt(transfer(third, next).x, levels[step]);
      slope = weighted([history[0], second, third, fourth], [1 / 6, 1 / 3, 1 / 3, 1 / 6]);
    } else if (index === 0 && !isLast) {
      const second = await slopeAt(transfer(history[0], next).x, levels[step]);
      slope = weighted([history[0], second], [1 / 2, 1 / 2]);
    } else {
      slope = weighted(history, adamsBashforth[history.length - 1]);
    }
    const moved = transfer(slope, next);
    x = moved.x;
    yield { step, of: levels.length, t: level.t, x: x.slice(), sample: moved.sample };
  }
}

/** PNDM, and PLMS. */
export function pndm(options: PndmOptions): Solver {
  const config: Config = readOptions("pndm", fields, options);
  return Object.freeze({
    name: "pndm",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const visited = levelsOf(denoiser.path, config);
      const from = start(sampling, spreadAt(visited.levels[0]));
      remaining(visited.levels, from.skip); // refuses at once
      return run(denoiser, sampling, from, visited, config);
    },
  });
}
