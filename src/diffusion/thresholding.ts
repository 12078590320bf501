/**
 * Limits of the predicted x0: static (clipping) and dynamic thresholding,
 *
 *   static    x0 to [-clip, clip]
 *   dynamic   s = min(max(q, 1), max),   x0 to [-s, s] / s,   q = the `ratio` quantile of |x0| over one image
 *
 * Dynamic thresholding pushes saturated pixels inwards, so that strong guidance keeps its contrast. It is for pixels in
 * [-1, 1], not for latents. The quantile is interpolated linearly between order statistics, as `torch.quantile` and NumPy
 * do: at position ratio (n - 1) of the n sorted values.
 *
 * Source: Saharia et al., "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding" (Imagen, 2022),
 * §2.3 and appendix C. Tested against diffusers' `_threshold_sample` to float32 rounding.
 */
import { ConfigError } from "../core/errors.ts";
import { clipLimit, type Field, optional, real, withDefault } from "./options.ts";

export interface Threshold {
  /** Which quantile of |x0|, from 0 to 1; 0.995 in diffusers. */
  readonly ratio: number;
  /** The largest s, above 0. Default: none. At 1 and less it leaves only clipping (and scaling to [-1, 1]). */
  readonly max?: number;
}

/** Options of a solver that limits the predicted x0. */
export interface LimitOptions {
  /** The predicted x0 is clipped to [-clip, clip]; false (default) for none. Images in [-1, 1] have 1. */
  clip?: number | false;
  /** Dynamic thresholding in place of clipping; default none. */
  threshold?: Threshold;
}

const ratio = real(0, 1);
const max = real(0, Infinity, true);

/** The field of a `threshold` option. */
export function thresholdField(): Field<Threshold> {
  return {
    expected: "{ ratio, max } with ratio from 0 to 1, and max above 0 or left out",
    accepts: (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      const given = value as Record<string, unknown>;
      const known = Object.keys(given).every((name) => name === "ratio" || name === "max");
      return known && ratio.accepts(given.ratio) && (given.max === undefined || max.accepts(given.max));
    },
  };
}

/** The fields of `LimitOptions`, with no limit by default. */
export const limitFields = {
  clip: withDefault<number | false>(clipLimit(), false),
  threshold: optional(thresholdField()),
};

/** The `ratio` quantile of the values, linear between neighbours. `values`: at least one; `ratio` in [0, 1]. */
export function quantile(values: Float32Array, ratio: number): number {
  const sorted = values.slice().sort();
  const position = ratio * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

/** Dynamic thresholding of every image of a batch. `sample`: [images, ...], flat. The result is a new array. */
export function thresholded(sample: Float32Array, { ratio, max = Infinity }: Threshold, images: number): Float32Array {
  if (!Number.isInteger(images) || images < 1 || sample.length === 0 || sample.length % images !== 0) {
    throw new ConfigError(`thresholding: ${sample.length} numbers are not ${images} images of one size`);
  }
  const size = sample.length / images;
  const out = new Float32Array(sample.length);
  for (let first = 0; first < sample.length; first += size) {
    const image = sample.subarray(first, first + size);
    const limit = Math.min(Math.max(quantile(image.map(Math.abs), ratio), 1), max);
    image.forEach((value, i) => {
      out[first + i] = Math.min(limit, Math.max(-limit, value)) / limit;
    });
  }
  return out;
}

/** The predicted x0 within its limits; the array itself where there are none. `sample`: [images, ...], flat. */
export function limited(sample: Float32Array, { clip = false, threshold }: LimitOptions, images: number): Float32Array {
  if (threshold !== undefined) return thresholded(sample, threshold, images);
  return clip === false ? sample : sample.map((value) => Math.min(clip, Math.max(-clip, value)));
}
