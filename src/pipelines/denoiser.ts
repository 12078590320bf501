/**
 * A trained network as a Denoiser: compiled with its weights, wrapped with its path and its prediction, guided where that
 * is asked for. Solvers, likelihoods and the pictures of both begin here.
 */
import { ConfigError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { type Condition, type Denoiser, denoiserOf, type NetworkOutput } from "../diffusion/denoiser.ts";
import { classifierFree } from "../diffusion/guidance/index.ts";
import type { Path } from "../diffusion/path-contract.ts";
import type { Prediction, PredictionConfig } from "../diffusion/prediction.ts";
import type { CompiledNetwork } from "../models/compiled.ts";
import type { ImageNetwork } from "../models/network.ts";

/** What a network was trained for. */
export interface TrainedFor {
  path: Path;
  prediction: PredictionConfig | Prediction;
}

/** A network that predicts: compiled, or one that is watched while it does. */
export type Predictor = Pick<CompiledNetwork, "network" | "predict">;

/** The denoiser of a compiled network; its condition is `{ classLabels: int32 [N] }` where the network has classes. */
export function compiledDenoiser(compiled: Predictor, { path, prediction }: TrainedFor): Denoiser {
  const predict = async (x: Float32Array, time: number, condition?: Condition) => {
    const output = await compiled.predict(x, time, condition?.classLabels as Int32Array | undefined);
    return split(output, compiled.network);
  };
  return denoiserOf(predict, path, prediction);
}

/** `compiledDenoiser` with classifier-free guidance of a scale; 1 is none. The last row of the class table is the null class. */
export function guidedDenoiser(
  compiled: Predictor,
  { objective, guidance = 1 }: { objective: TrainedFor; guidance?: number },
): Denoiser {
  const denoiser = compiledDenoiser(compiled, objective);
  if (guidance === 1) return denoiser;
  const { classes } = compiled.network;
  if (classes === undefined) {
    throw new ConfigError(`guidance ${guidance} needs a network with classes; this one has none: leave guidance out`);
  }
  return classifierFree(denoiser, { scale: guidance, nullCondition: { classLabels: Int32Array.of(classes - 1) } });
}

/** Where the network also predicts variances, they stand apart: [N, 2C, H, W] → twice [N, C, H, W]. */
function split(output: Float32Array, { imageShape, outputChannels }: ImageNetwork): NetworkOutput {
  if (outputChannels === imageShape[0]) return output;
  const size = sizeOf(imageShape);
  const count = output.length / (2 * size);
  const [prediction, variance] = [0, 1].map((half) => {
    const part = new Float32Array(count * size);
    for (let n = 0; n < count; n++)
      part.set(output.subarray((2 * n + half) * size, (2 * n + half + 1) * size), n * size);
    return part;
  });
  return { prediction, variance };
}
