import { describe, expect, it } from "vitest";
import { evaluate } from "../../runtime/reference/session.ts";
import { countOps, type Graph, graphOf } from "../graph.ts";
import { add, exp, input, matmul, reshape } from "../ops.ts";
import { simplify } from "./simplify.ts";

const numbers = (count: number, factor = 1) => Float32Array.from({ length: count }, (_, i) => factor * (i + 1));

function expectSame(graph: Graph, feeds: Record<string, Float32Array>): Graph {
  const simplified = simplify(graph);
  expect(evaluate(simplified, feeds)).toEqual(evaluate(graph, feeds));
  for (const [name, tensor] of graph.outputs) expect(simplified.outputs.get(name)!.shape).toEqual(tensor.shape);
  return simplified;
}

describe("simplify", () => {
  it("makes one reshape of several, and none where the shape comes back", () => {
    const x = input("x", [2, 6]);
    const graph = graphOf({ y: reshape(reshape(exp(x), [3, 4]), [4, 3]), z: exp(reshape(reshape(x, [12]), [2, 6])) });
    const counts = countOps(expectSame(graph, { x: numbers(12, 0.1) }));
    expect(counts.get("reshape")).toBe(1);
  });

  it("adds a bias next to its product", () => {
    const product = matmul(input("x", [4, 3]), input("w", [3, 2]));
    const graph = graphOf({ y: add(reshape(product, [2, 2, 2]), input("b", [2])) });
    const simplified = expectSame(graph, { x: numbers(12), w: numbers(6), b: numbers(2, 100) });
    expect(simplified.outputs.get("y")!.op).toBe("reshape");
  });

  it("leaves a bias that fits the reshaped axis only", () => {
    const product = matmul(input("x", [4, 3]), input("w", [3, 2]));
    expectSame(graphOf({ y: add(reshape(product, [2, 4]), input("b", [4])) }), {
      x: numbers(12),
      w: numbers(6),
      b: numbers(4, 100),
    });
    expectSame(graphOf({ y: add(reshape(matmul(input("x", [4, 3]), input("w", [3, 1])), [2, 2]), input("b", [1])) }), {
      x: numbers(12),
      w: numbers(3),
      b: numbers(1, 100),
    });
  });
});
