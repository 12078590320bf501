/**
 * DDIM, on any path: from (alpha, sigma) to (alpha', sigma') with the predicted x0hat and epshat,
 *
 *   x' = alpha' x0hat + sqrt(sigma'² - s²) epshat + s z,   s = eta sigma' sqrt(1 - (alpha sigma' / (alpha' sigma))²)
 *
 * On a variance-preserving path s is eta sqrt((1-alphaBar')/(1-alphaBar)) sqrt(1-alphaBar/alphaBar') of the paper. eta
 * = 0 is deterministic, and on the straight line it is the Euler step of the flow: x' = x + (t' - t)(epshat - x0hat).
 * eta = 1 is DDPM with the small variance on the same times.
 *
 * Source: Song, Meng, Ermon, "Denoising Diffusion Implicit Models" (2021), eq. 12 and 16. Tested against diffusers'
 * DDIMScheduler to float32 rounding, and against independent values on Gaussian data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoised, Denoiser } from "../denoiser.ts";
import { choice, clipLimit, flag, integer, optional, readOptions, real, withDefault } from "../options.ts";
import type { Path } from "../path-contract.ts";
import { limited, type Threshold, thresholdField } from "../thresholding.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import { clipped, type Move, type Moved, type SampleOptions, type Solver, spreadAt, start, walk } from "./solver.ts";

export interface DdimOptions {
  /** Steps; on a discrete path at most its timesteps. */
  steps: number;
  /** Noise added in each step: 0 (none, the default) to 1 (as ancestral sampling). */
  eta?: number;
  /** How timesteps are chosen. Default "trailing", the one that starts at the last timestep and suits few steps. */
  spacing?: Spacing;
  /**
   * The predicted x0 is clipped to [-clip, clip]; false for none. Default 1, for images in [-1, 1]; latents and other
   * data need false.
   */
  clip?: number | false;
  /** Compute epshat again from the clipped x0hat, so that they agree on x (OpenAI's form). Default false, as diffusers. */
  noiseFromClipped?: boolean;
  /** Added to the timesteps of leading spacing. Default 0; Stable Diffusion has 1. */
  stepsOffset?: number;
  /**
   * Where the last step of a discrete path ends: at alpha = 1, sigma = 0, so that x is x0hat (true, the default), or at
   * the level of t = 0, with its little noise left (false, as Stable Diffusion). Continuous paths end at t = 0.
   */
  setAlphaToOne?: boolean;
  /** Dynamic thresholding of the predicted x0, in place of clipping; default none. */
  threshold?: Threshold;
}

const fields = {
  steps: integer(1),
  eta: withDefault(real(0, 1), 0),
  spacing: withDefault(choice(...spacings), "trailing"),
  clip: withDefault(clipLimit(), 1),
  noiseFromClipped: withDefault(flag(), false),
  stepsOffset: withDefault(integer(0), 0),
  setAlphaToOne: withDefault(flag(), true),
  threshold: optional(thresholdField()),
};

/** One step: x' = nextAlpha · x0hat + noiseFactor · epshat + std · z. */
export interface DdimMove extends Move {
  readonly alpha: number;
  readonly sigma: number;
  readonly nextAlpha: number;
  readonly noiseFactor: number;
}

/** The steps of a run on a path. */
export function ddimMoves(path: Path, options: DdimOptions): DdimMove[] {
  const { steps, eta, spacing, stepsOffset, setAlphaToOne } = readOptions("ddim", fields, options);
  const continuous = path.timesteps === undefined;
  if (continuous && !setAlphaToOne) {
    throw new ConfigError(`ddim: setAlphaToOne false is for discrete paths; ${path.name} ends at t = 0`);
  }
  const level = (t: number) => ({ alpha: path.alpha(t), sigma: path.sigma(t) });
  const end = continuous || !setAlphaToOne ? level(0) : { alpha: 1, sigma: 0 };
  const times = timesOn(path, steps, spacing, stepsOffset);
  return times.map((t, i) => {
    const { alpha, sigma } = level(t);
    const next = i + 1 < times.length ? level(times[i + 1]) : end;
    const ratio = (alpha * next.sigma) / (next.alpha * sigma);
    const fresh = eta * eta * Math.max(0, 1 - ratio * ratio); // the share s² / sigma'² of noise that is drawn anew
    return {
      t,
      alpha,
      sigma,
      nextAlpha: next.alpha,
      noiseFactor: next.sigma * Math.sqrt(1 - fresh),
      std: next.sigma * Math.sqrt(fresh),
    };
  });
}

/** One DDIM step, with the noise given; it may be absent where `move.std` is 0. */
export function ddimStep(
  move: DdimMove,
  x: Float32Array,
  denoised: Denoised,
  noise: Float32Array | undefined,
  { clip = 1, noiseFromClipped = false }: Pick<DdimOptions, "clip" | "noiseFromClipped"> = {},
): Moved {
  const { alpha, sigma, nextAlpha, noiseFactor, std } = move;
  const sample = clipped(denoised.sample, clip);
  const predicted = noiseFromClipped ? x.map((value, i) => (value - alpha * sample[i]) / sigma) : denoised.noise;
  const mean = (i: number) => nextAlpha * sample[i] + noiseFactor * predicted[i];
  if (std > 0 && noise === undefined) throw new ConfigError(`the DDIM step at t = ${move.t} needs noise`);
  return { x: x.map((_, i) => (noise === undefined ? mean(i) : mean(i) + std * noise[i])), sample };
}

/** DDIM. */
export function ddim(options: DdimOptions): Solver {
  const config = readOptions("ddim", fields, options);
  return Object.freeze({
    name: "ddim",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const moves = ddimMoves(denoiser.path, config);
      const from = start(sampling, spreadAt(moves[0]));
      return walk(denoiser, sampling, from, moves, (move, x, denoised, noise) =>
        config.threshold === undefined
          ? ddimStep(move, x, denoised, noise, config)
          : ddimStep(move, x, { ...denoised, sample: limited(denoised.sample, config, sampling.shape[0]) }, noise, {
              ...config,
              clip: false,
            }),
      );
    },
  });
}
