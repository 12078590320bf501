/**
 * The ancestral solver of DDPM, on all timesteps or a respaced few:
 *
 *   x' = (sqrt(alphaBar') beta x0hat + (1 - alphaBar') sqrt(1 - beta) x) / (1 - alphaBar) + std z
 *   beta = 1 - alphaBar / alphaBar'
 *   variance "small": std² = beta (1 - alphaBar') / (1 - alphaBar)      variance "large": std² = beta
 *   variance "learned": ln std² = f ln large + (1 - f) ln small, element by element, f = (v + 1) / 2 of the network's v
 *
 * with x0hat clipped, and no noise in the last step, wherever that is. "small" is exact for data that is one point,
 * "large" for data ~ N(0, I). DDPM's code puts beta~(1) for the variance at t = 0; no noise is added there, so it does
 * not occur here.
 *
 * Source: Ho, Jain, Abbeel 2020, eq. 7 and algorithm 2; learned variances and respacing: Nichol and Dhariwal 2021, eq. 15
 * and 19. Tested against diffusers' DDPMScheduler to float32 rounding, and against the exact moments on Gaussian data, which
 * with the exact variance, learned, are those of the data themselves at any number of steps.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { type DiscreteVp, isDiscreteVp, respacedBetas } from "../discrete-vp.ts";
import { choice, clipLimit, integer, optional, readOptions, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { limited, type Threshold, thresholdField } from "../thresholding.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import { clipped, type Move, type Moved, type SampleOptions, type Solver, spreadAt, start, walk } from "./solver.ts";

export type DdpmVariance = "small" | "large" | "learned";

export interface DdpmOptions {
  /** Steps, at most the path's timesteps. Default: all of them. */
  steps?: number;
  /** Which timesteps are kept when respaced. Default "linspace" (both ends kept), as Improved DDPM. */
  spacing?: Spacing;
  /**
   * The variance of the noise: fixed, default "large", as DDPM on CIFAR-10 (with few steps "small" is much better), or
   * "learned", of networks that predict it.
   */
  variance?: DdpmVariance;
  /** The predicted x0 is clipped to [-clip, clip]; false for none. Default 1, for images in [-1, 1]. */
  clip?: number | false;
  /** Dynamic thresholding of the predicted x0, in place of clipping; default none. */
  threshold?: Threshold;
  /** Added to the timesteps of leading spacing. Default 0. */
  stepsOffset?: number;
}

const fields = {
  steps: optional(integer(1)),
  spacing: withDefault(choice(...spacings), "linspace"),
  variance: withDefault(choice("small", "large", "learned"), "large"),
  clip: withDefault(clipLimit(), 1),
  threshold: optional(thresholdField()),
  stepsOffset: withDefault(integer(0), 0),
};

/** One step of the chain: x' = sampleFactor · x0hat + noisedFactor · x + std · z. */
export interface DdpmMove extends Move {
  readonly sampleFactor: number;
  readonly noisedFactor: number;
  /** With learned variances: the logarithms of the smallest and the largest variance. */
  readonly logVariances?: readonly [number, number];
}

/** The steps of the chain that keeps the timesteps `times` (falling). */
export function ddpmMoves(path: DiscreteVp, times: readonly number[], variance: DdpmVariance): DdpmMove[] {
  const betas = respacedBetas(path, times.toReversed()).reverse();
  return times.map((t, i) => {
    const isLast = i === times.length - 1;
    const beta = betas[i];
    const alphaBar = path.alphaBar(t);
    const alphaBarNext = isLast ? 1 : path.alphaBar(times[i + 1]);
    const small = (beta * (1 - alphaBarNext)) / (1 - alphaBar);
    const move = {
      t,
      sampleFactor: (Math.sqrt(alphaBarNext) * beta) / (1 - alphaBar),
      noisedFactor: (Math.sqrt(1 - beta) * (1 - alphaBarNext)) / (1 - alphaBar),
      std: isLast ? 0 : Math.sqrt(variance === "small" ? small : beta),
    };
    return variance !== "learned" || isLast
      ? move
      : { ...move, logVariances: [Math.log(small), Math.log(beta)] as const };
  });
}

/** The standard deviation of each element of a step. */
function spreadOf({ t, std, logVariances }: DdpmMove, { variance }: Denoised): (i: number) => number {
  if (logVariances === undefined) return () => std;
  if (variance === undefined) {
    throw new ConfigError(
      `the ddpm solver was asked for learned variances, but the network predicts none (t = ${t}); take variance "small" or ` +
        `"large", or a network with twice the output channels that was trained for it`,
    );
  }
  const [small, large] = logVariances;
  return (i) => Math.exp((small + ((variance[i] + 1) / 2) * (large - small)) / 2);
}

/**
 * One ancestral step, with the noise given; it may be absent where `move.std` is 0. `shift`: what is added to the mean for
 * each unit of the variance, such as a classifier's gradient.
 */
export function ddpmStep(
  move: DdpmMove,
  x: Float32Array,
  denoised: Denoised,
  noise: Float32Array | undefined,
  clip: number | false,
  shift?: Float32Array,
): Moved {
  const { sampleFactor, noisedFactor, std } = move;
  const sample = clipped(denoised.sample, clip);
  const spread = spreadOf(move, denoised);
  if (std > 0 && noise === undefined) throw new ConfigError(`the ancestral step at t = ${move.t} needs noise`);
  const next = x.map((value, i) => {
    const mean = sampleFactor * sample[i] + noisedFactor * value;
    const here = std > 0 ? spread(i) : 0;
    return mean + (noise === undefined ? 0 : here * noise[i]) + (shift === undefined ? 0 : here * here * shift[i]);
  });
  return { x: next, sample };
}

function discrete(path: Path): DiscreteVp {
  if (isDiscreteVp(path)) return path;
  throw new ConfigError(
    `the ddpm solver needs a discrete variance-preserving path (linear, scaledLinear, cosine, betas), not ${path.name}; ` +
      `the ddim solver takes any path (eta 1 for ancestral noise)`,
  );
}

/** What a guided form of the solver brings. */
export interface AncestralGuide {
  /** What is added to the mean of a step for each unit of its variance; nothing where undefined. */
  meanShift(x: Float32Array, level: Level, condition?: Condition): Promise<Float32Array | undefined>;
  /** Whether the denoiser is fed the condition too. */
  conditional: boolean;
}

/** The ancestral solver of DDPM. */
export function ddpm(options: DdpmOptions = {}): Solver {
  return ddpmWith(options);
}

/** The same, with steps whose mean is shifted by a guide. */
export function ddpmWith(options: DdpmOptions, guide?: AncestralGuide): Solver {
  const config = readOptions("ddpm", fields, options);
  return Object.freeze({
    name: "ddpm",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const path = discrete(denoiser.path);
      const steps = config.steps ?? path.timesteps;
      // All timesteps are the same list in every spacing.
      const times =
        steps === path.timesteps
          ? timesOn(path, steps, "trailing")
          : timesOn(path, steps, config.spacing, config.stepsOffset);
      const within = (denoised: Denoised): Denoised => ({
        ...denoised,
        sample: limited(denoised.sample, config, sampling.shape[0]),
      });
      const moves = ddpmMoves(path, times, config.variance);
      const from = start(sampling, spreadAt({ alpha: path.alpha(times[0]), sigma: path.sigma(times[0]) }));
      if (guide === undefined) {
        return walk(denoiser, sampling, from, moves, (move, x, denoised, noise) =>
          ddpmStep(move, x, within(denoised), noise, false),
        );
      }
      const fed = guide.conditional ? sampling : { ...sampling, condition: undefined };
      return walk(denoiser, fed, from, moves, async (move, x, denoised, noise) => {
        const shift = move.std > 0 ? await guide.meanShift(x, path.at(move.t), sampling.condition) : undefined;
        return ddpmStep(move, x, within(denoised), noise, false, shift);
      });
    },
  });
}
