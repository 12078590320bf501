/**
 * The other analytic oracle: data that is one of a few points, such as a training set learned by heart. On x = alpha x0 +
 * sigma eps the perfect denoiser is a softmax over the points,
 *
 *   E[x0 | x] = sum_i w_i x_i,   w_i ~ p_i exp(-|x - alpha x_i|² / (2 sigma²))
 */
import { ShapeError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import type { Level, Path } from "../path-contract.ts";
import type { Denoised, PredictionConfig } from "../prediction.ts";
import { oracle } from "./gaussian.ts";

export interface PointMasses {
  /** The points, all of one length d. */
  points: readonly (readonly number[])[];
  /** Their probabilities, up to a factor; equal when absent. */
  weights?: readonly number[];
}

/** The exact sample and noise in x, [N, d] flat, at a level with sigma above 0. */
export function pointMassDenoised(
  { points, weights }: PointMasses,
  { alpha, sigma }: Pick<Level, "alpha" | "sigma">,
  x: Float32Array,
): Denoised {
  const size = points[0].length;
  if (x.length % size !== 0) throw new ShapeError(`x has ${x.length} numbers, which are not rows of ${size}`);
  const [sample, noise] = [new Float32Array(x.length), new Float32Array(x.length)];
  for (let row = 0; row < x.length; row += size) {
    const logits = points.map((point, i) => {
      const distance = point.reduce((sum, value, k) => sum + (x[row + k] - alpha * value) ** 2, 0);
      return Math.log(weights?.[i] ?? 1) - distance / (2 * sigma * sigma);
    });
    const most = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - most));
    const total = odds.reduce((sum, one) => sum + one, 0);
    for (let k = 0; k < size; k++) {
      const mean = points.reduce((sum, point, i) => sum + (odds[i] / total) * point[k], 0);
      sample[row + k] = mean;
      noise[row + k] = (x[row + k] - alpha * mean) / sigma;
    }
  }
  return { sample, noise };
}

/** The perfect denoiser of point masses; see `oracle`. */
export function pointMassDenoiser(data: PointMasses, path: Path, prediction?: PredictionConfig): Denoiser {
  return oracle((level, x) => pointMassDenoised(data, level, x), path, prediction);
}
