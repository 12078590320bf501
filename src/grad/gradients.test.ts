import { describe, expect, it } from "vitest";
import { convGeometry } from "../graph/geometry.ts";
import { countOps, graphOf, topological } from "../graph/graph.ts";
import {
  abs,
  add,
  cast,
  constant,
  conv,
  detach,
  exp,
  groupNorm,
  input,
  max,
  maximum,
  minimum,
  mul,
  relu,
  scalar,
  square,
  sum,
} from "../graph/ops.ts";
import { inScope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { evaluate } from "../runtime/reference/session.ts";
import { gradients } from "./gradients.ts";

const numbersOf = (y: Tensor, feeds: Record<string, number[]> = {}) => [...evaluate(graphOf({ y }), feeds).y];

describe("gradients", () => {
  it("of a tensor that the result does not depend on are zeros of its shape", () => {
    const [x, other] = [input("x", [2]), input("other", [3, 2])];
    const [toX, toOther] = gradients(sum(square(x)), [x, other]);
    expect(numbersOf(toX, { x: [1, 2] })).toEqual([2, 4]);
    expect(toOther.shape).toEqual([3, 2]);
    expect(numbersOf(toOther)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("do not pass integers", () => {
    const x = input("x", [2]);
    const [gradient] = gradients(sum(cast(cast(mul(x, 3), "int32"), "float32")), [x]);
    expect(numbersOf(gradient, { x: [1, 2] })).toEqual([0, 0]);
  });

  it("do not pass a detached tensor", () => {
    const x = input("x", [1]);
    // d/dx (x · sg(x²) + sg(x)) = x², at 3: 9, where the derivative of x³ + x is 28.
    const y = add(mul(x, detach(square(x))), detach(x));
    const [slope] = gradients(sum(y), [x]);
    expect(numbersOf(y, { x: [3] })).toEqual([30]);
    expect(numbersOf(slope, { x: [3] })).toEqual([9]);
    expect(numbersOf(gradients(sum(slope), [x])[0], { x: [3] })).toEqual([0]);
  });

  it("add up over all readers", () => {
    const x = input("x", [1]);
    // d/dx (x·x + 3x + x·e^x) = 2x + 3 + (1 + x) e^x, at 0: 4
    const y = add(add(mul(x, x), mul(x, 3)), mul(x, exp(x)));
    expect(numbersOf(gradients(sum(y), [x])[0], { x: [0] })).toEqual([4]);
  });

  it("are known for intermediate tensors, for the result itself and for a tensor asked for twice", () => {
    const x = input("x", [2]);
    const middle = mul(x, 2);
    const loss = sum(square(middle));
    const [toMiddle, toLoss, again] = gradients(loss, [middle, loss, middle]);
    expect(numbersOf(toMiddle, { x: [1, 2] })).toEqual([4, 8]);
    expect(numbersOf(toLoss)).toEqual([1]);
    expect(again).toBe(toMiddle);
  });

  it("can be taken again and again: the third derivative of x⁴ is 24 x", () => {
    const x = input("x", []);
    let y: Tensor = square(square(x));
    for (let order = 0; order < 3; order++) [y] = gradients(y, [x]);
    expect(numbersOf(y, { x: [2] })).toEqual([48]);
  });

  it("share a tie between both sides, and between all largest elements", () => {
    const [a, b] = [input("a", [3]), input("b", [3])];
    const feeds = { a: [1, 2, 3], b: [1, 3, 2] };
    expect(gradients(sum(maximum(a, b)), [a, b]).map((g) => numbersOf(g, feeds))).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
    expect(gradients(sum(minimum(a, b)), [a, b]).map((g) => numbersOf(g, feeds))).toEqual([
      [0.5, 1, 0],
      [0.5, 0, 1],
    ]);
    const x = input("x", [4]);
    expect(numbersOf(gradients(max(x), [x])[0], { x: [5, 1, 5, 0] })).toEqual([0.5, 0, 0.5, 0]);
  });

  it("of |x| and max(x, 0) are 0 at 0", () => {
    const x = input("x", [3]);
    expect(numbersOf(gradients(sum(abs(x)), [x])[0], { x: [-2, 0, 2] })).toEqual([-1, 0, 1]);
    expect(numbersOf(gradients(sum(relu(x)), [x])[0], { x: [-2, 0, 2] })).toEqual([0, 0, 1]);
  });

  it("of anything but a float scalar are refused", () => {
    expect(() => gradients(input("x", [2, 1]), [])).toThrow(/only a float32 scalar .* not float32 \[2, 1\]; reduce it/);
    expect(() => gradients(scalar(1, "int32"), [])).toThrow(/not int32 \[\]/);
  });

  it("are made in the module path of the op that they belong to", () => {
    const x = input("x", [2]);
    const y = inScope("block.1", () => exp(x));
    expect(gradients(sum(y), [x])[0].scope).toBe("block.1");
  });
});

describe("pruning", () => {
  const geometry = convGeometry([4, 4], [3, 3], { padding: 1 });
  const x = input("x", [1, 4, 4, 2]);
  const w = input("w", [9, 2, 2]);
  const loss = sum(square(conv(groupNorm(x, constant([1, 1]), constant([0, 0]), 1, 1e-5), w, geometry)));
  const opsOf = (...wanted: Tensor[]) => {
    const found = gradients(loss, wanted);
    return countOps(graphOf(Object.fromEntries(found.map((gradient, i) => [`g${i}`, gradient]))));
  };

  it("leaves no kernel gradient where only the input's is wanted", () => {
    expect(opsOf(x).has("convKernelGrad")).toBe(false);
    expect(opsOf(x).get("conv")).toBe(2);
  });

  it("leaves no input gradient where only the kernel's is wanted", () => {
    expect(opsOf(w).get("convKernelGrad")).toBe(1);
    expect(opsOf(w).get("conv")).toBe(1);
    expect(opsOf(w).has("reciprocal")).toBe(false);
  });

  it("does not visit what lies before a wanted intermediate tensor", () => {
    const middle = exp(input("z", [2]));
    const [gradient] = gradients(sum(square(middle)), [middle]);
    const made = topological([gradient]).filter((node) => node.id > middle.id);
    expect(made.every((node) => node.op !== "exp")).toBe(true);
  });
});
