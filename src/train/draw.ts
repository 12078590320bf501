/**
 * The random numbers of a training step, functions of (seed, step) alone, so that a resumed run needs no other state:
 *
 *   noise          Random.from(seed, "noise", step)      [N, C, H, W], standard normal
 *   offset noise   Random.from(seed, "offset", step)     [N, C], normal with a standard deviation of `offsetNoise`
 *   null classes   Random.from(seed, "drop", step)       [N], uniform below `labelDrop`
 *   dropout        Random.from(seed, "dropout", step)    two words for each run of the network
 *
 * Where ranks share a step, each takes the part of these that belongs to its images. The loss draws its own (times: Random.from(seed, "time", step)). The numbers of a step are drawn for all its N =
 * batch · accumulate images at once, on all ranks: how they are spread over runs and ranks does not change them.
 *
 * Offset noise is one number for each channel of each image, added to all its pixels, so that a network learns to change
 * the mean brightness of a picture (Guttenberg 2023, "Diffusion with Offset Noise"; diffusers' training scripts).
 */
import { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Part } from "./ranks.ts";

export interface StepDraw {
  noise: Float32Array;
  dropoutSeeds: Int32Array;
}

/** `imageShape`: [C, ...]; `runs`: runs of the network in the step, on this rank; `part`: its `count` images among all. */
export function drawStep(options: {
  seed: number;
  step: number;
  count: number;
  imageShape: Shape;
  runs: number;
  offsetNoise?: number;
  part?: Part;
}): StepDraw {
  const { seed, step, count, imageShape, runs, offsetNoise = 0, part } = options;
  const first = part?.first ?? 0;
  const size = sizeOf(imageShape);
  const noise = normalsFrom(Random.from(seed, "noise", step), first * size, count * size);
  if (offsetNoise > 0) {
    const [channels] = imageShape;
    const offsets = normalsFrom(Random.from(seed, "offset", step), first * channels, count * channels);
    const pixels = noise.length / offsets.length;
    for (let i = 0; i < noise.length; i++) noise[i] += offsetNoise * offsets[Math.floor(i / pixels)];
  }
  const dropout = skipped(Random.from(seed, "dropout", step), 2 * runs * (first / count));
  return { noise, dropoutSeeds: Int32Array.from({ length: 2 * runs }, () => dropout.uint32() | 0) };
}

/** The numbers `from` … `from` + `count` - 1 of a stream of normal numbers, without those before them. */
function normalsFrom(random: Random, from: number, count: number): Float32Array {
  const odd = from % 2; // a block has two
  return skipped(random, (from - odd) / 2)
    .normals(count + odd)
    .subarray(odd);
}

/** A new stream, some blocks on. */
function skipped({ key }: Random, blocks: number): Random {
  return Random.restore({ key, counter: blocks });
}

/** The labels of a step, each replaced by `nullClass` with probability `labelDrop`; `part`: as in `drawStep`. */
export function dropLabels(
  labels: Int32Array,
  options: { seed: number; step: number; labelDrop: number; nullClass: number; part?: Part },
): Int32Array {
  const random = skipped(Random.from(options.seed, "drop", options.step), options.part?.first ?? 0);
  return labels.map((label) => (random.uniform() < options.labelDrop ? options.nullClass : label));
}
