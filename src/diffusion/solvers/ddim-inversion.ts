/**
 * DDIM backwards: from an image to the noise that DDIM with eta = 0 makes it of, and the great circle between two noises.
 *
 *   x' = alpha' x0hat + sigma' epshat,   from the data end upwards, with x0hat and epshat of the current x
 *
 * This is exact only for small steps: the way back would take epshat at x'. `iterations` repairs that: x' is computed
 * again with the epshat predicted at x' itself, a fixed-point iteration whose limit is the exact inverse of the DDIM step.
 * The first step starts where there is no noise, so that epshat is predicted at x' = alpha' x from the beginning.
 *
 *   slerp(a, b, f) = sin((1 - f) theta) / sin(theta) a + sin(f theta) / sin(theta) b,     cos(theta) = a·b / (|a| |b|)
 *
 * Sources: Song, Meng, Ermon, "Denoising Diffusion Implicit Models" (2021), §4.3, eq. 14, and D.5 (interpolation);
 * fixed-point iteration: Pan et al., "Effective Real Image Editing with Accelerated Iterative Diffusion Inversion" (2023).
 * Tested by going there and back: to 1e-5 with iterations, with an error of order one in the step without.
 */
import { ConfigError, ShapeError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { choice, integer, readOptions, real, show, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import type { SolverStep } from "./solver.ts";

export interface InversionOptions {
  /** The images, [N, ...] flat; they are left as they are. */
  images: Float32Array;
  /** Steps, spacing and offset as of the DDIM run that is inverted. */
  steps: number;
  spacing?: Spacing;
  stepsOffset?: number;
  /** Times that each step is computed again with the noise predicted at its end. Default 0. */
  iterations?: number;
  condition?: Condition;
  /** Stops between two steps, with the signal's reason. */
  signal?: AbortSignal;
}

const fields = {
  steps: integer(1),
  spacing: withDefault(choice(...spacings), "trailing"),
  stepsOffset: withDefault(integer(0), 0),
  iterations: withDefault(integer(0), 0),
};

/** The inversion step by step, t rising; the x of the last step is the noise. */
export function inversion(denoiser: Denoiser, options: InversionOptions): AsyncGenerator<SolverStep> {
  const { images, condition, signal, ...rest } = options;
  const { steps, spacing, stepsOffset, iterations } = readOptions("invert", fields, rest);
  if (!(images instanceof Float32Array) || images.length === 0) {
    throw new ConfigError(`invert: images must be a Float32Array with at least one number, not ${show(images)}`);
  }
  const { path } = denoiser;
  const levels = timesOn(path, steps, spacing, stepsOffset)
    .reverse()
    .map((t) => path.at(t));
  async function* run(): AsyncGenerator<SolverStep> {
    let x = images.slice();
    let here: Pick<Level, "alpha" | "sigma"> = { alpha: 1, sigma: 0 };
    for (const [index, next] of levels.entries()) {
      signal?.throwIfAborted();
      const { alpha, sigma } = here;
      // Either what is predicted of the noise or of the sample is held over the step, as in the DDIM step from `next` to
      // here. The two have one limit; each is steady where the other makes up most of x.
      const byNoise = alpha >= sigma;
      const stepped = ({ noise, sample }: Denoised) =>
        byNoise
          ? x.map((value, i) => (next.alpha / alpha) * (value - sigma * noise[i]) + next.sigma * noise[i])
          : x.map((value, i) => (next.sigma / sigma) * (value - alpha * sample[i]) + next.alpha * sample[i]);
      let denoised: Denoised =
        index === 0
          ? await denoiser.denoise(
              x.map((value) => next.alpha * value),
              next,
              condition,
            )
          : await denoiser.denoise(x, levels[index - 1], condition);
      let end = stepped(denoised);
      for (let k = 0; k < iterations; k++) {
        denoised = await denoiser.denoise(end, next, condition);
        end = stepped(denoised);
      }
      x = end;
      here = next;
      yield { step: index + 1, of: levels.length, t: next.t, x: x.slice(), sample: denoised.sample };
    }
  }
  return run();
}

/** The noise of images, [N, ...] flat: DDIM with eta = 0 and no clipping draws them again from it. */
export async function invert(denoiser: Denoiser, options: InversionOptions): Promise<Float32Array> {
  let x = options.images;
  for await (const step of inversion(denoiser, options)) x = step.x;
  return x;
}

/**
 * The point at `fraction` (0 to 1) of the great circle from `a` to `b`, image by image; noises of one norm stay on its
 * sphere, where a straight line would lose norm. `images`: how many of them a and b hold, default 1. Opposite directions
 * have no circle: a ConfigError.
 */
export function slerp(a: Float32Array, b: Float32Array, fraction: number, images = 1): Float32Array {
  if (a.length !== b.length || a.length % images !== 0 || a.length === 0) {
    throw new ShapeError(
      `slerp: a and b must hold ${images} images of one shape, not ${a.length} and ${b.length} numbers`,
    );
  }
  if (!real(0, 1).accepts(fraction))
    throw new ConfigError(`slerp: fraction must be from 0 to 1, not ${show(fraction)}`);
  const size = a.length / images;
  const out = new Float32Array(a.length);
  for (let from = 0; from < a.length; from += size) {
    let [aa, ab, bb] = [0, 0, 0];
    for (let i = from; i < from + size; i++) {
      aa += a[i] * a[i];
      ab += a[i] * b[i];
      bb += b[i] * b[i];
    }
    const cosine = ab / Math.sqrt(aa * bb);
    const theta = Math.acos(Math.min(1, Math.max(-1, cosine)));
    if (!(aa > 0 && bb > 0) || Math.PI - theta < 1e-6) {
      throw new ConfigError(
        "slerp: a and b must be different from 0 and not opposite; there is no one circle between them",
      );
    }
    const straight = theta < 1e-6; // sin(f theta) / sin(theta) -> f
    const first = straight ? 1 - fraction : Math.sin((1 - fraction) * theta) / Math.sin(theta);
    const second = straight ? fraction : Math.sin(fraction * theta) / Math.sin(theta);
    for (let i = from; i < from + size; i++) out[i] = first * a[i] + second * b[i];
  }
  return out;
}
