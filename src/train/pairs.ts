/**
 * Pairs of a teacher: noise, and the image that a solver made of it with the teacher's network, as a data set. With them,
 * rectified flow straightens its own paths (reflow: the simple loss on pairs; Liu, Gong, Liu 2022, algorithm 1), and a student
 * learns to do the whole way in one step (`losses/knowledge.ts`).
 *
 * Pair i has the noise of image i of the seed, Random.from(seed, "sample", i), so it is drawn again when it is read and only
 * images are kept. Classes come in turn: pair i has the label i mod classes.
 */
import { ConfigError, DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import { type Batch, checkIndices, checkWhole, type Dataset } from "../data/dataset.ts";
import { type Solver, solve, spreadAt } from "../diffusion/solvers/solver.ts";
import type { Teacher } from "./teacher.ts";

export interface PairsOptions {
  teacher: Teacher;
  /** One without fresh noise in its steps, or the image is not a function of its noise. */
  solver: Solver;
  /** Pairs. */
  count: number;
  /** Names of the classes, for a teacher that has them; without its null class. */
  classes?: readonly string[];
  /** Default 0. */
  seed?: number;
  /** Pairs at a time. Default 64. */
  batch?: number;
  signal?: AbortSignal;
  /** Is told how many of all pairs are made. */
  onPairs?: (done: number, of: number) => void;
}

/** What a data set of pairs holds. */
export interface Pairs {
  name: string;
  /** [C, H, W] */
  imageShape: readonly number[];
  /** [count, C, H, W] */
  images: Float32Array;
  classes?: readonly string[];
  seed: number;
}

/** Draws the images of `count` pairs. Raises a ConfigError for options that do not fit, and what teacher and solver raise. */
export async function makePairs(options: PairsOptions): Promise<Pairs> {
  const { teacher, solver, count, classes, seed = 0, batch = 64, signal, onPairs } = options;
  const { network, path } = teacher;
  checkWhole("count", count, 1);
  checkWhole("batch", batch, 1);
  if ((network.classes === undefined) !== (classes === undefined)) {
    throw new ConfigError(
      network.classes === undefined
        ? "the teacher's network has no classes, so its pairs have none: leave classes out"
        : `the teacher's network has ${network.classes} classes: give the names of those that pairs are made of`,
    );
  }
  const { imageShape } = network;
  const size = sizeOf(imageShape);
  const spread = spreadAt(path.at(path.span[1]));
  const images = new Float32Array(count * size);
  for (let first = 0; first < count; first += batch) {
    // Every run has one size, so that one session serves them; what is too many is not kept.
    const numbers = Array.from({ length: batch }, (_, i) => first + i);
    const initial = noiseOf(seed, numbers, size).map((z) => spread * z);
    const condition = classes && { classLabels: Int32Array.from(numbers, (i) => i % classes.length) };
    const shape = [batch, ...imageShape];
    const made = await solve(solver, teacher, { shape, seed, firstImage: first, initial, condition, signal });
    images.set(made.subarray(0, Math.min(batch, count - first) * size), first * size);
    onPairs?.(Math.min(count, first + batch), count);
  }
  return { name: `${count} pairs of a teacher`, imageShape, images, classes, seed };
}

/** Pairs as a data set: `read` gives the images with their noise. Images that are not whole are a DataError. */
export function pairsDataset({ name, imageShape, images, classes, seed }: Pairs): Dataset {
  const [channels, height, width] = imageShape;
  const each = sizeOf(imageShape);
  const size = images.length / each;
  if (!Number.isInteger(size) || size < 1) {
    throw new DataError(`${name}: ${images.length} numbers are not images of [${imageShape.join(", ")}]`);
  }
  async function read(indices: ArrayLike<number>): Promise<Batch> {
    checkIndices({ name, size }, indices);
    const list = Array.from(indices);
    const batch = new Float32Array(list.length * each); // [N, C, H, W]
    for (const [n, i] of list.entries()) batch.set(images.subarray(i * each, (i + 1) * each), n * each);
    const labels = classes && Int32Array.from(list, (i) => i % classes.length);
    return { images: batch, noise: noiseOf(seed, list, each), ...(labels && { labels }) };
  }
  return { name, size, channels, height, width, classes, paired: true, read };
}

/** The pairs of a teacher as a data set. */
export async function teacherPairs(options: PairsOptions): Promise<Dataset> {
  return pairsDataset(await makePairs(options));
}

function noiseOf(seed: number, numbers: readonly number[], size: number): Float32Array {
  const noise = new Float32Array(numbers.length * size);
  for (const [n, i] of numbers.entries()) {
    Random.from(seed, "sample", i).fillNormal(noise.subarray(n * size, (n + 1) * size));
  }
  return noise;
}
