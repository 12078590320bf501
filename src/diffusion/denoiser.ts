/**
 * The contract that ties the table together: a network, wrapped with its path and its prediction, is a Denoiser,
 *
 *   (x, t, condition) -> { sample: E[x0 | x_t = x], noise: E[eps | x_t = x] }
 *
 * Solvers, guidance and likelihoods see nothing else; no solver knows a network, no network knows a path.
 */
import { NotFiniteError, ShapeError } from "../core/errors.ts";
import type { Level, Path } from "./path-contract.ts";
import {
  checkFits,
  type Denoised,
  type Prediction,
  type PredictionConfig,
  predictionFrom,
  toDenoised,
} from "./prediction.ts";

export type { Denoised } from "./prediction.ts";

/** Arrays that a network is fed beside x, one row an image, such as `{ classLabels: Int32Array [N] }`. */
export type Condition = Readonly<Record<string, Float32Array | Int32Array>>;

/**
 * x is [N, ...], flat, already scaled as the prediction asks; every image of the batch is at the same time.
 */
export type Network = (x: Float32Array, networkTime: number, condition?: Condition) => Promise<NetworkOutput>;

/** What the network predicts; with learned variances, the raw v beside it. Both have the length of x. */
export type NetworkOutput = Float32Array | { prediction: Float32Array; variance: Float32Array };

export interface Denoiser {
  readonly path: Path;
  /**
   * `x`: [N, ...] flat. `at`: a time of the path, or a level, for a solver that visits levels which the path's table has
   * only nearly (as diffusers' schedulers do). The result has the length of x.
   */
  denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised>;
}

/**
 * The denoiser of a network that predicts `prediction` on `path`. A prediction that the path cannot have (`noise` with zero
 * terminal SNR) is a ConfigError. A network whose output has another length than x is a ShapeError, one whose output is not
 * finite a NotFiniteError, each when it happens.
 */
export function denoiserOf(network: Network, path: Path, prediction: PredictionConfig | Prediction): Denoiser {
  const row = typeof prediction === "object" && "targetNoise" in prediction ? prediction : predictionFrom(prediction);
  checkFits(row, path);
  return Object.freeze({
    path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      const level = typeof at === "number" ? path.at(at) : at;
      const scale = row.inputScale?.(level) ?? 1;
      const input = scale === 1 ? x : x.map((value) => scale * value);
      const output = await network(input, row.networkTime?.(level) ?? level.networkTime, condition);
      const { prediction: predicted, variance } =
        output instanceof Float32Array ? { prediction: output, variance: undefined } : output;
      check(predicted, x.length, level.t);
      const denoised = toDenoised(row, level, x, predicted);
      if (variance === undefined) return denoised;
      check(variance, x.length, level.t);
      return { ...denoised, variance };
    },
  });
}

function check(output: Float32Array, length: number, t: number): void {
  if (output.length !== length) {
    throw new ShapeError(
      `the network returned ${output.length} numbers for an x of ${length}; a denoiser's network keeps the shape of x`,
    );
  }
  const wrong = output.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new NotFiniteError(
      `the network's output at t = ${t} holds ${output[wrong]} (element ${wrong} of ${output.length})`,
    );
  }
}
