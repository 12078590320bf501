/**
 * A network ready to predict: traced with its weights as constants, so that the runtime may choose blocked layouts, and
 * compiled once for each batch size that occurs.
 *
 * A large batch is cut into parts of a few images, which threads of one core each work through: what a part needs stays in
 * the caches of its core, and no thread waits for another within a layer (docs/decisions/0003-replicas.md).
 */
import { sizeOf } from "../core/shape.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input } from "../graph/ops.ts";
import { traceWith } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";
import { compileAll } from "../runtime/compile-all.ts";
import type { CompileOptions, Feeds, Runtime, Session } from "../runtime/session.ts";
import type { ImageNetwork } from "./network.ts";

/** The graph of a prediction: `sample` [N, C, H, W], `timestep` [N] (and `class_labels` int32 [N]) → `out_sample`. */
export function predictionGraph(network: ImageNetwork, weights: Weights, batch: number): Graph {
  const sample = input("sample", [batch, ...network.imageShape]);
  const time = input("timestep", [batch]);
  const classLabels = network.classes === undefined ? undefined : input("class_labels", [batch], "int32");
  const output = traceWith({ parameters: weights.constants() }, () => network.call({ sample, time, classLabels }));
  return graphOf({ out_sample: output });
}

/** Numbers of a part's images: 16 digits of 28 × 28, or 4 pictures of 32 × 32 × 3. */
const PART_NUMBERS = 12_288;

/** How a batch is worked through: parts of `size` images, by `replicas` sessions at once. */
export interface PartPlan {
  size: number;
  replicas: number;
}

/** The parts of a batch for `threads` threads: one part, and all threads on it, where there is not a part for each thread. */
export function partsFor(batch: number, imageSize: number, threads: number): PartPlan {
  const size = Math.ceil(PART_NUMBERS / imageSize);
  return threads > 1 && batch >= size * threads ? { size, replicas: threads } : { size: batch, replicas: 1 };
}

export class CompiledNetwork implements AsyncDisposable {
  readonly network: ImageNetwork;
  readonly #weights: Weights;
  readonly #runtime: Runtime;
  readonly #options: CompileOptions;
  /** The sessions of each plan that occurs. */
  readonly #sessions = new Map<string, Promise<Session[]>>();

  constructor(network: ImageNetwork, weights: Weights, runtime: Runtime, options: CompileOptions = {}) {
    this.network = network;
    this.#weights = weights;
    this.#runtime = runtime;
    this.#options = options;
  }

  /**
   * Predicts for images x, flat [N, C, H, W], all at one time; `classLabels` int32 [N] for class-conditional networks.
   * Returns flat [N, outputChannels, H, W].
   */
  predict(x: Float32Array, time: number, classLabels?: Int32Array): Promise<Float32Array> {
    const batch = x.length / sizeOf(this.network.imageShape);
    return this.predictAt(x, new Float32Array(batch).fill(time), classLabels);
  }

  /** As `predict`, with a time for each image: `times` [N]. */
  async predictAt(x: Float32Array, times: Float32Array, classLabels?: Int32Array): Promise<Float32Array> {
    const batch = times.length;
    const { size, replicas } = this.#plan(batch);
    const sessions = await this.#open(size, replicas);
    const feeds = { sample: x, timestep: times, ...(classLabels && { class_labels: classLabels }) };
    if (size === batch) return (await sessions[0].run(feeds)).out_sample as Float32Array;
    const { imageShape, outputChannels } = this.network;
    const output = new Float32Array((x.length / imageShape[0]) * outputChannels);
    const each = output.length / batch;
    // A last part that is not whole begins earlier: its first images are predicted twice.
    const starts = Array.from({ length: Math.ceil(batch / size) }, (_, part) => Math.min(part * size, batch - size));
    await Promise.all(
      sessions.map(async (session, first) => {
        for (let part = first; part < starts.length; part += replicas) {
          const { out_sample } = await session.run(cut(feeds, batch, starts[part], size));
          output.set(out_sample as Float32Array, starts[part] * each);
        }
      }),
    );
    return output;
  }

  #plan(batch: number): PartPlan {
    const threads = Math.min(this.#runtime.threads ?? 1, this.#options.threads ?? Number.POSITIVE_INFINITY);
    return partsFor(batch, sizeOf(this.network.imageShape), threads);
  }

  #open(size: number, replicas: number): Promise<Session[]> {
    const key = `${size} ${replicas}`;
    let sessions = this.#sessions.get(key);
    if (!sessions) {
      const graph = predictionGraph(this.network, this.#weights, size);
      const options = replicas === 1 ? this.#options : { ...this.#options, threads: 1, ownThread: true };
      sessions = compileAll(Array.from({ length: replicas }, () => this.#runtime.compile(graph, options)));
      this.#sessions.set(key, sessions);
    }
    return sessions;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sessions of this.#sessions.values()) {
      for (const session of await sessions) await session.release();
    }
    this.#sessions.clear();
  }
}

/** The feeds of `size` images from `start`, copied, since a thread is sent the whole memory of an array. */
function cut(feeds: Feeds, batch: number, start: number, size: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => {
      const each = values.length / batch;
      return [name, values.slice(start * each, (start + size) * each)];
    }),
  );
}
