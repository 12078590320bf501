import { describe, expect, it } from "vitest";
import { evaluate } from "../runtime/reference/session.ts";
import { graphOf } from "./graph.ts";
import {
  add,
  cast,
  concat,
  constant,
  expand,
  gelu,
  input,
  less,
  max,
  mean,
  pad,
  relu,
  reshape,
  slice,
  split,
  square,
  sub,
  sum,
  transpose,
  transposeLast,
  upsample,
  where,
} from "./ops.ts";
import type { Tensor } from "./tensor.ts";

const numbersOf = (y: Tensor) => [...evaluate(graphOf({ y }), {}, "float64").y];

describe("functions of several nodes", () => {
  it("gelu is x Φ(x), with Φ of the tables of the normal distribution", () => {
    const y = numbersOf(gelu(constant([-1, 0, 1, 2])));
    const phi = [0.15865525393145707, 0.5, 0.8413447460685429, 0.9772498680518208];
    [-1, 0, 1, 2].forEach((x, i) => {
      expect(y[i]).toBeCloseTo(x * phi[i], 6);
    });
  });

  it("relu, square and mean", () => {
    expect(numbersOf(relu(constant([-2, 0, 3])))).toEqual([0, 0, 3]);
    expect(numbersOf(square(constant([-3, 2])))).toEqual([9, 4]);
    expect(numbersOf(mean(constant([1, 2, 3, 6], [2, 2])))).toEqual([3]);
    expect(numbersOf(mean(constant([1, 2, 3, 6], [2, 2]), { axes: [0] }))).toEqual([2, 4]);
  });

  it("reductions take axes from either end, in any order, and keep them on demand", () => {
    const x = constant([1, 2, 3, 4, 5, 6], [1, 2, 3]);
    expect(numbersOf(sum(x, { axes: [-1, 0] }))).toEqual([6, 15]);
    expect(max(x, { axes: [2], keepAxes: true }).shape).toEqual([1, 2, 1]);
    expect(numbersOf(max(x))).toEqual([6]);
    expect(sum(x, { axes: [] })).toBe(x);
  });

  it("split and concat undo each other", () => {
    const x = constant([1, 2, 3, 4, 5, 6], [2, 3]);
    const parts = split(x, 3, -1);
    expect(parts.map(numbersOf)).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(numbersOf(concat(parts, 1))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("reshape infers one extent", () => {
    expect(reshape(input("x", [2, 6]), [3, -1]).shape).toEqual([3, 4]);
  });
});

it("plain numbers take the dtype of the other side", () => {
  expect(add(input("i", [2], "int32"), 1).dtype).toBe("int32");
  expect(sub(1, input("x", [2])).dtype).toBe("float32");
  expect(numbersOf(where(less(1, 2), 5, 6))).toEqual([5]);
});

it("what changes nothing adds no node", () => {
  const x = input("x", [2, 1, 3, 1]);
  expect(reshape(x, x.shape)).toBe(x);
  expect(transpose(x, [0, 1, 2, 3])).toBe(x);
  expect(expand(x, x.shape)).toBe(x);
  expect(slice(x, 2, 0, 3)).toBe(x);
  expect(pad(x, [0, 0, 0, 0], [0, 0, 0, 0])).toBe(x);
  expect(concat([x], 0)).toBe(x);
  expect(cast(x, "float32")).toBe(x);
  expect(upsample(x, 1)).toBe(x);
  expect(transposeLast(x)).not.toBe(x);
});
