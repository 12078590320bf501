/**
 * The contract that ties the table together: a network, wrapped with its path and its prediction, is a Denoiser,
 *
 *   (x, t, condition) -> { sample: E[x0 | x_t = x], noise: E[eps | x_t = x] }
 *
 * Solvers, guidance and likelihoods see nothing else; no solver knows a network, no network knows a path.
 */
import { NotFiniteError, ShapeError } from "../core/errors.ts";
import type { Path } from "./path-contract.ts";
import { type Denoised, type PredictionName, predictionNamed, toDenoised } from "./prediction.ts";

export type { Denoised } from "./prediction.ts";

/** Arrays that a network is fed beside x, one row an image, such as `{ classLabels: Int32Array [N] }`. */
export type Condition = Readonly<Record<string, Float32Array | Int32Array>>;

/** x and the result are [N, ...], flat; every image of the batch is at the same time. */
export type Network = (x: Float32Array, networkTime: number, condition?: Condition) => Promise<Float32Array>;

export interface Denoiser {
  readonly path: Path;
  /** `x`: [N, ...] flat; `t`: a time of the path. The result has the length of x. */
  denoise(x: Float32Array, t: number, condition?: Condition): Promise<Denoised>;
}

/**
 * The denoiser of a network that predicts `prediction` on `path`. A network whose output has another length than x is a
 * ShapeError, one whose output is not finite a NotFiniteError, each when it happens.
 */
export function denoiserOf(network: Network, path: Path, prediction: PredictionName): Denoiser {
  predictionNamed(prediction);
  return Object.freeze({
    path,
    async denoise(x: Float32Array, t: number, condition?: Condition): Promise<Denoised> {
      const output = await network(x, path.networkTime(t), condition);
      if (output.length !== x.length) {
        throw new ShapeError(
          `the network returned ${output.length} numbers for an x of ${x.length}; a denoiser's network keeps the shape of x`,
        );
      }
      const wrong = output.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) {
        throw new NotFiniteError(
          `the network's output at t = ${t} holds ${output[wrong]} (element ${wrong} of ${output.length})`,
        );
      }
      return toDenoised(prediction, path.alpha(t), path.sigma(t), x, output);
    },
  });
}
