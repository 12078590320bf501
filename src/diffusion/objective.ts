/**
 * The objective of a training run: which path, what is predicted, how t is drawn, how the loss is weighted,
 *
 *   loss = mean over the batch of weight(t) · mean |target - network(alpha x0 + sigma eps, networkTime(t))|²
 *   target = targetSample x0 + targetNoise eps
 *
 * A training step needs of it only numbers per image, which `drawObjective` makes: the device does the arithmetic on
 * images and knows no schedule. Other losses (variational bound, sliced score matching, VDM) are named by `loss`.
 */
import { ConfigError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { type CheckedLoss, type LossConfig, lossConfigFrom } from "./loss-config.ts";
import { integer, readOptions, real, show } from "./options.ts";
import { type PathConfig, pathFrom } from "./path.ts";
import type { Level, Path } from "./path-contract.ts";
import { checkFits, type Prediction, type PredictionConfig, predictionFrom } from "./prediction.ts";
import {
  type LossHistory,
  type TimeSampler,
  type TimeSamplerConfig,
  timeSamplerFrom,
  uniformOver,
} from "./time-sampler.ts";
import { type Weight, type WeightConfig, weightFrom } from "./weights.ts";

export type { TimeSampler } from "./time-sampler.ts";

export interface Objective {
  readonly path: Path;
  readonly prediction: Prediction;
  readonly time: TimeSampler;
  readonly weight: Weight;
  /** What is minimised; the simple loss when absent. */
  readonly loss?: CheckedLoss;
  /** Standard deviation of a constant that is added to each channel of the noise; none when absent. */
  readonly offsetNoise?: number;
}

/** An objective as JSON. */
export interface ObjectiveConfig {
  readonly path: PathConfig;
  readonly prediction: PredictionConfig;
  readonly time: TimeSamplerConfig;
  readonly weight: WeightConfig;
  readonly loss: LossConfig;
  readonly offsetNoise: number;
}

export interface NamedObjective extends Objective {
  /** Plain JSON from which `objectiveFrom` makes the same objective. */
  toJSON(): ObjectiveConfig;
}

export interface ObjectiveOptions {
  path: Path;
  prediction: PredictionConfig;
  /** Default: uniform over the path's times. */
  time?: TimeSampler;
  /** Default: "simple". */
  weight?: WeightConfig;
  /** Default: "simple". */
  loss?: LossConfig;
  /** From 0 (default) to 1; 0.05 to 0.1 is usual. */
  offsetNoise?: number;
}

/** An objective of checked parts; a time sampler that does not fit the path is a ConfigError. */
export function objective(options: ObjectiveOptions): NamedObjective {
  const { path, time = uniformOver(path), offsetNoise = 0 } = options;
  const prediction = predictionFrom(options.prediction);
  const weight = weightFrom(options.weight ?? "simple");
  const loss = lossConfigFrom(options.loss ?? "simple");
  readOptions("objective", { offsetNoise: real(0, 1) }, { offsetNoise });
  checkTimes(time, path);
  checkFits(prediction, path);
  return Object.freeze({
    path,
    prediction,
    time,
    weight,
    loss,
    offsetNoise,
    toJSON: () => ({
      path: path.toJSON(),
      prediction: prediction.toJSON(),
      time: time.toJSON(),
      weight: weight.toJSON(),
      loss: Object.keys(loss).length === 1 ? loss.name : loss,
      offsetNoise,
    }),
  });
}

function checkTimes(time: TimeSampler, path: Path): void {
  if (time.timesteps !== path.timesteps) {
    const times = (count?: number) => (count === undefined ? "continuous times" : `${count} discrete timesteps`);
    throw new ConfigError(
      `the time sampler ${time.name} draws ${times(time.timesteps)}, but the path ${path.name} has ${times(path.timesteps)}; ` +
        `use ${path.timesteps === undefined ? "uniformContinuous, stratified, logNormal or logitNormal" : `uniformDiscrete({ timesteps: ${path.timesteps} })`}`,
    );
  }
  const [from, to] = time.range ?? path.span;
  if (from < path.span[0] || to > path.span[1]) {
    throw new ConfigError(
      `the time sampler ${time.name} draws from ${from} to ${to}, but the path ${path.name} has the times ` +
        `${path.span[0]} to ${path.span[1]}; draw within them`,
    );
  }
}

const anything = { expected: "given", accepts: () => true };

/** The objective of a configuration; all but path and prediction may be left out. The inverse of `toJSON`. */
export function objectiveFrom(config: unknown): NamedObjective {
  const fields = {
    path: anything,
    prediction: anything,
    time: { ...anything, optional: true },
    weight: { ...anything, optional: true },
    loss: { ...anything, optional: true },
    offsetNoise: { ...anything, optional: true },
  };
  const { path, prediction, time, weight, loss, offsetNoise } = readOptions("objective", fields, config);
  return objective({
    path: pathFrom(path),
    prediction: prediction as PredictionConfig,
    time: time === undefined ? undefined : timeSamplerFrom(time),
    weight: weight as WeightConfig | undefined,
    loss: loss as LossConfig | undefined,
    offsetNoise: offsetNoise as number | undefined,
  });
}

/** What one training batch needs of its objective; every array is [count]. */
export interface ObjectiveDraw {
  /** Times of the path, as drawn. */
  readonly t: Float64Array;
  /** Of what the network is fed: the path's alpha and sigma, times the prediction's input scale. */
  readonly alpha: Float32Array;
  readonly sigma: Float32Array;
  readonly targetSample: Float32Array;
  readonly targetNoise: Float32Array;
  readonly weight: Float32Array;
  readonly networkTime: Float32Array;
  /** What each loss is to be multiplied by; only where the times adapt to the losses. */
  readonly importance?: Float32Array;
  /** The places on the path, in float64. */
  readonly levels: readonly Level[];
}

/**
 * Draws the times of `count` images, and computes in float64, then rounds, all that depends on them. `history`: for a
 * sampler of times that adapts; a new one when absent.
 */
export function drawObjective(
  objective: Objective,
  count: number,
  random: Random,
  history?: LossHistory,
): ObjectiveDraw {
  const { path, prediction, time, weight } = objective;
  if (!integer(1).accepts(count)) throw new ConfigError(`count must be an integer from 1, not ${show(count)}`);
  const { adaptive } = time;
  const drawn: Pick<ObjectiveDraw, "t" | "importance"> = adaptive?.draw(count, random, history ?? adaptive.empty()) ?? {
    t: time.draw(count, random, path),
  };
  const { t } = drawn;
  const levels = Array.from(t, (time) => path.at(time));
  const of = (value: (level: Level) => number) => Float32Array.from(levels, value); // [count]
  const scale = (level: Level) => prediction.inputScale?.(level) ?? 1;
  return {
    ...drawn,
    levels,
    alpha: of((level) => scale(level) * level.alpha),
    sigma: of((level) => scale(level) * level.sigma),
    targetSample: of((level) => prediction.targetSample(level)),
    targetNoise: of((level) => prediction.targetNoise(level)),
    weight: of((level) => weight.of(prediction, level)),
    networkTime: of((level) => prediction.networkTime?.(level) ?? level.networkTime),
  };
}
