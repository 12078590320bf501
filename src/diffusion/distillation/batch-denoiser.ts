/**
 * A denoiser of a batch whose images each have a time of their own, as a training batch does:
 *
 *   (x, levels, condition) -> { sample: E[x0 | x_t = x], noise: E[eps | x_t = x] },   one level for each image
 *
 * A solver's Denoiser asks at one level for the whole batch. Distillation asks its teacher at the times of a training
 * step. Tested against the closed form on Gaussian data, and against the Denoiser where all levels are one.
 */
import { NotFiniteError, ShapeError } from "../../core/errors.ts";
import type { Condition } from "../denoiser.ts";
import type { Level, Path } from "../path-contract.ts";
import { type Denoised, type Prediction, recovery } from "../prediction.ts";

export interface BatchDenoiser {
  readonly path: Path;
  /** `x`: [N, ...] flat, image n at `levels[n]`. The results have the length of x. */
  denoiseEach(x: Float32Array, levels: readonly Level[], condition?: Condition): Promise<Denoised>;
}

/** A network that is fed images, each at its own time: x [N, ...] scaled as the prediction asks, times [N]. */
export type BatchNetwork = (
  x: Float32Array,
  networkTimes: Float32Array,
  condition?: Condition,
) => Promise<Float32Array>;

/** The denoiser of a network that predicts `prediction` on `path`. Raises as `denoiserOf` does. */
export function batchDenoiserOf(network: BatchNetwork, path: Path, prediction: Prediction): BatchDenoiser {
  return Object.freeze({
    path,
    async denoiseEach(x: Float32Array, levels: readonly Level[], condition?: Condition): Promise<Denoised> {
      const size = imageSize(x, levels);
      const scales = levels.map((level) => prediction.inputScale?.(level) ?? 1);
      const times = Float32Array.from(levels, (level) => prediction.networkTime?.(level) ?? level.networkTime);
      const output = await network(scaledEach(x, scales), times, condition);
      check(output, x.length);
      const each = levels.map((level) => recovery(prediction, level));
      const sample = new Float32Array(x.length);
      const noise = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) {
        const { sampleFromX, sampleFromOutput, noiseFromX, noiseFromOutput } = each[Math.floor(i / size)];
        sample[i] = sampleFromX * x[i] + sampleFromOutput * output[i];
        noise[i] = noiseFromX * x[i] + noiseFromOutput * output[i];
      }
      return { sample, noise };
    },
  });
}

/** Numbers of one image. A batch that is not `levels.length` images is a ShapeError. */
export function imageSize(x: Float32Array, levels: readonly unknown[]): number {
  const size = x.length / levels.length;
  if (Number.isInteger(size) && size > 0) return size;
  throw new ShapeError(`${x.length} numbers are not ${levels.length} images; give one level for each image`);
}

/** Each image times a factor of its own. */
export function scaledEach(x: Float32Array, factors: readonly number[]): Float32Array {
  const size = imageSize(x, factors);
  return factors.every((factor) => factor === 1) ? x : x.map((value, i) => factors[Math.floor(i / size)] * value);
}

/** a x + b y, with numbers a and b for each image. */
export function mixEach(a: readonly number[], x: Float32Array, b: readonly number[], y: Float32Array): Float32Array {
  const size = imageSize(x, a);
  return x.map((value, i) => {
    const n = Math.floor(i / size);
    return a[n] * value + b[n] * y[i];
  });
}

function check(output: Float32Array, length: number): void {
  if (output.length !== length) {
    throw new ShapeError(`the network returned ${output.length} numbers for an x of ${length}; it must keep the shape`);
  }
  const wrong = output.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new NotFiniteError(`the network's output holds ${output[wrong]} (element ${wrong} of ${output.length})`);
  }
}
