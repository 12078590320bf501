/**
 * The random numbers of a training step, functions of (seed, step) alone, so that a resumed run needs no other state:
 *
 *   noise          Random.from(seed, "noise", step)      [N, C, H, W], standard normal
 *   offset noise   Random.from(seed, "offset", step)     [N, C], normal with a standard deviation of `offsetNoise`
 *   null classes   Random.from(seed, "drop", step)       [N], uniform below `labelDrop`
 *   dropout        Random.from(seed, "dropout", step)    two words for each run of the network
 *
 * The loss draws its own (times: Random.from(seed, "time", step)). The numbers of a step are drawn for all its N =
 * batch · accumulate images at once: how they are spread over runs does not change them.
 *
 * Offset noise is one number for each channel of each image, added to all its pixels, so that a network learns to change
 * the mean brightness of a picture (Guttenberg 2023, "Diffusion with Offset Noise"; diffusers' training scripts).
 */
import { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/shape.ts";

export interface StepDraw {
  noise: Float32Array;
  dropoutSeeds: Int32Array;
}

/** `imageShape`: [C, ...]; `runs`: runs of the network in the step. */
export function drawStep(options: {
  seed: number;
  step: number;
  count: number;
  imageShape: Shape;
  runs: number;
  offsetNoise?: number;
}): StepDraw {
  const { seed, step, count, imageShape, runs, offsetNoise = 0 } = options;
  const noise = Random.from(seed, "noise", step).normals(count * sizeOf(imageShape));
  if (offsetNoise > 0) {
    const offsets = Random.from(seed, "offset", step).normals(count * imageShape[0]);
    const pixels = noise.length / offsets.length;
    for (let i = 0; i < noise.length; i++) noise[i] += offsetNoise * offsets[Math.floor(i / pixels)];
  }
  const dropout = Random.from(seed, "dropout", step);
  return { noise, dropoutSeeds: Int32Array.from({ length: 2 * runs }, () => dropout.uint32() | 0) };
}

/** The labels of a step, each replaced by `nullClass` with probability `labelDrop`. */
export function dropLabels(
  labels: Int32Array,
  options: { seed: number; step: number; labelDrop: number; nullClass: number },
): Int32Array {
  const random = Random.from(options.seed, "drop", options.step);
  return labels.map((label) => (random.uniform() < options.labelDrop ? options.nullClass : label));
}
