/**
 * Gradient checkpointing: y = checkpoint(x, ...from) forgets what lies between `from` and x. When its gradient arrives,
 * that part of the graph is copied, and the gradient goes through the copy:
 *
 *   from -> [part] -> x = y        forward, nothing kept but `from`
 *   from + 0 · g[0] -> [copy] -> gradient of `from` and of every parameter that the part reads
 *
 * The nothing that is added ties the copy to the gradient: without it a runtime would see two equal parts and compute one,
 * or compute the copy early and keep it. The copy gives the same numbers to the bit; memory falls to the values between the
 * parts and the inside of one (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
 */
import { topological } from "../graph/graph.ts";
import { add, mul, reshape, slice } from "../graph/ops.ts";
import { withInputs } from "../graph/passes/rewrite.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface Recomputed {
  /** The copied part, inputs before readers; its last node stands for x. */
  order: readonly Tensor[];
  /** Which value each value of the copy stands for: nodes of the part, and those that it begins from. */
  copies: ReadonlyMap<Tensor, Tensor>;
}

/** Copies what leads to a checkpoint, to be computed after `gradient` is known. */
export function recompute(node: Tensor<"checkpoint">, gradient: Tensor): Recomputed {
  const [x, ...from] = node.inputs;
  const nothing = mul(slice(reshape(gradient, [-1]), 0, 0, 1), 0); // [1]
  const copies = new Map<Tensor, Tensor>();
  for (const value of from) {
    if (value.dtype === "float32")
      copies.set(
        value,
        add(
          value,
          reshape(
            nothing,
            value.shape.map(() => 1),
          ),
        ),
      );
  }
  const order: Tensor[] = [];
  for (const part of topological([x])) {
    if (copies.has(part) || !part.inputs.some((input) => copies.has(input))) continue;
    const copy = withInputs(
      part,
      part.inputs.map((input) => copies.get(input) ?? input),
    );
    copies.set(part, copy);
    order.push(copy);
  }
  return { order, copies };
}
