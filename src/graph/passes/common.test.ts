import { describe, expect, it } from "vitest";
import { countOps, graphOf, inputsOf } from "../graph.ts";
import { add, concat, constant, exp, input, layerNorm, mul, neg, randomUniform, scalar, slice, sum } from "../ops.ts";
import type { Tensor } from "../tensor.ts";
import { shareCommon } from "./common.ts";

/** Whether two outputs of one graph become one node. */
function merge(a: Tensor, b: Tensor): boolean {
  const { outputs } = shareCommon(graphOf({ a, b }));
  return outputs.get("a") === outputs.get("b");
}

const x = input("x", [4]);

describe("shareCommon merges", () => {
  it("equal chains down to the inputs", () => {
    const chain = () => sum(exp(add(neg(x), 1)));
    expect(merge(chain(), chain())).toBe(true);
    const counts = countOps(shareCommon(graphOf({ y: add(chain(), chain()) })));
    expect(Object.fromEntries(counts)).toEqual({
      add: 2,
      input: 1,
      neg: 1,
      constant: 1,
      exp: 1,
      reduceSum: 1,
      reshape: 1,
    });
  });

  it("equal small constants, and large ones of the same array", () => {
    expect(merge(constant([1, 2]), constant([1, 2]))).toBe(true);
    const data = new Float32Array(1000);
    expect(merge(constant(data), constant(data))).toBe(true);
    expect(merge(scalar(Number.NaN), scalar(Number.NaN))).toBe(true);
  });

  it("the same attributes", () => {
    expect(merge(slice(x, 0, 1, 3), slice(x, 0, 1, 3))).toBe(true);
    const seed = input("seed", [2], "int32");
    expect(merge(randomUniform(seed, [2], 1), randomUniform(seed, [2], 1))).toBe(true);
  });
});

describe("shareCommon keeps apart", () => {
  const seed = input("seed", [2], "int32");
  const pairs: Record<string, [Tensor, Tensor]> = {
    "the two zeros": [scalar(0), scalar(-0)],
    "neighbouring floats": [scalar(1), scalar(1 + 2 ** -23)],
    "the same numbers in two dtypes": [scalar(1), scalar(1, "int32")],
    "the same numbers in two shapes": [constant([1, 2], [2]), constant([1, 2], [1, 2])],
    "large constants of two arrays": [constant(new Float32Array(1000)), constant(new Float32Array(1000).fill(1))],
    "different slices": [slice(x, 0, 1, 3), slice(x, 0, 0, 2)],
    "different epsilons": [layerNorm(x, 1e-5), layerNorm(x, 1e-6)],
    "different streams of random numbers": [randomUniform(seed, [2], 1), randomUniform(seed, [2], 2)],
    "swapped inputs": [concat([x, neg(x)], 0), concat([neg(x), x], 0)],
    "different ops": [exp(x), neg(x)],
    "one and two readings": [mul(x, x), mul(x, neg(x))],
  };
  it.each(Object.entries(pairs))("%s", (_, [a, b]) => {
    expect(merge(a, b)).toBe(false);
  });

  it("two inputs of one name, so that they are still refused", () => {
    const graph = shareCommon(graphOf({ y: add(input("x", [2]), input("x", [2])) }));
    expect(() => inputsOf(graph)).toThrow(/two inputs/);
  });
});
