/**
 * A network ready to predict: traced with its weights as constants, so that the runtime may choose blocked layouts, and
 * compiled once for each batch size that occurs.
 */
import { sizeOf } from "../core/shape.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input } from "../graph/ops.ts";
import { traceWith } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";
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

export class CompiledNetwork implements AsyncDisposable {
  readonly network: ImageNetwork;
  readonly #weights: Weights;
  readonly #runtime: Runtime;
  readonly #options: CompileOptions;
  readonly #sessions = new Map<number, Promise<Session>>();

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
    const feeds: Record<string, Feeds[string]> = { sample: x, timestep: times };
    if (classLabels) feeds.class_labels = classLabels;
    const session = await this.#session(times.length);
    return (await session.run(feeds)).out_sample as Float32Array;
  }

  #session(batch: number): Promise<Session> {
    let session = this.#sessions.get(batch);
    if (!session) {
      session = this.#runtime.compile(predictionGraph(this.network, this.#weights, batch), this.#options);
      this.#sessions.set(batch, session);
    }
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}
