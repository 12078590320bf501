/**
 * Matrix products in the forms of ONNX Runtime's CPU provider: an operand is read transposed where it lies, and what is
 * added to a product of two matrices is added while the product is written. The runtime would find these forms itself,
 * but opening a session of a training step would take twice as long.
 */
import type { Tensor } from "../graph/tensor.ts";
import { MICROSOFT_DOMAIN } from "./builder.ts";
import type { TargetLowerings } from "./target-lowerings.ts";

export const productLowerings: TargetLowerings = {
  matmul: (layouts, node) => {
    const [a, b] = node.inputs.map(operandOf);
    if (!a.transposed && !b.transposed) return undefined;
    const inputs = [layouts.plain(a.value), layouts.plain(b.value)];
    const attributes = { transA: Number(a.transposed), transB: Number(b.transposed) };
    return layouts.builder.node("FusedMatMul", inputs, attributes, layouts.outputName(node), MICROSOFT_DOMAIN);
  },
  add: (layouts, node) => {
    const found = addedProduct(node);
    if (!found || !layouts.isDeferred(found.product)) return undefined;
    const [a, b] = found.product.inputs.map(operandOf);
    const inputs = [a.value, b.value, found.other].map((value) => layouts.plain(value));
    const attributes = { transA: Number(a.transposed), transB: Number(b.transposed) };
    return layouts.builder.node("Gemm", inputs, attributes, layouts.outputName(node));
  },
};

/** What a product reads: a value, or the value whose last two axes were exchanged for it. */
function operandOf(value: Tensor): { value: Tensor; transposed: boolean } {
  if (!value.is("transpose")) return { value, transposed: false };
  const { permutation } = value.attributes;
  const last = permutation.length - 1;
  const expected = (axis: number) => (axis === last ? last - 1 : axis === last - 1 ? last : axis);
  const transposed = last > 0 && permutation.every((from, axis) => from === expected(axis));
  return { value: transposed ? value.inputs[0] : value, transposed };
}

/** A sum of a product of two matrices and something that fits its rows, its last axis, or all of it. */
function addedProduct({
  inputs: [a, b],
  shape,
}: Tensor<"add">): { product: Tensor<"matmul">; other: Tensor } | undefined {
  const [product, other] = a.is("matmul") ? [a, b] : [b, a];
  const whole = product.rank === 2 && product.shape.every((extent, axis) => extent === shape[axis]);
  return product.is("matmul") && whole && other.rank <= 2 ? { product, other } : undefined;
}

/**
 * Nodes that only exist inside of the one node that reads them, or of the products that do. `readers`: how often each
 * value of the graph is read.
 */
export function deferredProducts(order: readonly Tensor[], readers: ReadonlyMap<Tensor, number>): Set<Tensor> {
  const deferred = new Set<Tensor>();
  const transposedReads = new Map<Tensor, number>();
  for (const node of order) {
    if (node.is("matmul")) {
      for (const input of node.inputs) {
        if (!operandOf(input).transposed) continue;
        const reads = (transposedReads.get(input) ?? 0) + 1;
        transposedReads.set(input, reads);
        if (reads === readers.get(input)) deferred.add(input);
      }
    }
    const added = node.is("add") ? addedProduct(node)?.product : undefined;
    if (added && readers.get(added) === 1) deferred.add(added);
  }
  return deferred;
}
