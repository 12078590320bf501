import { describe, expect, it } from "vitest";
import { evaluate } from "../../runtime/reference/session.ts";
import { convGeometry } from "../geometry.ts";
import { countOps, type Graph, graphOf } from "../graph.ts";
import { add, conv, detach, exp, input, reshape } from "../ops.ts";
import { dropDetached, foldBiases, mergeReshapes } from "./simplify.ts";

const numbers = (count: number, factor = 1) => Float32Array.from({ length: count }, (_, i) => factor * (i + 1));

describe("mergeReshapes", () => {
  it("makes one reshape of several, and none where the shape comes back", () => {
    const x = input("x", [2, 6]);
    const graph = graphOf({ y: reshape(reshape(exp(x), [3, 4]), [4, 3]), z: exp(reshape(reshape(x, [12]), [2, 6])) });
    const merged = mergeReshapes(graph);
    expect(countOps(merged).get("reshape")).toBe(1);
    const feeds = { x: numbers(12, 0.1) };
    expect(evaluate(merged, feeds)).toEqual(evaluate(graph, feeds));
    for (const [name, tensor] of graph.outputs) expect(merged.outputs.get(name)!.shape).toEqual(tensor.shape);
  });
});

describe("dropDetached", () => {
  it("leaves the value alone", () => {
    const x = input("x", [3]);
    const graph = graphOf({ y: exp(detach(add(x, detach(x)))) });
    const dropped = dropDetached(graph);
    expect(countOps(dropped).has("detach")).toBe(false);
    const feeds = { x: numbers(3, 0.1) };
    expect(evaluate(dropped, feeds)).toEqual(evaluate(graph, feeds));
  });
});

describe("foldBiases", () => {
  const geometry = convGeometry([3, 3], [3, 3], { padding: 1 });
  const product = () => conv(input("x", [1, 3, 3, 2]), input("w", [9, 2, 2]), geometry);
  const inputsOfConv = (graph: Graph) =>
    [...graph.outputs.values()].map((output) => (output.op === "conv" ? output.inputs.length : 0));

  it("makes a bias the third input of its convolution", () => {
    expect(inputsOfConv(foldBiases(graphOf({ y: add(product(), input("b", [2])) })))).toEqual([3]);
  });

  it("leaves a bias of another shape, and a convolution that is read twice", () => {
    expect(inputsOfConv(foldBiases(graphOf({ y: add(product(), input("b", [1])) })))).toEqual([0]);
    const shared = product();
    expect(inputsOfConv(foldBiases(graphOf({ y: add(shared, input("b", [2])), shared })))).toEqual([0, 2]);
  });
});
