/**
 * Small rewrites that remove nodes without changing a number: a reshape of a reshape, and a bias that is added after a
 * reshape instead of before it (next to its matmul, where runtimes fold it into the product).
 */
import { sameShape } from "../../core/shape.ts";
import type { Graph } from "../graph.ts";
import { add, reshape } from "../ops.ts";
import { inScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

export function simplify(graph: Graph): Graph {
  return rewrite(graph, (node) => inScope(node.scope, () => mergeReshapes(biasBeforeReshape(node))));
}

/** reshape(reshape(x)) → reshape(x) */
function mergeReshapes(node: Tensor): Tensor {
  if (!node.is("reshape")) return node;
  let [source] = node.inputs;
  while (source.is("reshape")) source = source.inputs[0];
  return sameShape(source.shape, node.shape) || source !== node.inputs[0] ? reshape(source, node.shape) : node;
}

/** add(reshape(matmul), bias [C]) → reshape(add(matmul, bias)) where the last axis is the same. */
function biasBeforeReshape(node: Tensor): Tensor {
  if (!node.is("add")) return node;
  const [moved, bias] = node.inputs;
  if (!moved.is("reshape") || bias.rank !== 1) return node;
  const [product] = moved.inputs;
  const channels = bias.shape[0];
  const keepsChannels = product.shape.at(-1) === channels && moved.shape.at(-1) === channels;
  return product.is("matmul") && keepsChannels ? reshape(add(product, bias), moved.shape) : node;
}
