/**
 * What the losses share whose target is a picture that the host computed: a student at x and t is shown what its sample
 * should be, x̃, in the terms of what it predicts,
 *
 *   loss = w(t) · mean over pixels of (network(x, t) - (targetSample x̃ + targetNoise ε̃))²,   ε̃ = (x - alpha x̃) / sigma
 *
 * so that every weighting of the table is a weighting of |x̃ - x̂|² here too: "truncatedSnr" is max(SNR, 1), and
 * "simple" with v is SNR + 1.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition } from "../../diffusion/denoiser.ts";
import type { BatchDenoiser } from "../../diffusion/distillation/batch-denoiser.ts";
import { mixEach, scaledEach } from "../../diffusion/distillation/batch-denoiser.ts";
import type { Objective } from "../../diffusion/objective.ts";
import type { Level, Path } from "../../diffusion/path-contract.ts";
import { type Prediction, recovery } from "../../diffusion/prediction.ts";
import { mul } from "../../graph/ops.ts";
import type { Loss, LossStep } from "./loss.ts";
import { squaredErrors } from "./simple.ts";

/** The graph: feeds `x` (scaled as the network is fed it), `target`, `weight` and `time`. */
export const matchingGraph: Pick<Loss, "outputs" | "feeds" | "graph"> = {
  outputs: 1,
  feeds: (image) => ({ x: image, target: image, weight: [], time: [] }),
  graph: ({ feeds, call }) => {
    const errors = squaredErrors(call(feeds.x, feeds.time), feeds.target);
    return { errors, losses: mul(errors, feeds.weight) };
  },
};

/** The feeds of `matchingGraph`: the student is at `x`, image n at `levels[n]`, and its sample should be `sample`. */
export function matchingFeeds(
  { prediction, weight }: Pick<Objective, "prediction" | "weight">,
  levels: readonly Level[],
  x: Float32Array,
  sample: Float32Array,
): Record<"x" | "target" | "weight" | "time", Float32Array> {
  const column = (of: (level: Level) => number) => levels.map(of);
  // targetSample x̃ + targetNoise (x - alpha x̃) / sigma
  const ofNoise = column((level) => prediction.targetNoise(level) / level.sigma);
  const ofSample = levels.map((level, n) => prediction.targetSample(level) - level.alpha * ofNoise[n]);
  return {
    x: scaledEach(
      x,
      column((level) => prediction.inputScale?.(level) ?? 1),
    ),
    target: mixEach(ofSample, sample, ofNoise, x),
    weight: Float32Array.from(levels, (level) => weight.of(prediction, level)),
    time: timesOf(prediction, levels),
  };
}

/** What the network is fed as time. */
export function timesOf(prediction: Prediction, levels: readonly Level[]): Float32Array {
  return Float32Array.from(levels, (level) => prediction.networkTime?.(level) ?? level.networkTime);
}

/** Images and noise of a step, each at its own level. */
export function noisedEach({ images, noise }: Pick<LossStep, "images" | "noise">, levels: readonly Level[]) {
  return mixEach(
    levels.map(({ alpha }) => alpha),
    images,
    levels.map(({ sigma }) => sigma),
    noise,
  );
}

export const conditionOf = ({ classLabels }: Pick<LossStep, "classLabels">): Condition | undefined =>
  classLabels && { classLabels };

/** An error of the network may become at most this much larger in the sample at the noise end. */
const MOST_GAIN = 50;

/**
 * Few steps begin at the noise end, so what is predicted must tell the sample there. Raises a ConfigError for a
 * prediction that does not, such as noise where there are hardly any data.
 */
export function checkTellsSample(loss: string, prediction: Prediction, path: Path): void {
  const level = path.at(path.span[1]);
  let gain = Number.POSITIVE_INFINITY;
  try {
    gain = Math.abs(recovery(prediction, level).sampleFromOutput);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  if (gain <= MOST_GAIN) return;
  throw new ConfigError(
    `the loss ${loss} trains steps from pure noise, where a network that predicts ${prediction.name} hardly tells the ` +
      `sample (on ${path.name}, alpha is ${level.alpha} there); predict v, flow or sample`,
  );
}

/** The teacher of a loss, on the student's path. Raises a ConfigError where it is missing, or on another path. */
export function teacherFor(loss: string, path: Path, teacher: BatchDenoiser | undefined): BatchDenoiser {
  if (teacher === undefined) {
    throw new ConfigError(
      `the loss ${loss} needs a teacher: train({ teacher }), or langevin train … --teacher runs/<name>`,
    );
  }
  const [own, given] = [path, teacher.path].map((one) => JSON.stringify(one.toJSON()));
  if (own === given) return teacher;
  throw new ConfigError(
    `the teacher's path is ${given}, the student's ${own}; for the loss ${loss} they must be one: change the objective's path`,
  );
}
