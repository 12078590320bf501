/**
 * Small rewrites that remove nodes without changing a number: a reshape of a reshape becomes one, a detached
 * value the value itself, and a bias that is
 * added to a convolution becomes its third input, where the runtime adds it while it writes the product.
 */
import { countReaders, type Graph } from "../graph.ts";
import { reshape } from "../ops.ts";
import { inScope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** detach(x) and checkpoint(x, …) → x: they matter to gradients alone, and would be copies. */
export function dropDetached(graph: Graph): Graph {
  return rewrite(graph, (node) => (node.is("detach") || node.is("checkpoint") ? node.inputs[0] : node));
}

/** reshape(reshape(x)) → reshape(x) */
export function mergeReshapes(graph: Graph): Graph {
  return rewrite(graph, (node) => {
    if (!node.is("reshape") || !node.inputs[0].is("reshape")) return node;
    let source: Tensor = node.inputs[0];
    while (source.is("reshape")) source = source.inputs[0];
    return inScope(node.scope, () => reshape(source, node.shape));
  });
}

/** add(conv(x, w), bias [O]) → conv(x, w, bias), where nothing else reads the convolution. */
export function foldBiases(graph: Graph): Graph {
  // `rewrite` hands over rebuilt nodes; a rebuilt convolution is known by its attributes object, which it keeps.
  const foldable = new Set<object>();
  for (const [node, count] of countReaders(graph)) if (node.is("conv") && count === 1) foldable.add(node.attributes);
  return rewrite(graph, (node) => {
    if (!node.is("add")) return node;
    const [product, bias] = node.inputs;
    if (!product.is("conv") || product.inputs.length === 3 || !foldable.has(product.attributes)) return node;
    if (bias.rank !== 1 || bias.shape[0] !== product.shape[product.rank - 1]) return node;
    return new Tensor("conv", [...product.inputs, bias], product.attributes, product, product.scope);
  });
}
