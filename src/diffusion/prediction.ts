/**
 * What a network predicts, as a linear combination of the sample x0 and the noise eps in x = alpha x0 + sigma eps:
 *
 *   target = targetSample x0 + targetNoise eps,     network(inputScale x, networkTime) -> target
 *
 *   noise     eps                            Ho et al. 2020, eq. 14
 *   sample    x0
 *   v         alpha eps - sigma x0           Salimans and Ho 2022, appendix D
 *   score     -eps / sigma                   Song et al. 2021: grad log p(x)
 *   flow      eps - x0                       Liu et al. 2022, diffusers' sign: dx/dt on the straight line, towards noise
 *   velocity  -(alpha' x0 + sigma' eps)      Ma et al. 2024 ("SiT"): the flow towards data, on any path
 *
 * Given x and a prediction, x0 and eps follow from the 2 x 2 system [alpha, sigma; targetSample, targetNoise]. So a new
 * prediction is one row of this table. Tested by round trips through every pair and against the closed forms for VP
 * paths.
 */
import { ConfigError, ShapeError } from "../core/errors.ts";
import { makeFrom, readOptions } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";
import {
  consistency,
  edmPrediction,
  type PreconditioningOptions,
  preconditionedIddpm,
  preconditionedVe,
  preconditionedVp,
} from "./preconditioning.ts";

/** The options of each prediction. */
export interface PredictionOptions extends PreconditioningOptions {
  noise: Record<never, never>;
  sample: Record<never, never>;
  v: Record<never, never>;
  score: Record<never, never>;
  flow: Record<never, never>;
  velocity: Record<never, never>;
}

export type PredictionName = keyof PredictionOptions;

/** A prediction as JSON: its name, or its name with options, such as `{ name: "edm", sigmaData: 0.5 }`. */
export type PredictionConfig =
  | PredictionName
  | { [K in PredictionName]: { readonly name: K } & Readonly<PredictionOptions[K]> }[PredictionName];

export interface Prediction {
  readonly name: PredictionName;
  targetSample(level: Level): number;
  targetNoise(level: Level): number;
  /** The network is fed inputScale · x; 1 when absent. */
  inputScale?(level: Level): number;
  /** The time that the network is fed; the level's own when absent. */
  networkTime?(level: Level): number;
  /** How sample and noise follow from x and the output, where the targets do not tell (they may be infinite). */
  recovery?(level: Level): Recovery;
  toJSON(): PredictionConfig;
}

type Row = Pick<Prediction, "targetSample" | "targetNoise">;

function plain(name: PredictionName, row: Row): (options: Record<never, never>) => Prediction {
  return (options) => {
    readOptions(name, {}, options);
    return Object.freeze({ name, ...row, toJSON: () => name });
  };
}

/** Every prediction by its name. */
export const predictions: { readonly [K in PredictionName]: (options: PredictionOptions[K]) => Prediction } = {
  noise: plain("noise", { targetSample: () => 0, targetNoise: () => 1 }),
  sample: plain("sample", { targetSample: () => 1, targetNoise: () => 0 }),
  v: plain("v", { targetSample: ({ sigma }) => -sigma, targetNoise: ({ alpha }) => alpha }),
  score: plain("score", { targetSample: () => 0, targetNoise: ({ sigma }) => -1 / sigma }),
  flow: plain("flow", { targetSample: () => -1, targetNoise: () => 1 }),
  velocity: plain("velocity", { targetSample: ({ dAlpha }) => -dAlpha, targetNoise: ({ dSigma }) => -dSigma }),
  edm: edmPrediction,
  preconditionedVp,
  preconditionedVe,
  preconditionedIddpm,
  consistency,
};

/** A prediction by its name or its configuration; an unknown one is a ConfigError with the nearest names. */
export function predictionFrom(config: unknown): Prediction {
  return makeFrom<Prediction>("prediction", predictions, typeof config === "string" ? { name: config } : config);
}

/** The two things that x is made of: x = alpha sample + sigma noise. */
export interface Denoised {
  sample: Float32Array;
  noise: Float32Array;
  /**
   * What a network with learned variances says of the variance of the reverse step, element by element: the
   * interpolation v of Nichol and Dhariwal 2021, eq. 15, as the network gives it, -1 (smallest) to 1 (largest), not clipped.
   */
  variance?: Float32Array;
}

/** The four numbers that give sample and noise from x and a prediction. */
export interface Recovery {
  sampleFromX: number;
  sampleFromOutput: number;
  noiseFromX: number;
  noiseFromOutput: number;
}

/**
 * How sample and noise follow from x and the network's output at a level. Where they do not (`noise` at alpha = 0,
 * `sample` at sigma = 0) this is a ConfigError: no value would be exact. `v` and `flow` determine both everywhere.
 */
export function recovery(prediction: Prediction, level: Level): Recovery {
  const { alpha, sigma } = level;
  const own = prediction.recovery?.(level);
  if (own !== undefined && Object.values(own).every(Number.isFinite)) return own;
  const targetSample = prediction.targetSample(level);
  const targetNoise = prediction.targetNoise(level);
  const determinant = alpha * targetNoise - sigma * targetSample;
  if (own !== undefined || !(Math.abs(determinant) > 0) || !Number.isFinite(determinant)) {
    throw new ConfigError(
      `a network that predicts ${prediction.name} does not determine both sample and noise at alpha = ${alpha}, ` +
        `sigma = ${sigma}; predict v or flow, or start where alpha and sigma are above 0`,
    );
  }
  return {
    sampleFromX: targetNoise / determinant,
    sampleFromOutput: -sigma / determinant,
    noiseFromX: -targetSample / determinant,
    noiseFromOutput: alpha / determinant,
  };
}

/**
 * Checks that a prediction tells sample and noise at both ends of a path, and that the network can be fed its time there.
 * Ends with no noise or no data are left out where time is continuous, as neither training nor solvers need visit them. A
 * discrete path's last timestep is visited, so zero terminal SNR with `noise` is a ConfigError.
 */
export function checkFits(prediction: Prediction, path: Path): void {
  for (const t of path.span) {
    const level = path.at(t);
    if (path.timesteps === undefined && (level.alpha === 0 || level.sigma === 0)) continue;
    try {
      recovery(prediction, level);
      prediction.networkTime?.(level);
    } catch (cause) {
      if (level.alpha !== 0 || !(cause instanceof ConfigError)) throw cause;
      throw new ConfigError(
        `the path ${path.name} ends in pure noise (zero terminal SNR, alpha = 0 at t = ${t}), where a network that predicts ` +
          `${prediction.name} does not tell the sample; predict v, sample or flow, or take a path that ends with alpha above 0`,
        { cause },
      );
    }
  }
}

/** The four coefficients of a preconditioning: D(y; s) = cSkip y + cOut F(cIn y; cNoise). */
export interface Preconditioning {
  readonly cSkip: number;
  readonly cOut: number;
  readonly cIn: number;
  readonly cNoise: number;
}

/**
 * A prediction as a preconditioning at the noise level `sigma` of the sigma view y = x0 + sigma eps, for those that need
 * nothing else of the path (not `velocity`). The loss on the network's output has weight 1 where that on D - x0 has 1 / cOut².
 */
export function preconditioning(prediction: Prediction, sigma: number): Preconditioning {
  const level: Level = { t: sigma, alpha: 1, sigma, dAlpha: 0, dSigma: 1, networkTime: sigma };
  const { sampleFromX, sampleFromOutput } = recovery(prediction, level);
  return {
    cSkip: sampleFromX,
    cOut: sampleFromOutput,
    cIn: prediction.inputScale?.(level) ?? 1,
    cNoise: prediction.networkTime?.(level) ?? sigma,
  };
}

/** The sample and the noise in `x`, from what a network predicted at a level. `x`, `output`: the same length. */
export function toDenoised(prediction: Prediction, level: Level, x: Float32Array, output: Float32Array): Denoised {
  if (output.length !== x.length) {
    throw new ShapeError(
      `the prediction has ${output.length} numbers and x has ${x.length}; they must be of one shape`,
    );
  }
  const { sampleFromX, sampleFromOutput, noiseFromX, noiseFromOutput } = recovery(prediction, level);
  const sample = new Float32Array(x.length);
  const noise = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    sample[i] = sampleFromX * x[i] + sampleFromOutput * output[i];
    noise[i] = noiseFromX * x[i] + noiseFromOutput * output[i];
  }
  return { sample, noise };
}

/** The training target on the host: what a network that predicts `prediction` should output. */
export function targetOf(prediction: Prediction, level: Level, { sample, noise }: Denoised): Float32Array {
  const targetSample = prediction.targetSample(level);
  const targetNoise = prediction.targetNoise(level);
  return sample.map((x0, i) => targetSample * x0 + targetNoise * noise[i]);
}
