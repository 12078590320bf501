/**
 * The toy network and the toy image that diffusers' own tests of its schedulers use (tests/schedulers/test_schedulers.py:
 * dummy_model, dummy_sample_deter, dummy_noise_deter), so that the sums that those tests hold can be held here too.
 *
 *   network(x, t) = x t / (t + 1),    sample[n, c, h, w] = (((c H + h) W + w) N + n) / (N C H W)
 */
import type { Network } from "../denoiser.ts";

export const dummyShape = [4, 3, 8, 8] as const;

export const dummyNetwork: Network = async (x, t) => x.map((value) => (value * t) / (t + 1));

/** The toy image; `shape` is [N, ...]. */
export function dummySample(shape: readonly number[] = dummyShape): Float32Array {
  const total = shape.reduce((product, extent) => product * extent, 1);
  const count = shape[0];
  const size = total / count;
  return Float32Array.from({ length: total }, (_, i) => ((i % size) * count + Math.floor(i / size)) / total);
}

/** The toy noise: the toy image's numbers in falling order. */
export function dummyNoise(shape: readonly number[] = dummyShape): Float32Array {
  const total = shape.reduce((product, extent) => product * extent, 1);
  const count = shape[0];
  const size = total / count;
  return Float32Array.from(
    { length: total },
    (_, i) => (total - 1 - ((i % size) * count + Math.floor(i / size))) / total,
  );
}

/** Sum and mean of the absolute values, which the tests hold. */
export function absoluteSum(values: Float32Array): { sum: number; mean: number } {
  const sum = values.reduce((total, value) => total + Math.abs(value), 0);
  return { sum, mean: sum / values.length };
}
