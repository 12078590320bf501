/**
 * The analytic oracle: data x0 ~ N(mean, std²), independent in each element. On x = alpha x0 + sigma eps,
 *
 *   E[x0 | x] = mean + alpha std² (x - alpha mean) / (alpha² std² + sigma²)
 *
 * is the perfect denoiser, with no network; std 0 is data that is one point. The deterministic flow of it, from a level
 * to the data, is x0 = mean + std (x - alpha mean) / sqrt(alpha² std² + sigma²).
 */
import { denoiserOf, type Network } from "../denoiser.ts";
import type { Path } from "../path-contract.ts";
import { type PredictionName, predictionFrom, targetOf } from "../prediction.ts";

export interface Gaussian {
  mean: number;
  std: number;
}

/** A network that predicts perfectly for Gaussian data. It finds its time again from the network time. */
export function gaussianNetwork({ mean, std }: Gaussian, path: Path, prediction: PredictionName): Network {
  return async (x, networkTime) => {
    const t = path.timesteps === undefined ? networkTime / 1000 : networkTime;
    const alpha = path.alpha(t);
    const sigma = path.sigma(t);
    const gain = (alpha * std * std) / (alpha * alpha * std * std + sigma * sigma);
    const sample = x.map((value) => mean + gain * (value - alpha * mean));
    const noise = x.map((value) => (sigma * (value - alpha * mean)) / (alpha * alpha * std * std + sigma * sigma));
    return targetOf(predictionFrom(prediction), path.at(t), { sample, noise });
  };
}

export function gaussianDenoiser(data: Gaussian, path: Path, prediction: PredictionName = "v") {
  return denoiserOf(gaussianNetwork(data, path, prediction), path, prediction);
}

export function momentsOf(values: Float32Array): Gaussian {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
