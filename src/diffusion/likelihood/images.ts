/**
 * What the likelihoods are asked of: a batch of images with the seed of its random numbers.
 */
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import { integer, show } from "../options.ts";

export interface ImageBatch {
  /** x0, flat, in the shape `shape`. */
  images: Float32Array;
  /** [N, ...]: the first axis counts the images. */
  shape: readonly number[];
  /** An integer in [0, 2^53). */
  seed: number;
  /** The index of the batch's first image among all images of this seed. Default 0. */
  firstImage?: number;
}

/** Checks a batch; `owner` is named in the errors. Returns the number of images and of the numbers of one. */
export function checkImages(owner: string, { images, shape, seed, firstImage = 0 }: ImageBatch) {
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((extent) => integer(1).accepts(extent))) {
    throw new ConfigError(`${owner}: shape must be a list of integers from 1, [images, ...], not ${show(shape)}`);
  }
  for (const [name, value] of Object.entries({ seed, firstImage })) {
    if (!integer(0).accepts(value)) {
      throw new ConfigError(`${owner}: ${name} must be an integer from 0 to 2^53 - 1, not ${show(value)}`);
    }
  }
  const total = sizeOf(shape);
  if (!(images instanceof Float32Array) || images.length !== total) {
    throw new ShapeError(
      `${owner}: images must be a Float32Array of ${total} numbers for the shape ${formatShape(shape)}, not ` +
        `${images instanceof Float32Array ? images.length : show(images)}`,
    );
  }
  return { count: shape[0], size: total / shape[0] };
}
