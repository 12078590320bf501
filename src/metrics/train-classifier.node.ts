/**
 * Trains the classifier that judges digits: Adam on the cross entropy, with a learning rate that rises over the first
 * steps and falls to zero along half a cosine, and images shifted by up to two pixels each way.
 *
 * Everything random is a function of the seed and of an example's place in the stream, so the weights are made again by
 * the same call. The step is one graph: loss, gradients and the update.
 */
import { join } from "node:path";
import { DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { input } from "../graph/ops.ts";
import { makeFolder, writeFileAtomic } from "../io/files.node.ts";
import { encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { SupervisedStep } from "../models/supervised-step.ts";
import { crossEntropy } from "../nn/cross-entropy.ts";
import { Weights } from "../nn/weights.ts";
import { learningRate } from "../optim/schedules.ts";
import type { Runtime } from "../runtime/session.ts";
import { type ClassifierConfig, DIGIT_SIZE, type DigitsClassifier } from "./classifier.ts";

const SHIFT = 2;

export interface ClassifierTrainingOptions {
  classifier: DigitsClassifier;
  /** Labelled images of one channel and 28×28 pixels. */
  data: Dataset;
  runtime: Runtime;
  steps: number;
  /** Images of a step. */
  batch: number;
  /** The highest learning rate. */
  learningRate: number;
  seed: number;
  /** Threads of the session; the number of cores by default. */
  threads?: number;
  /** Called after each step, with the loss of its batch in nats. */
  onStep?: (step: number, loss: number) => void;
}

/** The weights after `steps` steps. Raises a DataError for data without labels. */
export async function trainClassifier(options: ClassifierTrainingOptions): Promise<Weights> {
  const { classifier, data, runtime, steps, batch, seed, threads, onStep } = options;
  if (data.classes === undefined) throw new DataError(`${data.name} has no labels; a classifier is trained on labels`);
  await using training = await SupervisedStep.compile({
    initial: Weights.initial(classifier, seed),
    loss: () => {
      const { logits } = classifier.call(input("images", [batch, 1, DIGIT_SIZE, DIGIT_SIZE]));
      return crossEntropy(logits, input("labels", [batch], "int32"));
    },
    runtime,
    threads,
  });
  const stream = batches(data, { batch, seed, ahead: 1 });
  const schedule = {
    peak: options.learningRate,
    warmup: Math.ceil(steps / 20),
    decay: "cosine",
    final: 0,
  } as const;
  for (let step = 1; step <= steps; step++) {
    const { value } = await stream.next();
    if (!value) break;
    const images = shifted(value.images, (i) => Random.from(seed, "shift", value.position + i));
    onStep?.(step, await training.run({ images, labels: value.labels! }, learningRate(schedule, step, steps)));
  }
  await stream.return();
  return training.weights();
}

/** Images [N, 1, 28, 28], each moved by its own whole number of pixels from -2 to 2 along both axes; black comes in. */
function shifted(images: Float32Array, draws: (position: number) => Random): Float32Array {
  const area = DIGIT_SIZE * DIGIT_SIZE;
  const moved = new Float32Array(images.length).fill(-1);
  for (let n = 0; n * area < images.length; n++) {
    const random = draws(n);
    const down = random.integer(2 * SHIFT + 1) - SHIFT;
    const right = random.integer(2 * SHIFT + 1) - SHIFT;
    const columns = DIGIT_SIZE - Math.abs(right);
    for (let y = Math.max(0, down); y < DIGIT_SIZE + Math.min(0, down); y++) {
      const from = n * area + (y - down) * DIGIT_SIZE + Math.max(0, -right);
      const to = n * area + y * DIGIT_SIZE + Math.max(0, right);
      moved.set(images.subarray(from, from + columns), to);
    }
  }
  return moved;
}

/** Writes config.json and model.safetensors to a folder, which is made where it is missing. */
export async function saveClassifier(folder: string, config: ClassifierConfig, weights: Weights): Promise<void> {
  await makeFolder(folder);
  const tensors = new Map<string, SafetensorsTensor>(
    [...weights.tensors()].map(([name, { shape, data }]) => [name, { dtype: "F32", shape, data }]),
  );
  await writeFileAtomic(join(folder, "model.safetensors"), encodeSafetensors(tensors, { format: "pt" }));
  await writeFileAtomic(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
}
