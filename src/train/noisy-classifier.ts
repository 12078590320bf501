/**
 * Training a classifier of noised images and guiding with it: cross entropy of
 *
 *   x_t = (alpha x0 + sigma eps) / sqrt(alpha² + sigma²),     t drawn over the path
 *
 * by AdamW with half a cosine. On variance-preserving paths the divisor is 1; on others it keeps what the classifier sees of
 * unit size. Times and noise are functions of the seed and of an example's place in the stream.
 *
 * Source: Dhariwal and Nichol (2021), §4.1 and appendix H: the noise of the diffusion model's own path, AdamW, learning
 * rate 3e-4, weight decay 0.05.
 */
import { ConfigError, DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Condition } from "../diffusion/denoiser.ts";
import type { ClassifierGradient } from "../diffusion/guidance/classifier.ts";
import type { Level, Path } from "../diffusion/path-contract.ts";
import { type TimeSampler, uniformOver } from "../diffusion/time-sampler.ts";
import { input } from "../graph/ops.ts";
import type { CompiledNoisyClassifier, NoisyClassifier } from "../models/noisy-classifier.ts";
import { SupervisedStep } from "../models/supervised-step.ts";
import { crossEntropy } from "../nn/cross-entropy.ts";
import { Weights } from "../nn/weights.ts";
import { learningRate } from "../optim/schedules.ts";
import type { Runtime } from "../runtime/session.ts";

export interface NoisyClassifierTraining {
  classifier: NoisyClassifier;
  /** Labelled images of the classifier's shape. */
  data: Dataset;
  /** The path of the model that will be guided. */
  path: Path;
  /** How times are drawn. Default: uniform over the path. */
  time?: TimeSampler;
  runtime: Runtime;
  steps: number;
  /** Images of a step. */
  batch: number;
  /** The highest learning rate. Default 3e-4. */
  learningRate?: number;
  /** Default 0.05. */
  weightDecay?: number;
  seed: number;
  /** Threads of the session; the number of cores by default. */
  threads?: number;
  /** Called after each step, with the loss of its batch in nats. */
  onStep?: (step: number, loss: number) => void;
  /** Stops between two steps, with the signal's reason. */
  signal?: AbortSignal;
}

/** The divisor that brings x at a level to unit size. */
const sizeAt = ({ alpha, sigma }: Pick<Level, "alpha" | "sigma">) => Math.hypot(alpha, sigma);

/** Images noised to their levels and of unit size. */
function noisedTo(images: Float32Array, noise: Float32Array, levels: readonly Level[]): Float32Array {
  const size = images.length / levels.length;
  return images.map((value, i) => {
    const level = levels[Math.floor(i / size)];
    return (level.alpha * value + level.sigma * noise[i]) / sizeAt(level);
  });
}

function check(classifier: NoisyClassifier, data: Dataset): void {
  const { imageShape, classes } = classifier.config;
  if (data.classes === undefined) throw new DataError(`${data.name} has no labels; a classifier is trained on labels`);
  const shape = [data.channels, data.height, data.width];
  if (shape.some((value, i) => value !== imageShape[i]) || data.classes.length !== classes) {
    throw new ConfigError(
      `${data.name} has images [${shape.join(", ")}] of ${data.classes.length} classes; the noisy classifier takes ` +
        `[${imageShape.join(", ")}] of ${classes}`,
    );
  }
}

/** The weights after `steps` steps. Raises a DataError for data without labels, a ConfigError for data of another shape. */
export async function trainNoisyClassifier(options: NoisyClassifierTraining): Promise<Weights> {
  const {
    classifier,
    data,
    path,
    time = uniformOver(path),
    runtime,
    steps,
    batch,
    seed,
    threads,
    onStep,
    signal,
  } = options;
  const { learningRate: peak = 3e-4, weightDecay = 0.05 } = options;
  check(classifier, data);
  await using training = await SupervisedStep.compile({
    initial: Weights.initial(classifier, seed),
    loss: () => {
      const sample = input("sample", [batch, ...classifier.config.imageShape]);
      const logits = classifier.call(sample, input("timestep", [batch]));
      return crossEntropy(logits, input("class_labels", [batch], "int32"));
    },
    adam: { weightDecay },
    runtime,
    threads,
  });
  const stream = batches(data, { batch, seed, ahead: 1 });
  try {
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      const { value } = await stream.next();
      if (!value) break;
      const levels = Array.from(time.draw(batch, Random.from(seed, "time", step), path), (t) => path.at(t));
      const noise = Random.from(seed, "noise", step).normals(value.images.length);
      const feeds = {
        sample: noisedTo(value.images, noise, levels),
        timestep: Float32Array.from(levels, ({ networkTime }) => networkTime),
        class_labels: value.labels!,
      };
      const rate = learningRate({ peak, warmup: Math.ceil(steps / 20), decay: "cosine", final: 0 }, step, steps);
      onStep?.(step, await training.run(feeds, rate));
    }
  } finally {
    await stream.return();
  }
  return training.weights();
}

/** The share of examples that a noisy classifier classifies rightly at a time of the path, with noise of the seed. */
export async function noisyAccuracy(
  compiled: CompiledNoisyClassifier,
  data: Dataset,
  path: Path,
  options: { t: number; seed: number; count?: number; batch?: number },
): Promise<number> {
  const { t, seed, count = data.size, batch = Math.min(100, count) } = options;
  check(compiled.classifier, data);
  const level = path.at(t);
  const { classes } = compiled.classifier.config;
  let right = 0;
  let seen = 0;
  for (; seen + batch <= count; seen += batch) {
    const { images, labels } = await data.read(Int32Array.from({ length: batch }, (_, i) => seen + i));
    const noise = Random.from(seed, "noise", seen).normals(images.length);
    const x = noisedTo(images, noise, new Array<Level>(batch).fill(level));
    const logits = await compiled.logits(x, level.networkTime);
    for (let i = 0; i < batch; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      if (row.indexOf(Math.max(...row)) === labels![i]) right++;
    }
  }
  if (seen === 0)
    throw new ConfigError(`noisyAccuracy: a batch of ${batch} is more than the ${count} examples to judge`);
  return right / seen;
}

/** The gradient of log p(y | x) of a noisy classifier, for `classifierGuided`; y is `condition[name]`, by default classLabels. */
export function noisyClassifierGradient(compiled: CompiledNoisyClassifier, name = "classLabels"): ClassifierGradient {
  return async (x: Float32Array, level: Level, condition?: Condition) => {
    const labels = condition?.[name];
    if (!(labels instanceof Int32Array)) {
      throw new ConfigError(`classifier guidance needs a condition with ${name}, an Int32Array of one class an image`);
    }
    const size = sizeAt(level);
    const input = size === 1 ? x : x.map((value) => value / size);
    const gradient = await compiled.gradient(input, level.networkTime, labels);
    return size === 1 ? gradient : gradient.map((value) => value / size);
  };
}
