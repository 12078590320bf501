/**
 * The analytic oracle: data x0 ~ N(mean, std²), independent in each element. On x = alpha x0 + sigma eps,
 *
 *   E[x0 | x] = mean + alpha std² (x - alpha mean) / (alpha² std² + sigma²)
 *
 * is the perfect denoiser, with no network; std 0 is data that is one point. The deterministic flow of it, from one level
 * to another, keeps (x - alpha mean) / sqrt(alpha² std² + sigma²).
 */
import { type Denoiser, denoiserOf } from "../denoiser.ts";
import type { Level, Path } from "../path-contract.ts";
import { type Denoised, type PredictionConfig, predictionFrom, targetOf } from "../prediction.ts";

export interface Gaussian {
  mean: number;
  std: number;
}

type Mixture = Pick<Level, "alpha" | "sigma">;

const variance = ({ std }: Gaussian, { alpha, sigma }: Mixture) => (alpha * std) ** 2 + sigma ** 2;

/** The exact sample and noise in x at a level. */
export function gaussianDenoised(data: Gaussian, { alpha, sigma }: Mixture, x: Float32Array): Denoised {
  const { mean, std } = data;
  const total = variance(data, { alpha, sigma });
  const off = (value: number) => (total === 0 ? 0 : (value - alpha * mean) / total);
  return {
    sample: x.map((value) => mean + alpha * std * std * off(value)),
    noise: x.map((value) => sigma * off(value)),
  };
}

/**
 * The denoiser for which `exact` is the truth, on any path. With a prediction the truth goes through the algebra and the
 * float32 rounding of a network that predicts it; without one it is given as it is.
 */
export function oracle(
  exact: (level: Level, x: Float32Array) => Denoised,
  path: Path,
  prediction?: PredictionConfig,
): Denoiser {
  const levelAt = (at: number | Level) => (typeof at === "number" ? path.at(at) : at);
  if (prediction === undefined) {
    return Object.freeze({ path, denoise: async (x: Float32Array, at: number | Level) => exact(levelAt(at), x) });
  }
  const row = predictionFrom(prediction);
  return Object.freeze({
    path,
    denoise: (x: Float32Array, at: number | Level) => {
      // A network that knows its level from the call, and not from the time that it is fed.
      const network = async () => targetOf(row, levelAt(at), exact(levelAt(at), x));
      return denoiserOf(network, path, row).denoise(x, at);
    },
  });
}

/** The perfect denoiser of Gaussian data; see `oracle`. */
export function gaussianDenoiser(data: Gaussian, path: Path, prediction?: PredictionConfig): Denoiser {
  return oracle((level, x) => gaussianDenoised(data, level, x), path, prediction);
}

/** Where the probability-flow ODE takes x from one level to another; the data end is `{ alpha: 1, sigma: 0 }`. */
export function gaussianFlow(data: Gaussian, x: number, from: Mixture, to: Mixture): number {
  return to.alpha * data.mean + (x - from.alpha * data.mean) * Math.sqrt(variance(data, to) / variance(data, from));
}

export function momentsOf(values: Float32Array): Gaussian {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
