/**
 * How likely a trained model holds images to be, in bits per dimension: the variational bound on a discrete
 * variance-preserving path, the exact likelihood by the probability-flow ODE (an unbiased estimate of it) elsewhere.
 *
 * Images are those of the data, in [-1, 1] with 256 levels. The ODE gives a density, so images are first moved within their
 * bins (uniform dequantisation), which can only add bits. See `src/diffusion/likelihood/` for the equations and sources.
 */

import { ConfigError, DataError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Dataset } from "../data/dataset.ts";
import { isDiscreteVp } from "../diffusion/discrete-vp.ts";
import { dequantised, odeLikelihood, variationalBound } from "../diffusion/likelihood/index.ts";
import { CompiledNetwork } from "../models/compiled.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Weights } from "../nn/weights.ts";
import type { Runtime } from "../runtime/session.ts";
import { compiledDenoiser, type TrainedFor } from "./denoiser.ts";

export interface LikelihoodRequest {
  network: ImageNetwork;
  weights: Weights;
  objective: TrainedFor;
  runtime: Runtime;
  threads?: number;
  /** Held-out images. */
  data: Dataset;
  /** How many of them. */
  count: number;
  /** Chooses the images, and all that is random in the estimate. */
  seed: number;
  /** Variance of the reverse steps. Default: learned where the network has learned it, else "small". */
  variance?: "small" | "large" | "learned";
  /** Steps of the bound. Default: all timesteps. */
  steps?: number;
  onPart?: (done: number, of: number) => void;
  signal?: AbortSignal;
}

export interface LikelihoodEstimate {
  /** What was computed. */
  kind: "variational bound" | "probability-flow ODE";
  count: number;
  /** Bits per dimension: mean over the images, and its standard error. */
  bitsPerDimension: number;
  standardError: number;
  /** The bound in parts, bits per dimension. */
  parts?: { prior: number; steps: number; decoder: number };
}

/** Bits per dimension of held-out images. Raises a ConfigError for more images than there are, or a request that does not fit. */
export async function likelihood(request: LikelihoodRequest, random: Random): Promise<LikelihoodEstimate> {
  const { network, weights, objective, runtime, threads, data, count, seed, onPart, signal } = request;
  if (!Number.isInteger(count) || count < 2 || count > data.size) {
    throw new ConfigError(
      `likelihood: count must be an integer from 2 to the ${data.size} images of ${data.name}, not ${count}`,
    );
  }
  const { images, labels } = await data.read(random.permutation(data.size).subarray(0, count));
  if (network.classes !== undefined && labels === undefined) {
    throw new DataError(`the network has classes, but ${data.name} has no labels`);
  }
  const condition = network.classes === undefined ? undefined : { classLabels: labels! };
  await using compiled = new CompiledNetwork(network, weights, runtime, { threads });
  const denoiser = compiledDenoiser(compiled, objective);
  const shape = [count, ...network.imageShape];
  if (isDiscreteVp(objective.path)) {
    const learned = network.outputChannels > network.imageShape[0];
    const { variance = learned ? "learned" : "small", steps } = request;
    const bound = await variationalBound(denoiser, {
      images,
      shape,
      seed,
      condition,
      variance,
      steps,
      signal,
      onTerm: onPart,
    });
    const part = (kind: string) =>
      bound.terms.filter((term) => term.kind === kind).reduce((sum, { bits }) => sum + meanOf(bits), 0);
    const parts = { prior: part("prior"), steps: part("step"), decoder: part("decoder") };
    return { kind: "variational bound", count, ...statistics(bound.bits), parts };
  }
  const moved = dequantised({ images, shape, seed });
  const exact = await odeLikelihood(denoiser, { images: moved, shape, seed, condition, signal, onPart });
  return { kind: "probability-flow ODE", count, ...statistics(exact.bits) };
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function statistics(bits: Float64Array): { bitsPerDimension: number; standardError: number } {
  const mean = meanOf(bits);
  const variance = bits.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (bits.length - 1);
  return { bitsPerDimension: mean, standardError: Math.sqrt(variance / bits.length) };
}
