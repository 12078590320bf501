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
import { recompute } from "./checkpoint.ts";
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
  walkBack(order, relevant, adjoints);
  return wanted.map((tensor) => adjoints.get(tensor) ?? expand(constant([0], []), tensor.shape));
}

/** Passes gradients from each node on to its inputs, the last node first, where they lead to something relevant. */
function walkBack(order: readonly Tensor[], relevant: ReadonlySet<Tensor>, adjoints: Map<Tensor, Tensor>): void {
  for (const node of order.toReversed()) {
    const gradient = adjoints.get(node);
    if (!gradient || !relevant.has(node)) continue;
    inScope(node.scope, () => {
      if (node.is("checkpoint")) {
        throughCheckpoint(node, gradient, relevant, adjoints);
        return;
      }
      for (const [i, contribution] of gradientsOf(node, gradient).entries()) {
        if (contribution && relevant.has(node.inputs[i])) contribute(adjoints, node.inputs[i], contribution);
      }
    });
  }
}

function contribute(adjoints: Map<Tensor, Tensor>, to: Tensor, contribution: Tensor): void {
  const known = adjoints.get(to);
  adjoints.set(to, known ? add(known, contribution) : contribution);
}

/** Walks back through a copy of what leads to a checkpoint. */
function throughCheckpoint(
  node: Tensor<"checkpoint">,
  gradient: Tensor,
  relevant: ReadonlySet<Tensor>,
  adjoints: Map<Tensor, Tensor>,
): void {
  const [x, ...from] = node.inputs;
  const { order, copies } = recompute(node, gradient);
  const copied = copies.get(x);
  if (!copied) {
    contribute(adjoints, x, gradient); // nothing leads there from `from`
    return;
  }
  const inside = new Set(relevant);
  for (const [value, copy] of copies) if (relevant.has(value)) inside.add(copy);
  contribute(adjoints, copied, gradient);
  walkBack(order, inside, adjoints);
  for (const value of new Set(from)) {
    const found = adjoints.get(copies.get(value)!);
    if (found && relevant.has(value)) contribute(adjoints, value, found);
  }
}

function gradientsOf<K extends OpName>(node: Tensor<K>, gradient: Tensor): readonly (Tensor | undefined)[] {
  return gradientRules[node.op](node, gradient);
}
