/**
 * The walk that every pass shares: rebuilds a graph bottom-up, with each node replaced by what a rule makes of it.
 */
import { type Graph, topological } from "../graph.ts";
import type { OpName } from "../op-types.ts";
import { Tensor } from "../tensor.ts";

/** The replacement of a node whose inputs have been replaced already; returns the node itself to keep it. */
export type RewriteRule = (node: Tensor) => Tensor;

/** The same node over other inputs. */
export function withInputs<K extends OpName>(node: Tensor<K>, inputs: readonly Tensor[]): Tensor<K> {
  if (inputs.every((input, i) => input === node.inputs[i])) return node;
  return new Tensor(node.op, inputs, node.attributes, node, node.scope);
}

export function rewrite(graph: Graph, rule: RewriteRule): Graph {
  const replaced = new Map<Tensor, Tensor>();
  for (const node of topological(graph.outputs.values())) {
    const inputs = node.inputs.map((input) => replaced.get(input)!);
    replaced.set(node, rule(withInputs(node, inputs)));
  }
  return { outputs: new Map([...graph.outputs].map(([name, output]) => [name, replaced.get(output)!])) };
}
