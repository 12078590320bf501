import { describe, expect, it } from "vitest";
import { countOps, graphOf, inputsOf, topological } from "./graph.ts";
import { add, exp, input, mul, neg } from "./ops.ts";
import { inScope } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

describe("topological order", () => {
  it("puts inputs before their readers, each node once, and leaves out what no output reaches", () => {
    const x = input("x", [2]);
    const shared = exp(x);
    const unused = neg(shared);
    const y = add(mul(shared, x), shared);
    const order = topological([y, shared]);
    expect(new Set(order).size).toBe(order.length);
    expect(order).not.toContain(unused);
    for (const node of order) {
      for (const source of node.inputs) expect(order.indexOf(source)).toBeLessThan(order.indexOf(node));
    }
  });

  it("walks chains that are deeper than the call stack", () => {
    let y: Tensor = input("x", [1]);
    for (let i = 0; i < 100_000; i++) y = neg(y);
    expect(topological([y]).length).toBe(100_001);
  });
});

describe("inputsOf", () => {
  it("lists the inputs that are read, in order of creation", () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => input(name, [2]));
    expect(inputsOf(graphOf({ y: add(c, a) })).map(({ name }) => name)).toEqual(["a", "c"]);
    expect(inputsOf(graphOf({ y: b })).map(({ name }) => name)).toEqual(["b"]);
  });

  it("refuses two inputs of one name, also of one shape", () => {
    const graph = graphOf({ y: add(input("x", [2]), input("x", [2])) });
    expect(() => inputsOf(graph)).toThrow("two inputs of the graph are called x; give each its own name");
  });

  it("refuses an output with the name of an input", () => {
    const x = input("weights", [2]);
    expect(() => inputsOf(graphOf({ weights: add(x, 1) }))).toThrow(/both an input and an output .* called weights/);
  });
});

it("an output needs a name", () => {
  expect(() => graphOf({ "": input("x", [1]) })).toThrow(/output of the graph has an empty name/);
});

it("countOps counts each op, most frequent first", () => {
  const x = input("x", [2]);
  expect([...countOps(graphOf({ y: exp(exp(neg(x))) }))]).toEqual([
    ["exp", 2],
    ["input", 1],
    ["neg", 1],
  ]);
});

it("tensors know the module path in which they were made", () => {
  const x = inScope("a", () => inScope("", () => inScope("b", () => input("x", [1]))));
  expect(x.scope).toBe("a.b");
  expect(neg(x).scope).toBe("");
});
