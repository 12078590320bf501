/**
 * The oracle: a runtime that evaluates a graph as it stands, node after node. No expansion, no sharing, no reuse of
 * memory; slow, portable, and obviously right. Each op is computed in float64 and its result rounded to its dtype.
 */
import { DeviceError } from "../../core/errors.ts";
import { newArray } from "../../core/shape.ts";
import { type Graph, type GraphInput, inputsOf, topological } from "../../graph/graph.ts";
import type { OpName } from "../../graph/op-types.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { checkFeeds } from "../feeds.ts";
import type { Feeds, Results, Runtime, Session } from "../session.ts";
import { evaluators, type Value } from "./evaluators.ts";

/** `float32` rounds the result of each op, as devices do; `float64` keeps it, so that finite differences are sharp. */
export type Precision = "float32" | "float64";

/** The values of a graph's outputs. `feeds` are taken as they are: `checkFeeds` is the session's. */
export function evaluate(
  graph: Graph,
  feeds: Readonly<Record<string, ArrayLike<number>>>,
  precision: Precision = "float32",
): Record<string, Value> {
  const values = new Map<Tensor, Value>();
  for (const node of topological(graph.outputs.values())) {
    const inputs = node.is("input")
      ? [Float64Array.from(feeds[node.attributes.name])]
      : node.inputs.map((input) => values.get(input)!);
    const value = evaluateNode(node, inputs);
    values.set(node, node.dtype === "float32" && precision === "float32" ? value.map(Math.fround) : value);
  }
  return Object.fromEntries([...graph.outputs].map(([name, output]) => [name, values.get(output)!]));
}

function evaluateNode<K extends OpName>(node: Tensor<K>, inputs: readonly Value[]): Value {
  return evaluators[node.op](node, inputs);
}

/** The reference runtime. Its sessions need no device and hold nothing. */
export function referenceRuntime(): Runtime {
  return { device: "reference", compile: async (graph) => new ReferenceSession(graph) };
}

class ReferenceSession implements Session {
  readonly inputs: readonly GraphInput[];
  readonly #graph: Graph;
  #released = false;

  constructor(graph: Graph) {
    this.inputs = inputsOf(graph);
    this.#graph = graph;
  }

  async run(feeds: Feeds): Promise<Results> {
    if (this.#released) throw new DeviceError("this session was released; compile the graph again");
    checkFeeds(this.inputs, feeds);
    const values = evaluate(this.#graph, feeds);
    const results: Results = {};
    for (const [name, { dtype }] of this.#graph.outputs) {
      const array = newArray(dtype, values[name].length);
      array.set(values[name]);
      results[name] = array;
    }
    return results;
  }

  async release(): Promise<void> {
    this.#released = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
