/**
 * What the nodes of a graph cost, before a runtime has rewritten it.
 *
 *   multiply-adds   conv: N · positions · taps · C / groups · O     matmul: rows · K · columns     others: not counted
 *
 * where positions are those of the output, or of the input of a transposed convolution; taps that read padding count.
 *
 *   memory          of float32 and int32 four bytes a number, of bool one; a reshape is its input seen otherwise
 *
 * `written`: all that a part computes, which training must keep for its gradients (an upper bound: some need not be).
 * `peak`: the most that is alive at once while a part is computed node by node, each value freed after its last reader. Weights
 * and constants count in neither. Runtimes come near to it, but for workspaces of their own.
 */
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";

/** Multiply-adds of a node. */
export function multiplyAdds(node: Tensor): number {
  if (node.is("conv")) {
    const { geometry, groups } = node.attributes;
    const [x, w] = node.inputs;
    const positions = sizeOf(geometry.transposed ? geometry.input : geometry.output);
    return x.shape[0] * positions * (sizeOf(w.shape) / groups) * groups;
  }
  if (node.is("matmul")) return sizeOf(node.shape) * node.inputs[0].shape[node.inputs[0].rank - 1];
  return 0;
}

/** Bytes of the values of a tensor. */
export function bytesOf({ shape, dtype }: Pick<Tensor, "shape" | "dtype">): number {
  return sizeOf(shape) * (dtype === "bool" ? 1 : 4);
}

/** The node whose memory a node lives in; undefined for what is no memory of the run: weights and constants. */
export function ownerOf(node: Tensor): Tensor | undefined {
  if (node.is("reshape") || node.is("detach")) return ownerOf(node.inputs[0]);
  return node.is("constant") || isWeight(node) ? undefined : node;
}

/** Inputs of a traced prediction that are no weights have these names. */
const FED = new Set(["sample", "timestep", "class_labels"]);

function isWeight(node: Tensor): boolean {
  return node.is("input") && !FED.has(node.attributes.name);
}

/** Bytes that are alive while each node of `order` is computed, its inputs and its result with them. `kept` live to the end. */
export function bytesAlive(order: readonly Tensor[], kept: Iterable<Tensor>): Map<Tensor, number> {
  const last = new Map<Tensor, number>(); // the last reader of each owner, by position
  order.forEach((node, position) => {
    for (const value of [node, ...node.inputs]) {
      const owner = ownerOf(value);
      if (owner) last.set(owner, position);
    }
  });
  for (const node of kept) {
    const owner = ownerOf(node);
    if (owner) last.set(owner, order.length);
  }
  const freed = new Map<number, number>(); // bytes after each position
  for (const [owner, position] of last) freed.set(position, (freed.get(position) ?? 0) + bytesOf(owner));
  const alive = new Map<Tensor, number>();
  let bytes = 0;
  order.forEach((node, position) => {
    if (ownerOf(node) === node) bytes += bytesOf(node);
    alive.set(node, bytes);
    bytes -= freed.get(position) ?? 0;
  });
  return alive;
}
