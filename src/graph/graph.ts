/**
 * A graph: named outputs and everything that they reach. Nodes that no output reaches do not exist.
 */
import { ShapeError } from "../core/errors.ts";
import type { DType, Shape } from "../core/shape.ts";
import type { OpName } from "./op-types.ts";
import type { Tensor } from "./tensor.ts";

export interface GraphInput {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Graph {
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** The graph of named outputs. Raises a ShapeError for an empty name. */
export function graphOf(outputs: Readonly<Record<string, Tensor>>): Graph {
  if ("" in outputs) throw new ShapeError("an output of the graph has an empty name");
  return { outputs: new Map(Object.entries(outputs)) };
}

/** Every node that the given tensors reach, inputs before their readers. */
export function topological(outputs: Iterable<Tensor>): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { node: Tensor; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ node: output, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next === top.node.inputs.length) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const child = top.node.inputs[top.next++];
      if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
}

/**
 * The inputs that a graph reads, in order of creation. Raises a ShapeError where two inputs share a name, and where an
 * output has the name of an input: both are values of one model.
 */
export function inputsOf(graph: Graph): GraphInput[] {
  const inputs = new Map<string, Tensor<"input">>();
  for (const node of topological(graph.outputs.values())) {
    if (!node.is("input")) continue;
    const { name } = node.attributes;
    if (inputs.has(name)) throw new ShapeError(`two inputs of the graph are called ${name}; give each its own name`);
    if (graph.outputs.has(name)) {
      throw new ShapeError(`both an input and an output of the graph are called ${name}; give the output another name`);
    }
    inputs.set(name, node);
  }
  return [...inputs.values()].sort((a, b) => a.id - b.id).map((node) => node.attributes);
}

/** How often each value is read, by nodes and as an output. */
export function countReaders(graph: Graph): Map<Tensor, number> {
  const readers = new Map<Tensor, number>();
  const read = (tensor: Tensor) => readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
  for (const node of topological(graph.outputs.values())) node.inputs.forEach(read);
  for (const output of graph.outputs.values()) read(output);
  return readers;
}

/** How often each op occurs, most frequent first. */
export function countOps(graph: Graph): Map<OpName, number> {
  const counts = new Map<OpName, number>();
  for (const node of topological(graph.outputs.values())) counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}
