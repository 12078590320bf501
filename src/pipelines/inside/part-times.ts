/**
 * How long each part of a network takes: every part is cut out of the graph of a prediction, compiled alone with its weights
 * as constants, fed normal numbers, and run a few times; the median counts. Each run is a whole call of the runtime, with
 * the copies in and out, and the runtime fuses and shares nothing across parts: their times need not add up to that of the
 * whole.
 *
 * Tested with a runtime that counts: what is cut out gives, fed with what the whole network has there, what the whole has.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { newArray, sizeOf, type TensorArray } from "../../core/shape.ts";
import { didYouMean } from "../../core/suggest.ts";
import { type Graph, graphOf, inputsOf, topological } from "../../graph/graph.ts";
import { input } from "../../graph/ops.ts";
import { withInputs } from "../../graph/passes/rewrite.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ImageNetwork } from "../../models/network.ts";
import type { Weights } from "../../nn/weights.ts";
import type { CompileOptions, Runtime } from "../../runtime/session.ts";
import { checkWhole } from "../sample.ts";
import { isWithin } from "./model-graph.ts";
import { traceWatched, withinPatches } from "./places.ts";

export interface TimesRequest {
  network: ImageNetwork;
  weights: Weights;
  runtime: Runtime;
  /** Paths of parts, as in the tree of `modelGraph`; "" is the whole network. */
  paths: readonly string[];
  /** Images. Default 1. */
  batch?: number;
  /** Timed runs of each part, after three that are not. Default 15. */
  runs?: number;
  options?: CompileOptions;
  signal?: AbortSignal;
  /** Milliseconds; `performance.now` by default. */
  now?: () => number;
}

export interface PartTime {
  path: string;
  /** Median, least and most of the runs, milliseconds. */
  ms: number;
  least: number;
  most: number;
}

/** Runs that are not timed: a runtime sets itself up in them. */
const WARM_RUNS = 3;

/** What was cut out: its graph, and the tensors of the whole that its inputs and outputs stand for, by name. */
export interface Cut {
  graph: Graph;
  inputs: Map<string, Tensor>;
  outputs: Map<string, Tensor>;
}

/** Cuts the nodes that satisfy `inside` out of the graph that reaches `output`. Constants go with who reads them. */
export function cutOut(output: Tensor, inside: (node: Tensor) => boolean): Cut {
  const inputs = new Map<string, Tensor>();
  const outputs = new Map<string, Tensor>();
  const replaced = new Map<Tensor, Tensor>();
  const fed = (tensor: Tensor): Tensor => {
    const known = replaced.get(tensor);
    if (known) return known;
    const name = `in.${inputs.size}`;
    const made = tensor.is("constant") ? tensor : input(name, tensor.shape, tensor.dtype);
    if (made !== tensor) inputs.set(name, tensor);
    replaced.set(tensor, made);
    return made;
  };
  const order = topological([output]);
  for (const node of order) {
    if (inside(node)) replaced.set(node, withInputs(node, node.inputs.map(fed)));
  }
  const readOutside = new Set([output, ...order.flatMap((node) => (inside(node) ? [] : node.inputs))]);
  const results: Record<string, Tensor> = {};
  for (const node of order) {
    if (!inside(node) || !readOutside.has(node)) continue;
    const name = `out.${outputs.size}`;
    outputs.set(name, node);
    results[name] = replaced.get(node)!;
  }
  return { graph: graphOf(results), inputs, outputs };
}

/** The time of each part, one after the other. Raises a ConfigError for a path that the network does not have. */
export async function* partTimes(request: TimesRequest): AsyncGenerator<PartTime> {
  const { network, weights, runtime, paths, batch = 1, runs = 15, options, signal } = request;
  const { now = () => performance.now() } = request;
  checkWhole("batch", batch);
  checkWhole("runs", runs);
  const traced = traceWatched(network, weights.constants(), batch);
  const prefix = withinPatches(network);
  for (const path of paths) {
    signal?.throwIfAborted();
    const { graph } = cutOut(traced.output, (node) =>
      path === "" ? node.op !== "input" && node.op !== "constant" : isWithin(node, prefix + path),
    );
    if (graph.outputs.size === 0) {
      const known = [...traced.seen.keys()];
      throw new ConfigError(`the network has no part ${JSON.stringify(path)}. ${didYouMean(path, known)}`);
    }
    await using session = await runtime.compile(graph, options);
    const feeds = feedsOf(graph);
    for (let run = 0; run < WARM_RUNS; run++) await session.run(feeds);
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      signal?.throwIfAborted();
      const began = now();
      await session.run(feeds);
      times.push(now() - began);
    }
    times.sort((a, b) => a - b);
    yield { path, ms: (times[(runs - 1) >> 1] + times[runs >> 1]) / 2, least: times[0], most: times[runs - 1] };
  }
}

/** Normal numbers for each float input, zeros for labels. */
function feedsOf(graph: Graph): Record<string, TensorArray> {
  return Object.fromEntries(
    inputsOf(graph).map(({ name, shape, dtype }) => {
      const size = sizeOf(shape);
      return [name, dtype === "float32" ? Random.from(0, "times", name).normals(size) : newArray(dtype, size)];
    }),
  );
}
