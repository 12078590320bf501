/**
 * How wrong a denoiser is at each noise level, over data: pictures are noised in one jump, the denoiser says what they were,
 * and the squared differences are averaged over all numbers of all pictures.
 *
 *   x = alpha x0 + sigma eps     sample error = mean (x0hat − x0)²     noise error = mean (epshat − eps)²
 *
 * Since x is known, the one follows from the other: noise error = (alpha / sigma)² · sample error. So a network may be nearly
 * right about the picture where it is hopeless about the noise. For comparison, the least error of who knows of the data no
 * more than the variance s² of a pixel,
 *
 *   linear error = s² sigma² / (alpha² s² + sigma²)       (the posterior variance of a normal density)
 *
 * Every picture has the same noise at all levels, so that the curve is smooth. Tested with the perfect denoiser of Gaussian
 * data, whose error is the linear one.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { Condition, Denoiser } from "../../diffusion/denoiser.ts";
import { noised } from "../../diffusion/noising.ts";
import type { Path } from "../../diffusion/path-contract.ts";
import { checkWhole } from "../sample.ts";

export interface ErrorRequest {
  denoiser: Denoiser;
  /** [N, ...], as the denoiser was trained on. */
  images: Float32Array;
  /** Numbers of an image. */
  size: number;
  /** One row for each image, where the denoiser has a condition. */
  condition?: Condition;
  /** Times of the path, such as those of `noiseGrid`. */
  times: readonly number[];
  /** Of the noise. */
  seed: number;
  /** Images at a time. Default 64. */
  batch?: number;
  signal?: AbortSignal;
}

/** The errors at one noise level. */
export interface NoiseError {
  t: number;
  alpha: number;
  sigma: number;
  /** Mean squared error of the predicted picture. */
  sampleError: number;
  /** Standard error of that mean, over images; 0 for one image. */
  spread: number;
  /** Mean squared error of the predicted noise. */
  noiseError: number;
  linearError: number;
  /** The first image as it was shown, and as it was predicted: [...]. */
  seen: Float32Array;
  sample: Float32Array;
}

/** How far to both sides a grid goes at most: sigma / alpha from 1/100 to 100. */
const LARGEST_LOG_SNR = 2 * Math.log(100);

/**
 * Times from the data end of a path to its noise end, equally far apart in log-SNR; where the path has more than sigma / alpha
 * from 1/100 to 100, of that part alone. `count`: at least 2.
 */
export function noiseGrid(path: Path, count: number): number[] {
  if (!Number.isSafeInteger(count) || count < 2) {
    throw new ConfigError(`a grid of noise levels needs a whole number of them from 2, not ${count}`);
  }
  const clamp = (value: number) => Math.min(LARGEST_LOG_SNR, Math.max(-LARGEST_LOG_SNR, value));
  const [most, least] = path.span.map((t) => clamp(path.logSnr(t)));
  return Array.from({ length: count }, (_, i) => path.timeOfLogSnr(most + (i * (least - most)) / (count - 1)));
}

/** The errors, one level after the other in the order of `times`. */
export async function* errorByNoise(request: ErrorRequest): AsyncGenerator<NoiseError> {
  const { denoiser, images, size, condition, times, seed, batch = 64, signal } = request;
  checkWhole("batch", batch);
  const count = images.length / size;
  if (!Number.isInteger(count) || count < 1) {
    throw new ConfigError(`${images.length} numbers are no whole images of ${size}; at least one image is needed`);
  }
  const noise = new Float32Array(images.length);
  for (let i = 0; i < count; i++) Random.from(seed, "error", i).fillNormal(noise.subarray(i * size, (i + 1) * size));
  const variance = varianceOf(images);
  for (const t of times) {
    const { alpha, sigma } = denoiser.path.at(t);
    const x = noised(images, noise, denoiser.path, t);
    const sampleErrors: number[] = []; // of each image
    let noiseError = 0;
    let first: Float32Array | undefined;
    for (let start = 0; start < count; start += batch) {
      signal?.throwIfAborted();
      const end = Math.min(count, start + batch);
      const cut = <T extends Float32Array | Int32Array>(values: T) => {
        const each = values.length / count;
        return values.slice(start * each, end * each) as T;
      };
      const rows = condition && Object.fromEntries(Object.entries(condition).map(([name, all]) => [name, cut(all)]));
      const found = await denoiser.denoise(cut(x), t, rows);
      first ??= found.sample.slice(0, size);
      sampleErrors.push(...perImage(found.sample, cut(images), size));
      for (const error of perImage(found.noise, cut(noise), size)) noiseError += error / count;
    }
    const sampleError = sampleErrors.reduce((sum, error) => sum + error, 0) / count;
    const scatter = sampleErrors.reduce((sum, error) => sum + (error - sampleError) ** 2, 0);
    yield {
      t,
      alpha,
      sigma,
      sampleError,
      spread: count > 1 ? Math.sqrt(scatter / (count - 1) / count) : 0,
      noiseError,
      linearError: (variance * sigma ** 2) / (alpha ** 2 * variance + sigma ** 2),
      seen: x.slice(0, size),
      sample: first!,
    };
  }
}

/** The mean squared difference of each image. */
function perImage(found: Float32Array, truth: Float32Array, size: number): number[] {
  return Array.from({ length: truth.length / size }, (_, image) => {
    let sum = 0;
    for (let i = image * size; i < (image + 1) * size; i++) sum += (found[i] - truth[i]) ** 2;
    return sum / size;
  });
}

function varianceOf(values: Float32Array): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let variance = 0;
  for (const value of values) variance += (value - mean) ** 2 / values.length;
  return variance;
}
