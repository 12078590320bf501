/**
 * The walk of the solvers that follow the probability-flow ODE from level to level, with one state y in float64.
 *
 * In sigma space (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, eq. 1 with
 * y = x / alpha, s = sigma / alpha) every path is the variance-exploding one, and
 *
 *   dy/ds = (y - x0hat) / s
 *
 * In time space (the flow of Ma et al. 2024, eq. 4), y = x and
 *
 *   dy/dt = alpha' x0hat + sigma' epshat,   epshat = (x - alpha x0hat) / sigma
 *
 * Both are a y + b x0hat at a level, so a solver is written once, and a limit on x0hat (clip, threshold) changes the rate
 * with it. A first-order step is the same in either space, and is DDIM; higher orders differ. The denoiser is asked in the
 * path's units, in float32. Tested through the solvers of the family.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { type LevelsOptions, levelsFor, levelsOptions, ratioOf } from "../levels.ts";
import type { Level, Path } from "../path-contract.ts";
import { type LimitOptions, limited } from "../thresholding.ts";
import { remaining, type SampleOptions, type Solver, type SolverStep, spreadAt, start } from "./solver.ts";

/** What the ODE is written in. */
export interface Space {
  /** x = scale · y. */
  scale(level: Level): number;
  /** The variable of integration. */
  place(level: Level): number;
  /** [a, b] of dy / dplace = a y + b x0hat. */
  slope(level: Level): readonly [number, number];
}

export const sigmaSpace: Space = Object.freeze({
  scale: ({ alpha }: Level) => alpha,
  place: ratioOf,
  slope: (level: Level) => [1 / ratioOf(level), -1 / ratioOf(level)] as const,
});

export const timeSpace: Space = Object.freeze({
  scale: () => 1,
  place: ({ t }: Level) => t,
  slope: ({ alpha, sigma, dAlpha, dSigma }: Level) => [dSigma / sigma, dAlpha - (dSigma * alpha) / sigma] as const,
});

/** One step: from a level to the next, lower one. */
export interface Move {
  readonly from: Level;
  readonly to: Level;
}

/** What the denoiser says of a state. */
export interface Prediction {
  /** x0hat, within its limits. */
  readonly sample: Float32Array;
  /** dy / dplace. */
  readonly rate: Float64Array;
}

/** What a step works with. */
export interface Tools {
  predict(y: Float64Array, at: Level): Promise<Prediction>;
  /** Standard normal numbers of the shape of y. */
  noise(): Float32Array;
}

/** What a step makes of the state, and the x0hat at its first level. */
export interface Advanced {
  readonly y: Float64Array;
  readonly sample: Float32Array;
}

export type Advance<M extends Move> = (y: Float64Array, move: M, tools: Tools) => Promise<Advanced>;

/** The steps of a run in sigma space, all of finite sigma / alpha. `owner`: the solver's name. */
export function sigmaMoves(owner: string, path: Path, options: LevelsOptions): Move[] {
  const levels = levelsFor(path, levelsOptions(options));
  if (!(levels[0].alpha > 0)) {
    throw new ConfigError(
      `the ${owner} solver walks along sigma / alpha, which is infinite at t = ${levels[0].t}, where the path ` +
        `${path.name} is pure noise; give sigmaMax, or take ddim, lcm or (in continuous time) flowEuler or flowHeun`,
    );
  }
  return movesBetween(levels);
}

/** The steps of a run in the path's own time, which must be continuous and end at the data. */
export function timeMoves(owner: string, path: Path, options: LevelsOptions): Move[] {
  if (path.timesteps !== undefined) {
    throw new ConfigError(
      `the ${owner} solver follows the flow in continuous time; the path ${path.name} is discrete: take euler, heun, ` +
        `dpm2, lms or ddim`,
    );
  }
  const levels = levelsFor(path, levelsOptions(options));
  if (levels[levels.length - 1].sigma === 0 && path.sigma(path.span[0]) > 0) {
    throw new ConfigError(
      `the ${owner} solver walks in the path's time, and ${path.name} still has noise where it ends, at ` +
        `t = ${path.span[0]}; give finalSigma "sigmaMin", or take euler or heun, which go down to sigma 0`,
    );
  }
  return movesBetween(levels);
}

function movesBetween(levels: readonly Level[]): Move[] {
  return levels.slice(1).map((to, i) => ({ from: levels[i], to }));
}

/** A solver of the family. */
export interface Plan<M extends Move> {
  readonly space: Space;
  /** The steps on a path; what the path cannot give is a ConfigError here. */
  moves(path: Path): readonly M[];
  /** A fresh step function for each run, with the history of the run. */
  begin(moves: readonly M[]): Advance<M>;
}

/** Puts a plan behind the interface of every solver. `config`: its options with all defaults. */
export function stateSolver<M extends Move>(
  name: string,
  config: LimitOptions & Pick<LevelsOptions, "startNoise">,
  plan: Plan<M>,
): Solver {
  return Object.freeze({
    name,
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const moves = plan.moves(denoiser.path);
      const from = start(sampling, spreadAt(moves[0].from, config.startNoise));
      const left = remaining(moves, from.skip);
      const { space } = plan;
      const scaled = (y: Float64Array, scale: number) => Float32Array.from(y, (value) => scale * value);
      const tools: Tools = {
        noise: from.noise,
        async predict(y, at) {
          const denoised = await denoiser.denoise(scaled(y, space.scale(at)), at, sampling.condition);
          const sample = limited(denoised.sample, config, sampling.shape[0]);
          const [a, b] = space.slope(at);
          return { sample, rate: y.map((value, i) => a * value + b * sample[i]) };
        },
      };
      async function* run(): AsyncGenerator<SolverStep> {
        const advance = plan.begin(moves);
        const first = space.scale(left[0][1].from);
        let y: Float64Array = Float64Array.from(from.x, (value) => value / first);
        for (const [step, move] of left) {
          sampling.signal?.throwIfAborted();
          const advanced = await advance(y, move, tools);
          y = advanced.y;
          yield { step, of: moves.length, t: move.from.t, x: scaled(y, space.scale(move.to)), sample: advanced.sample };
        }
      }
      return run();
    },
  });
}

/** y + factor · direction. */
export function along(y: Float64Array, factor: number, direction: ArrayLike<number>): Float64Array {
  return y.map((value, i) => value + factor * direction[i]);
}

/** keep · y + (1 - keep) · sample: the exact step for an x0hat that is constant, keep = s' / s. */
export function towards(y: Float64Array, keep: number, sample: ArrayLike<number>): Float64Array {
  return y.map((value, i) => keep * value + (1 - keep) * sample[i]);
}
