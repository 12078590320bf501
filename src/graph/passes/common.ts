/**
 * Common-subexpression elimination: nodes of the same op, attributes and inputs become one. Backward passes repeat
 * pieces of the forward pass (normalisation statistics, unfolded inputs); this makes them share.
 */
import type { Graph } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Constants above this many elements are compared by identity. */
const COMPARED_CONSTANT = 64;

export function shareCommon(graph: Graph): Graph {
  const known = new Map<string, Tensor>();
  const identities = new Map<object, number>();
  const identify = (value: object) => {
    let identity = identities.get(value);
    if (identity === undefined) {
      identity = identities.size;
      identities.set(value, identity);
    }
    return identity;
  };
  return rewrite(graph, (node) => {
    if (node.is("input")) return node; // two inputs of one name are an error, which inputsOf reports
    let attributes: string;
    if (node.is("constant")) {
      const { data, shape, dtype } = node.attributes;
      const content = data.length > COMPARED_CONSTANT ? `@${identify(data)}` : Array.from(data, keyOfNumber).join();
      attributes = `${dtype}[${shape}]${content}`;
    } else {
      attributes = JSON.stringify(node.attributes);
    }
    const key = `${node.op}(${node.inputs.map(identify).join()})${attributes}`;
    const same = known.get(key);
    if (same) return same;
    known.set(key, node);
    return node;
  });
}

/** Text that tells apart what `String` does not: the two zeros. */
function keyOfNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
