/**
 * What every data set of images offers to training, sampling and metrics: a number of examples, their shape, and batches of
 * them by index. Reading an index gives the same numbers every time, unless `draws` brings random numbers for augmentation.
 */
import { ConfigError, DataError, ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

export interface Batch {
  /** [N, C, H, W] in [-1, 1]; of zero mean and unit variance when the data set was opened with `normalise: "standard"`. */
  images: Float32Array;
  /** [N], indices into the data set's `classes`. */
  labels?: Int32Array;
  /** The noise that each image was made of, in the shape of `images`: in data sets that are `paired`. */
  noise?: Float32Array;
}

export interface Dataset {
  readonly name: string;
  /** Number of examples. */
  readonly size: number;
  readonly channels: number;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** Names of the labels, when there are labels. */
  readonly classes?: readonly string[];
  /** With `normalise: "standard"`: what was subtracted from each channel of [-1, 1] images. See `toDisplayRange`. */
  readonly mean?: readonly number[];
  /** With `normalise: "standard"`: by what each channel was divided. */
  readonly std?: readonly number[];
  /** Whether each image comes with the noise that it was made of, which training then takes instead of drawing some. */
  readonly paired?: boolean;
  /**
   * One batch, in the order of `indices`. `draws` gives the example at each position of the batch its own random numbers for
   * augmentation; without it nothing is augmented. Raises a DataError for an index outside of [0, size).
   */
  read(indices: ArrayLike<number>, draws?: (position: number) => Random): Promise<Batch>;
}

/**
 * `"range"`: [-1, 1]. `"standard"`: zero mean and unit variance over the whole set, per channel.
 */
export type Normalise = "range" | "standard";

/**
 * Images in the numbers of a data set, back in [-1, 1] to be shown: x · std + mean per channel, where the data set is standardised.
 *
 * `images`: [N, C, H, W] with the data set's C, H and W; a new array is returned when anything changes. Raises a ShapeError.
 */
export function toDisplayRange(
  dataset: Pick<Dataset, "channels" | "height" | "width" | "mean" | "std">,
  images: Float32Array,
): Float32Array {
  const { channels, height, width, mean, std } = dataset;
  const area = height * width;
  if (images.length % (channels * area) !== 0) {
    throw new ShapeError(`${images.length} values are not whole images of [${channels}, ${height}, ${width}]`);
  }
  if (mean === undefined || std === undefined) return images;
  return images.map((x, i) => {
    const c = Math.floor(i / area) % channels;
    return x * std[c] + mean[c];
  });
}

/** Raises a DataError for an index that is no example of the data set. */
export function checkIndices(dataset: Pick<Dataset, "name" | "size">, indices: ArrayLike<number>): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (!Number.isInteger(index) || index < 0 || index >= dataset.size) {
      throw new DataError(`${dataset.name} has examples 0 to ${dataset.size - 1}; there is no example ${index}`);
    }
  }
}

/** Raises a ConfigError unless `value` is one of the choices. */
export function checkChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) {
    const list = choices.map((choice) => JSON.stringify(choice)).join(" or ");
    throw new ConfigError(`${name} must be ${list}, not ${JSON.stringify(value)}`);
  }
}

/** Raises a ConfigError unless `value` is a whole number from `least`. */
export function checkWhole(name: string, value: unknown, least: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new ConfigError(`${name} must be a whole number from ${least}, not ${String(value)}`);
  }
}
