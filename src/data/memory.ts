/**
 * A data set of 8-bit images that lie in memory.
 */
import { DataError, ShapeError } from "../core/errors.ts";
import { type Batch, checkIndices, type Dataset } from "./dataset.ts";
import { levelTables, type Moments } from "./normalise.ts";

export interface BytesDatasetOptions {
  name: string;
  /** [N, H, W, C], channels interleaved. */
  images: Uint8Array;
  channels: number;
  height: number;
  width: number;
  /** [N] */
  labels?: ArrayLike<number>;
  classes?: readonly string[];
  /** Gives zero mean and unit variance by these moments; [-1, 1] without. */
  moments?: Moments;
}

/**
 * The data set of images that are in memory as bytes. It never augments.
 *
 * Raises a ShapeError when the bytes are no whole images, a DataError when there are none, or when a label is missing or has no class.
 */
export function bytesDataset(options: BytesDatasetOptions): Dataset {
  const { name, images, channels, height, width, labels, classes, moments } = options;
  const area = height * width;
  const size = images.length / (area * channels);
  if (images.length === 0) throw new DataError(`${name} is empty`);
  if (!Number.isInteger(size)) {
    throw new ShapeError(`${name}: ${images.length} bytes are not whole images of [${height}, ${width}, ${channels}]`);
  }
  if ((labels === undefined) !== (classes === undefined))
    throw new DataError(`${name}: labels and classes go together`);
  if (labels !== undefined && classes !== undefined) {
    if (labels.length !== size) throw new DataError(`${name} has ${size} images, but ${labels.length} labels`);
    for (let i = 0; i < size; i++) {
      if (!(labels[i] in classes)) {
        throw new DataError(
          `image ${i} of ${name} has the label ${labels[i]}, but there are ${classes.length} classes`,
        );
      }
    }
  }
  const tables = levelTables(channels, moments);

  async function read(indices: ArrayLike<number>): Promise<Batch> {
    checkIndices({ name, size }, indices);
    const batch = new Float32Array(indices.length * channels * area); // [N, C, H, W]
    for (let n = 0; n < indices.length; n++) {
      fillImage(batch, n, images, indices[n] * area * channels, area, tables);
    }
    if (labels === undefined) return { images: batch };
    return { images: batch, labels: Int32Array.from({ length: indices.length }, (_, n) => labels[indices[n]]) };
  }

  return { name, size, channels, height, width, classes, ...moments, read };
}

/** Writes one image of interleaved bytes, from byte `start`, as image `n` of a batch of planes. */
export function fillImage(
  batch: Float32Array,
  n: number,
  bytes: Uint8Array,
  start: number,
  area: number,
  tables: readonly Float32Array[],
): void {
  const channels = tables.length;
  for (let c = 0; c < channels; c++) {
    const to = (n * channels + c) * area;
    const table = tables[c];
    for (let i = 0; i < area; i++) batch[to + i] = table[bytes[start + i * channels + c]];
  }
}
