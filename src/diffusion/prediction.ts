/**
 * What a network predicts, as a linear combination of the sample x0 and the noise eps in x = alpha x0 + sigma eps:
 *
 *   target = targetSample(alpha, sigma) x0 + targetNoise(alpha, sigma) eps
 *
 *   noise   eps                     Ho et al. 2020, eq. 14
 *   sample  x0
 *   v       alpha eps - sigma x0    Salimans and Ho 2022, appendix D
 *   flow    eps - x0                Liu et al. 2022; dx/dt on the straight line (t = 1 is noise): diffusers' sign
 *
 * Given x and a prediction, x0 and eps follow from the 2 x 2 system [alpha, sigma; targetSample, targetNoise]. So a new
 * prediction is one row of this table. Tested by round trips through every pair and against the closed forms for VP
 * paths.
 */
import { ConfigError, ShapeError } from "../core/errors.ts";
import { lookUp } from "./options.ts";

export type PredictionName = "noise" | "sample" | "v" | "flow";

export interface Prediction {
  targetSample(alpha: number, sigma: number): number;
  targetNoise(alpha: number, sigma: number): number;
}

export const predictions: { readonly [K in PredictionName]: Prediction } = {
  noise: { targetSample: () => 0, targetNoise: () => 1 },
  sample: { targetSample: () => 1, targetNoise: () => 0 },
  v: { targetSample: (_, sigma) => -sigma, targetNoise: (alpha) => alpha },
  flow: { targetSample: () => -1, targetNoise: () => 1 },
};

/** A prediction by its name; an unknown one is a ConfigError with the nearest names. */
export function predictionNamed(name: unknown): Prediction {
  return lookUp("prediction", predictions, name);
}

/** The two things that x is made of: x = alpha sample + sigma noise. */
export interface Denoised {
  sample: Float32Array;
  noise: Float32Array;
}

/**
 * The sample and the noise in `x`, from what a network predicted at (alpha, sigma). `x`, `output`: the same length.
 *
 * Where x and the prediction together do not determine both (`noise` at alpha = 0, `sample` at sigma = 0), this is a
 * ConfigError: no value would be exact. `v` and `flow` determine both everywhere on a path.
 */
export function toDenoised(
  prediction: PredictionName,
  alpha: number,
  sigma: number,
  x: Float32Array,
  output: Float32Array,
): Denoised {
  const row = predictionNamed(prediction);
  if (output.length !== x.length) {
    throw new ShapeError(
      `the prediction has ${output.length} numbers and x has ${x.length}; they must be of one shape`,
    );
  }
  const targetSample = row.targetSample(alpha, sigma);
  const targetNoise = row.targetNoise(alpha, sigma);
  const determinant = alpha * targetNoise - sigma * targetSample;
  if (!(Math.abs(determinant) > 0) || !Number.isFinite(determinant)) {
    throw new ConfigError(
      `a network that predicts ${prediction} does not determine both sample and noise at alpha = ${alpha}, ` +
        `sigma = ${sigma}; predict v or flow, or start where alpha and sigma are above 0`,
    );
  }
  const sampleFromX = targetNoise / determinant;
  const sampleFromOutput = -sigma / determinant;
  const noiseFromX = -targetSample / determinant;
  const noiseFromOutput = alpha / determinant;
  const sample = new Float32Array(x.length);
  const noise = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    sample[i] = sampleFromX * x[i] + sampleFromOutput * output[i];
    noise[i] = noiseFromX * x[i] + noiseFromOutput * output[i];
  }
  return { sample, noise };
}

/** The training target on the host: what a network that predicts `prediction` should output. */
export function targetOf(
  prediction: PredictionName,
  alpha: number,
  sigma: number,
  { sample, noise }: Denoised,
): Float32Array {
  const row = predictionNamed(prediction);
  const targetSample = row.targetSample(alpha, sigma);
  const targetNoise = row.targetNoise(alpha, sigma);
  return sample.map((x0, i) => targetSample * x0 + targetNoise * noise[i]);
}
