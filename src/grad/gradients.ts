/**
 * Reverse-mode differentiation: one walk over the graph from the result back, adding nodes that compute the gradients.
 * Only nodes between the wanted tensors and the result are visited.
 */
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { topological } from "../graph/graph.ts";
import type { OpName } from "../graph/op-types.ts";
import { add, constant, expand, scalar } from "../graph/ops.ts";
import { inScope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gradientRules } from "./rules.ts";

/**
 * The gradients of a scalar with respect to each wanted tensor. A tensor that the scalar does not depend on gets
 * zeros. Raises a ShapeError when `result` is not a float32 scalar.
 */
export function gradients(result: Tensor, wanted: readonly Tensor[]): Tensor[] {
  if (result.rank !== 0 || result.dtype !== "float32") {
    throw new ShapeError(
      `only a float32 scalar can be differentiated, not ${result.dtype} ${formatShape(result.shape)}; reduce it first`,
    );
  }
  const order = topological([result]);
  const relevant = new Set<Tensor>(wanted);
  for (const node of order) {
    if (node.inputs.some((input) => relevant.has(input))) relevant.add(node);
  }
  const adjoints = new Map<Tensor, Tensor>([[result, scalar(1)]]);
  for (const node of order.reverse()) {
    const gradient = adjoints.get(node);
    if (!gradient || !relevant.has(node)) continue;
    const contributions = inScope(node.scope, () => gradientsOf(node, gradient));
    for (const [i, contribution] of contributions.entries()) {
      const input = node.inputs[i];
      if (!contribution || !relevant.has(input)) continue;
      const known = adjoints.get(input);
      adjoints.set(input, known ? add(known, contribution) : contribution);
    }
  }
  return wanted.map((tensor) => adjoints.get(tensor) ?? expand(constant([0], []), tensor.shape));
}

function gradientsOf<K extends OpName>(node: Tensor<K>, gradient: Tensor): readonly (Tensor | undefined)[] {
  return gradientRules[node.op](node, gradient);
}
