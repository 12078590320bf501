/**
 * The ancestral solver of DDPM, on all timesteps or a respaced few:
 *
 *   x' = (sqrt(alphaBar') beta x0hat + (1 - alphaBar') sqrt(1 - beta) x) / (1 - alphaBar) + std z
 *   beta = 1 - alphaBar / alphaBar'
 *   variance "small": std² = beta (1 - alphaBar') / (1 - alphaBar)      variance "large": std² = beta
 *
 * with x0hat clipped, and no noise in the last step, wherever that is. "small" is exact for data that is one point,
 * "large" for data ~ N(0, I). DDPM's code puts beta~(1) for the variance at t = 0; no noise is added there, so it does
 * not occur here.
 *
 * Source: Ho, Jain, Abbeel 2020, eq. 7 and algorithm 2; respacing: Nichol and Dhariwal 2021, eq. 19. Tested against
 * diffusers' DDPMScheduler to float32 rounding, and against the exact moments on Gaussian data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoised, Denoiser } from "../denoiser.ts";
import { type DiscreteVp, isDiscreteVp, respacedBetas } from "../discrete-vp.ts";
import { choice, clipLimit, integer, optional, readOptions, withDefault } from "../options.ts";
import type { Path } from "../path-contract.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import { clipped, type Move, type Moved, type SampleOptions, type Solver, spreadAt, start, walk } from "./solver.ts";

export interface DdpmOptions {
  /** Steps, at most the path's timesteps. Default: all of them. */
  steps?: number;
  /** Which timesteps are kept when respaced. Default "linspace" (both ends kept), as Improved DDPM. */
  spacing?: Spacing;
  /** The fixed variance of the noise. Default "large", as DDPM on CIFAR-10. With few steps "small" is much better. */
  variance?: "small" | "large";
  /** The predicted x0 is clipped to [-clip, clip]; false for none. Default 1, for images in [-1, 1]. */
  clip?: number | false;
}

const fields = {
  steps: optional(integer(1)),
  spacing: withDefault(choice(...spacings), "linspace"),
  variance: withDefault(choice("small", "large"), "large"),
  clip: withDefault(clipLimit(), 1),
};

/** One step of the chain: x' = sampleFactor · x0hat + noisedFactor · x + std · z. */
export interface DdpmMove extends Move {
  readonly sampleFactor: number;
  readonly noisedFactor: number;
}

/** The steps of the chain that keeps the timesteps `times` (falling). */
export function ddpmMoves(path: DiscreteVp, times: readonly number[], variance: "small" | "large"): DdpmMove[] {
  const betas = respacedBetas(path, times.toReversed()).reverse();
  return times.map((t, i) => {
    const isLast = i === times.length - 1;
    const beta = betas[i];
    const alphaBar = path.alphaBar(t);
    const alphaBarNext = isLast ? 1 : path.alphaBar(times[i + 1]);
    const small = (beta * (1 - alphaBarNext)) / (1 - alphaBar);
    return {
      t,
      sampleFactor: (Math.sqrt(alphaBarNext) * beta) / (1 - alphaBar),
      noisedFactor: (Math.sqrt(1 - beta) * (1 - alphaBarNext)) / (1 - alphaBar),
      std: isLast ? 0 : Math.sqrt(variance === "small" ? small : beta),
    };
  });
}

/** One ancestral step, with the noise given; it may be absent where `move.std` is 0. */
export function ddpmStep(
  move: DdpmMove,
  x: Float32Array,
  denoised: Denoised,
  noise: Float32Array | undefined,
  clip: number | false,
): Moved {
  const { sampleFactor, noisedFactor, std } = move;
  const sample = clipped(denoised.sample, clip);
  const mean = (i: number) => sampleFactor * sample[i] + noisedFactor * x[i];
  if (std > 0 && noise === undefined) throw new ConfigError(`the ancestral step at t = ${move.t} needs noise`);
  return { x: x.map((_, i) => (noise === undefined ? mean(i) : mean(i) + std * noise[i])), sample };
}

function discrete(path: Path): DiscreteVp {
  if (isDiscreteVp(path)) return path;
  throw new ConfigError(
    `the ddpm solver needs a discrete variance-preserving path (linear, scaledLinear, cosine, betas), not ${path.name}; ` +
      `the ddim solver takes any path (eta 1 for ancestral noise)`,
  );
}

/** The ancestral solver of DDPM. */
export function ddpm(options: DdpmOptions = {}): Solver {
  const config = readOptions("ddpm", fields, options);
  return Object.freeze({
    name: "ddpm",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const path = discrete(denoiser.path);
      const steps = config.steps ?? path.timesteps;
      // All timesteps are the same list in every spacing.
      const times = timesOn(path, steps, steps === path.timesteps ? "trailing" : config.spacing);
      const moves = ddpmMoves(path, times, config.variance);
      const from = start(sampling, spreadAt({ alpha: path.alpha(times[0]), sigma: path.sigma(times[0]) }));
      return walk(denoiser, sampling, from, moves, (move, x, denoised, noise) =>
        ddpmStep(move, x, denoised, noise, config.clip),
      );
    },
  });
}
