import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../runtime/reference/session.ts";
import { buildCase } from "../../runtime/testing/cases.ts";
import { expectClose } from "../../runtime/testing/compare.ts";
import { Draw } from "../../runtime/testing/draw.ts";
import { countOps, graphOf, topological } from "../graph.ts";
import { constant, groupNorm, input } from "../ops.ts";
import { inScope } from "../scope.ts";
import { expandComposed } from "./expand.ts";

describe("expandComposed keeps the values of", () => {
  it.each(["conv", "convKernelGrad", "groupNorm"] as const)("%s", (op) => {
    const property = fc.property(fc.gen(), (generator) => {
      const { graph, feeds, description } = buildCase(op, new Draw(generator));
      const expanded = expandComposed(graph);
      expect(countOps(expanded).has(op)).toBe(false);
      const actual = evaluate(expanded, feeds, "float64").y;
      // The constants of the expansion, such as 1 / count, are rounded to float32.
      expectClose(actual, evaluate(graph, feeds, "float64").y, description, { relative: 1e-5, ofLargest: 1e-6 });
    });
    fc.assert(property, { seed: 20261123, numRuns: 60 });
  });
});

it("an expanded normalisation keeps its digits far from zero", () => {
  // Mean 1000, deviation 1: E[x²] − E[x]² in float32 would lose all of the variance.
  const x = Float32Array.from({ length: 64 }, (_, i) => 1000 + (i % 2 === 0 ? 1 : -1));
  const ones = constant(new Float32Array(4).fill(1));
  const graph = graphOf({ y: groupNorm(input("x", [1, 16, 4]), ones, constant(new Float32Array(4)), 2, 1e-5) });
  const expected = Float64Array.from(x, (value) => (value - 1000) / Math.sqrt(1 + 1e-5));
  expectClose(evaluate(expandComposed(graph), { x }).y, expected, "normalised");
});

it("expanded nodes keep the module path of the op", () => {
  const y = inScope("mid.norm", () => groupNorm(input("x", [1, 2]), input("s", [2]), input("b", [2]), 1, 1e-5));
  const expanded = expandComposed(graphOf({ y }));
  const made = topological(expanded.outputs.values()).filter((node) => node.op !== "input");
  expect(new Set(made.map((node) => node.scope))).toEqual(new Set(["mid.norm"]));
});
