/**
 * A network that is watched while it predicts: the graph of a prediction with some inner tensors as outputs beside it. What
 * nobody looks at is not computed for it, and predictions are those of `CompiledNetwork`, to rounding.
 *
 * Tested: rows of attention weights sum to 1 and, times the values and projected by hand, give what the layer returns; maps
 * are those of the module called alone.
 */
import { type Shape, sizeOf } from "../../core/shape.ts";
import type { SolverStep } from "../../diffusion/solvers/solver.ts";
import { type Graph, graphOf } from "../../graph/graph.ts";
import type { ImageNetwork } from "../../models/network.ts";
import type { Weights } from "../../nn/weights.ts";
import type { Runtime, Session } from "../../runtime/session.ts";
import { guidedDenoiser } from "../denoiser.ts";
import { checkWhole, conditionOf, type SampleRequest } from "../sample.ts";
import { findPlaces, traceWatched } from "./places.ts";

/** What was seen at a place. */
export interface View {
  /** [N, ...] with the shape of the place. */
  data: Float32Array;
  shape: Shape;
}

/** By the ids of places. */
export type Views = Record<string, View>;

/** The graph of a prediction (see `predictionGraph`) with the tensors at the places `ids` as outputs of those names. */
export function watchedGraph(network: ImageNetwork, weights: Weights, batch: number, ids: readonly string[]): Graph {
  findPlaces(network, ids); // refuses by name
  const { output, seen } = traceWatched(network, weights.constants(), batch);
  return graphOf({ out_sample: output, ...Object.fromEntries(ids.map((id) => [id, seen.get(id)!.tensor])) });
}

export class WatchedNetwork implements AsyncDisposable {
  readonly network: ImageNetwork;
  readonly ids: readonly string[];
  readonly #weights: Weights;
  readonly #runtime: Runtime;
  readonly #onViews?: (views: Views) => void;
  readonly #sessions = new Map<number, Promise<Session>>();

  /** Raises a ConfigError for a place that the network does not have. `onViews` is shown what each `predict` saw. */
  constructor(
    network: ImageNetwork,
    weights: Weights,
    runtime: Runtime,
    ids: readonly string[],
    onViews?: (views: Views) => void,
  ) {
    findPlaces(network, ids);
    this.network = network;
    this.ids = ids;
    this.#weights = weights;
    this.#runtime = runtime;
    this.#onViews = onViews;
  }

  /** As `CompiledNetwork.predict`. */
  async predict(x: Float32Array, time: number, classLabels?: Int32Array): Promise<Float32Array> {
    const batch = x.length / sizeOf(this.network.imageShape);
    const { output, views } = await this.look(x, new Float32Array(batch).fill(time), classLabels);
    this.#onViews?.(views);
    return output;
  }

  /** Predicts for x [N, C, H, W] at `times` [N], and shows what is to be seen on the way. */
  async look(
    x: Float32Array,
    times: Float32Array,
    classLabels?: Int32Array,
  ): Promise<{ output: Float32Array; views: Views }> {
    const batch = times.length;
    let session = this.#sessions.get(batch);
    if (!session) {
      session = this.#runtime.compile(watchedGraph(this.network, this.#weights, batch, this.ids));
      this.#sessions.set(batch, session);
    }
    const feeds = { sample: x, timestep: times, ...(classLabels && { class_labels: classLabels }) };
    const { out_sample, ...inner } = await (await session).run(feeds);
    const places = findPlaces(this.network, this.ids);
    const views = Object.fromEntries(
      places.map(({ id, shape }) => [id, { data: inner[id] as Float32Array, shape: [batch, ...shape] }]),
    );
    return { output: out_sample as Float32Array, views };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}

export interface WatchedStep extends SolverStep {
  /** What the network was shown: x before the step, [N, C, H, W]. */
  before: Float32Array;
  /** What it did with it, for the images of the batch; under guidance, with their condition. */
  views: Views;
}

/**
 * The steps of one batch, as `sampleSteps`, with what is to be seen inside at the places `ids`. Where a solver asks the
 * network several times in a step, the first time is shown, which is at the step's own t.
 */
export async function* watchSteps(request: SampleRequest, ids: readonly string[]): AsyncGenerator<WatchedStep> {
  const { network, weights, runtime, solver, seed, signal, count, initial } = request;
  checkWhole("count", count);
  let views: Views | undefined;
  let before: Float32Array | undefined;
  await using watched = new WatchedNetwork(network, weights, runtime, ids, (all) => {
    views ??= lastRows(all, count);
  });
  const guided = guidedDenoiser(watched, request);
  const denoiser: typeof guided = {
    path: guided.path,
    denoise(x, at, condition) {
      before ??= x.slice();
      return guided.denoise(x, at, condition);
    },
  };
  const shape = [count, ...network.imageShape];
  const condition = conditionOf(request, 0, count);
  for await (const step of solver.sample(denoiser, { shape, seed, condition, signal, initial })) {
    yield { ...step, before: before ?? step.x.slice(), views: views ?? {} };
    request.onStep?.(step.step, step.of);
    [views, before] = [undefined, undefined];
  }
}

/** The last `count` rows of each view: guidance asks for [unconditional; conditional]. Copies. */
function lastRows(views: Views, count: number): Views {
  return Object.fromEntries(
    Object.entries(views).map(([id, { data, shape }]) => {
      const each = data.length / shape[0];
      return [id, { data: data.slice(data.length - count * each), shape: [count, ...shape.slice(1)] }];
    }),
  );
}
