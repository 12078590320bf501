/**
 * Forms of ONNX Runtime's CPU provider: a matrix product reads an operand transposed where it lies, what is added to a
 * product with one matrix is added while the product is written, and x · sigmoid(x) is one pass. The runtime would find
 * most of these forms itself, but opening a session of a training step would take twice as long.
 */
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { MICROSOFT_DOMAIN, type OnnxBuilder } from "./builder.ts";
import type { Layouts } from "./layouts.ts";
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
    return lowerAddedProduct(layouts, node, found);
  },
};

export const siluLowerings: TargetLowerings = {
  silu: (layouts, node) => lowerSilu(layouts.builder, layouts.plain(node.inputs[0]), layouts.outputName(node)),
};

/** x · sigmoid(1 x) */
export function lowerSilu(builder: OnnxBuilder, x: string, output?: string): string {
  return builder.node("QuickGelu", [x], { alpha: { float: 1 } }, output, MICROSOFT_DOMAIN);
}

interface AddedProduct {
  product: Tensor<"matmul">;
  other: Tensor;
}

/** A product with one matrix and what is added to it, as of two matrices: the axes before the last are rows. */
function lowerAddedProduct(layouts: Layouts, node: Tensor<"add">, { product, other }: AddedProduct): string {
  const { builder } = layouts;
  const [a, b] = product.inputs.map(operandOf);
  const columns = node.shape[node.rank - 1];
  const flat = (value: Tensor, width: number) => {
    const name = layouts.plain(value);
    return value.rank <= 2 ? name : builder.reshape(name, [sizeOf(value.shape) / width, width]);
  };
  const inputs = [flat(a.value, a.value.shape[a.value.rank - 1]), layouts.plain(b.value), flat(other, columns)];
  const attributes = { transA: Number(a.transposed), transB: Number(b.transposed) };
  if (node.rank === 2) return builder.node("Gemm", inputs, attributes, layouts.outputName(node));
  return builder.reshape(builder.node("Gemm", inputs, attributes), node.shape, layouts.outputName(node));
}

/** What a product reads: a value, or the value whose last two axes were exchanged for it. */
function operandOf(value: Tensor): { value: Tensor; transposed: boolean } {
  if (!value.is("transpose")) return { value, transposed: false };
  const { permutation } = value.attributes;
  const last = permutation.length - 1;
  const expected = (axis: number) => (axis === last ? last - 1 : axis === last - 1 ? last : axis);
  const transposed = last > 0 && permutation.every((from, axis) => from === expected(axis));
  return { value: transposed ? value.inputs[0] : value, transposed };
}

/** A sum of a product with one matrix and something that fits the last axis of it, or all of it. */
function addedProduct({ inputs: [a, b], shape }: Tensor<"add">): AddedProduct | undefined {
  const [product, other] = a.is("matmul") ? [a, b] : [b, a];
  if (!product.is("matmul") || product.inputs[1].rank !== 2) return undefined;
  if (product.rank > 2 && operandOf(product.inputs[0]).transposed) return undefined; // its rows do not lie in a row
  const same = (of: Tensor) => of.rank === shape.length && of.shape.every((extent, axis) => extent === shape[axis]);
  const byColumn = other.rank === 1 && other.shape[0] === shape[shape.length - 1];
  return same(product) && (byColumn || same(other)) ? { product, other } : undefined;
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
