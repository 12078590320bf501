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
import { gradients } from "../grad/gradients.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input, reshape, slice } from "../graph/ops.ts";
import { makeFolder, writeFileAtomic } from "../io/files.node.ts";
import { encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { traceWith } from "../nn/module.ts";
import { type SlabLayout, Weights } from "../nn/weights.ts";
import { adamScalars, adamUpdate } from "../optim/adam.ts";
import { learningRate } from "../optim/schedules.ts";
import type { Feeds, Runtime } from "../runtime/session.ts";
import { type ClassifierConfig, DIGIT_SIZE, type DigitsClassifier } from "./classifier.ts";
import { crossEntropy } from "./cross-entropy.ts";

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
  const initial = Weights.initial(classifier, seed);
  const { layout } = initial;
  const state: Record<string, Float32Array> = {};
  for (const [slab, values] of initial.slabs.entries()) {
    state[`parameters.${slab}`] = values;
    state[`first.${slab}`] = new Float32Array(values.length);
    state[`second.${slab}`] = new Float32Array(values.length);
  }

  await using session = await runtime.compile(stepGraph(classifier, layout, batch), { threads });
  const stream = batches(data, { batch, seed, ahead: 1 });
  for (let step = 1; step <= steps; step++) {
    const { value } = await stream.next();
    if (!value) break;
    const { stepSize, epsilon } = adamScalars(
      step,
      learningRate(
        { peak: options.learningRate, warmup: Math.ceil(steps / 20), decay: "cosine", final: 0 },
        step,
        steps,
      ),
      {},
    );
    const feeds: Feeds = {
      ...state,
      images: shifted(value.images, (i) => Random.from(seed, "shift", value.position + i)),
      labels: value.labels!,
      scalars: Float32Array.of(stepSize, epsilon),
    };
    const results = await session.run(feeds);
    for (const name of Object.keys(state)) state[name] = results[`next.${name}`] as Float32Array;
    onStep?.(step, results.loss[0]);
  }
  await stream.return();
  return new Weights(
    layout,
    layout.lengths.map((_, slab) => state[`parameters.${slab}`]),
  );
}

/** Loss, gradients and Adam of one batch; state tensors come back under their names, prefixed by `next.`. */
function stepGraph(classifier: DigitsClassifier, layout: SlabLayout, batch: number): Graph {
  const images = input("images", [batch, 1, DIGIT_SIZE, DIGIT_SIZE]);
  const labels = input("labels", [batch], "int32");
  const numbers = input("scalars", [2]);
  const [stepSize, epsilon, keep] = [0, 1, 1].map((at) => reshape(slice(numbers, 0, at, at + 1), []));
  const parameters = layout.inputs("parameters");
  const first = layout.inputs("first");
  const second = layout.inputs("second");

  const cut = layout.cut(parameters);
  const { logits } = traceWith({ parameters: cut }, () => classifier.call(images));
  const loss = crossEntropy(logits, labels);
  const wanted = layout.entries.map(({ parameter }) => cut.get(parameter)!);
  const outputs: Record<string, typeof loss> = { loss };
  for (const [slab, gradient] of layout.join(gradients(loss, wanted)).entries()) {
    const before = { parameters: parameters[slab], first: first[slab], second: second[slab] };
    const next = adamUpdate(before, gradient, { stepSize, epsilon, keep }, {});
    outputs[`next.parameters.${slab}`] = next.parameters;
    outputs[`next.first.${slab}`] = next.first;
    outputs[`next.second.${slab}`] = next.second;
  }
  return graphOf(outputs);
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
