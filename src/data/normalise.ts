/**
 * From bytes to the numbers that a network sees, and the statistics for it.
 *
 *     range:     x = byte / 127.5 - 1,  in [-1, 1]
 *     standard:  x = (byte / 127.5 - 1 - mean) / std,  per channel, over all pixels of the set
 *
 * Mean and variance come from counts of the 256 levels, which are whole numbers: the result is the same in whatever order
 * and on however many threads the images were read. The test agrees with the published 0.1307 and 0.3081 of MNIST.
 */
import { DataError } from "../core/errors.ts";

/** Moments of each channel, in units of [-1, 1] images. */
export interface Moments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** How often each level occurs, per channel. */
export class Levels {
  readonly #counts: Float64Array[];

  constructor(channels: number) {
    this.#counts = Array.from({ length: channels }, () => new Float64Array(256));
  }

  /** Counts the pixels of interleaved bytes: data[pixel · channels + c]. */
  add(data: Uint8Array): void {
    const channels = this.#counts.length;
    for (let c = 0; c < channels; c++) {
      const counts = this.#counts[c];
      for (let i = c; i < data.length; i += channels) counts[data[i]]++;
    }
  }

  /** Raises a DataError naming the set when a channel is the same everywhere, for then no scale makes its variance one. */
  moments(name: string): Moments {
    const mean: number[] = [];
    const std: number[] = [];
    this.#counts.forEach((counts, c) => {
      const pixels = counts.reduce((sum, count) => sum + count, 0);
      const average = counts.reduce((sum, count, level) => sum + count * level, 0) / pixels;
      const variance = counts.reduce((sum, count, level) => sum + count * (level - average) ** 2, 0) / pixels;
      if (!(variance > 0)) {
        throw new DataError(
          `channel ${c} of ${name} is the same in every pixel: it cannot be given unit variance; use normalise: "range"`,
        );
      }
      mean.push(average / 127.5 - 1);
      std.push(Math.sqrt(variance) / 127.5);
    });
    return { mean, std };
  }
}

/** The number of each level, per channel; `moments` makes it `standard`, without them it is `range`. */
export function levelTables(channels: number, moments?: Moments): Float32Array[] {
  return Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: 256 }, (_, level) => {
      const x = level / 127.5 - 1;
      return moments === undefined ? x : (x - moments.mean[c]) / moments.std[c];
    }),
  );
}
