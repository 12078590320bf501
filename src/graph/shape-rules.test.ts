import { describe, expect, it } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { convGeometry } from "./geometry.ts";
import {
  add,
  concat,
  constant,
  conv,
  convKernelGrad,
  div,
  expand,
  fold,
  gather,
  groupNorm,
  input,
  layerNorm,
  matmul,
  max,
  mul,
  pad,
  randomUniform,
  reshape,
  scalar,
  scatterAdd,
  slice,
  softmax,
  split,
  sum,
  transpose,
  unfold,
  upsample,
  where,
} from "./ops.ts";
import { inScope } from "./scope.ts";
import { emit, type Tensor } from "./tensor.ts";

const float = (...shape: number[]) => input("x", shape);
const int = (...shape: number[]) => input("i", shape, "int32");
const bool = (...shape: number[]) => input("b", shape, "bool");
const geometry = convGeometry([5, 5], [3, 3], { padding: 1 });

describe("a shape error", () => {
  it("names the module path, the op, the shapes and what does not fit", () => {
    const trace = () => inScope("down_blocks.0", () => inScope("conv1", () => add(float(2, 3), float(4, 3))));
    expect(trace).toThrow(ShapeError);
    expect(trace).toThrow(
      "in down_blocks.0.conv1: add(float32 [2, 3], float32 [4, 3]): shapes [2, 3] and [4, 3] do not broadcast together",
    );
  });

  it("has no path outside of modules, also after a module failed", () => {
    expect(() => inScope("block", () => add(float(2), float(3)))).toThrow(/^in block: /);
    expect(() => add(float(2), float(3))).toThrow(/^add\(float32 \[2\], float32 \[3\]\)/);
  });

  it("names path, op and shapes for axes that are not there", () => {
    for (const trace of [() => sum(float(2, 3), { axes: [2] }), () => max(float(2, 3), { axes: [-3] })]) {
      expect(() => inScope("head", trace)).toThrow(
        /^in head: reduce(Sum|Max)\(float32 \[2, 3\]\): axis -?\d is out of/,
      );
    }
    expect(() => inScope("head", () => slice(float(2), 1, 0, 1))).toThrow("in head: slice(float32 [2]): axis 1");
    expect(() => inScope("head", () => concat([float(2), float(2)], 1))).toThrow(/^in head: concat\(.*axis 1/);
  });

  const bad: Record<string, [() => Tensor | Tensor[], RegExp]> = {
    "mixed dtypes": [() => add(float(2), int(2)), /dtypes differ: float32 and int32/],
    "a dtype without a kernel": [() => div(int(2), int(2)), /expects float32, not int32/],
    "a function of integers": [() => softmax(int(2)), /expects float32, not int32/],
    "a condition of floats": [() => where(float(2), 1, 0), /condition must be bool, not float32/],
    "a reshape that does not fit": [() => reshape(float(2, 3), [4]), /6 elements do not fill \[4\]/],
    "an extent inferred as a fraction": [() => reshape(float(10), [-1, 4]), /\[2\.5, 4\]; every extent must be a pos/],
    "an empty axis": [() => input("x", [2, 0]), /\[2, 0\]; every extent must be a positive integer/],
    "a negative axis": [() => reshape(float(4), [-2, -2]), /every extent must be a positive integer/],
    "no permutation": [() => transpose(float(2, 3), [0, 0]), /\[0, 0\] is no order of 2 axes/],
    "an expansion to fewer elements": [() => expand(float(4), [1]), /does not broadcast to \[1\]/],
    "an empty slice": [() => slice(float(4), 0, 2, 2), /cannot cut from \[2\] to \[2\]/],
    "a slice past the end": [() => slice(float(4), 0, 2, 5), /cannot cut from \[2\] to \[5\]/],
    "parts that do not divide": [() => split(float(4, 3), 2, 1), /cannot split axis 1 of \[4, 3\] into 2/],
    "negative padding": [() => pad(float(4), [-1], [0]), /cannot pad by \[-1\] and \[0\]/],
    "padding of another rank": [() => pad(float(4), [1, 1], [0, 0]), /cannot pad by \[1, 1\]/],
    "concatenation of unequal sides": [() => concat([float(2, 3), float(2, 4)], 0), /axes than 0 must agree/],
    "concatenation of two dtypes": [() => concat([float(2), int(2)], 0), /must agree/],
    "concatenation of nothing": [() => concat([], 0), /at least one tensor/],
    "an axis reduced twice": [() => sum(float(2, 3), { axes: [0, 0] }), /\[0, 0\] must be increasing/],
    "float indices": [() => gather(float(3), float(1)), /indices must be int32, not float32/],
    "a table without rows": [() => gather(input("t", []), int(1)), /table needs at least one axis/],
    "updates of another shape": [() => scatterAdd(int(3), float(2, 3), 4), /must begin with the shape of the indices/],
    "no rows": [() => scatterAdd(int(3), float(3), 0), /every extent must be a positive integer/],
    "inner extents": [() => matmul(float(2, 3), float(2, 3)), /inner extents differ: 3 and 2/],
    "a vector in a product": [() => matmul(float(3), float(3, 2)), /both sides need at least two axes/],
    "other batch axes": [() => matmul(float(2, 3, 4), float(3, 4, 5)), /same batch axes as the left/],
    "another image size": [() => conv(float(1, 4, 5, 2), float(9, 2, 2), geometry), /extents \[5, 5\], not \[4, 5\]/],
    "another kernel size": [() => conv(float(1, 5, 5, 2), float(4, 2, 2), geometry), /kernel must be \[9, C \/ groups/],
    "other channels": [() => conv(float(1, 5, 5, 2), float(9, 3, 2), geometry), /has 2 channels, the kernel takes 3/],
    "groups that do not divide": [() => convKernelGrad(float(1, 5, 5, 4), float(1, 5, 5, 3), geometry, 2), /2 groups/],
    "a negative number of groups": [
      () => convKernelGrad(float(1, 5, 5, 4), float(1, 5, 5, 4), geometry, -2),
      /every extent must be a positive integer/,
    ],
    "another batch": [() => convKernelGrad(float(1, 5, 5, 2), float(2, 5, 5, 2), geometry), /batches differ/],
    "an image without channels": [() => unfold(float(5, 5), geometry), /must have the spatial extents \[5, 5\]/],
    "columns of another count": [() => fold(float(1, 24, 9), geometry), /must be \[N, 25, 9 · C\], not \[1, 24, 9\]/],
    "a fractional factor": [() => upsample(float(1, 2, 2, 1), 1.5), /positive integer, not 1.5/],
    "an image without space": [() => upsample(float(1, 2), 2), /spatial axes/],
    "groups of a normalisation": [
      () => groupNorm(float(1, 3), float(3), float(3), 2, 1e-5),
      /2 groups do not divide 3/,
    ],
    "scales of a normalisation": [() => groupNorm(float(1, 4), float(3), float(4), 2, 1e-5), /shift must be \[4\]/],
    "softmax of a scalar": [() => softmax(float()), /at least one axis/],
    "a normalised scalar": [() => layerNorm(float(), 1e-5), /at least one axis/],
    "a seed of another shape": [() => randomUniform(int(3), [2], 0), /seed must be int32 \[2\]/],
    "too few numbers": [() => constant([1, 2], [3]), /2 numbers do not fill the shape \[3\]/],
    "data of another dtype": [
      () => constant(Int32Array.of(1), [1]),
      /float32 constant must be a Float32Array, not a Int/,
    ],
    "a fraction among integers": [() => scalar(0.5, "int32"), /0\.5 is no int32 number/],
    "a fraction added to integers": [() => add(int(2), 0.5), /0\.5 is no int32 number/],
    "an input without a name": [() => input("", [2]), /needs a name/],
    "bools that are added": [() => add(bool(2), bool(2)), /expects float32 or int32, not bool/],
  };
  it.each(Object.entries(bad))("is raised for %s", (_, [trace, message]) => {
    expect(trace).toThrow(ShapeError);
    expect(trace).toThrow(message);
    expect(() => inScope("path.to.module", trace)).toThrow(/^in path\.to\.module: /);
  });
});

describe("results have the shape and dtype", () => {
  const good: [string, Tensor, number[], string][] = [
    ["add", add(float(3, 1), float(2, 1, 4)), [2, 3, 4], "float32"],
    ["mul of integers", mul(int(3), 2), [3], "int32"],
    ["less", emit("less", [float(2, 1), float(3)], {}), [2, 3], "bool"],
    ["where", where(bool(3, 1), float(4), 0), [3, 4], "float32"],
    ["sum", sum(float(2, 3, 4), { axes: [0, -1] }), [3], "float32"],
    ["sum keeping axes", sum(float(2, 3, 4), { axes: [1], keepAxes: true }), [2, 1, 4], "float32"],
    ["gather", gather(float(7, 2, 3), int(4, 5)), [4, 5, 2, 3], "float32"],
    ["gather of one row", gather(float(7, 2), input("i", [], "int32")), [2], "float32"],
    ["scatterAdd", scatterAdd(int(4, 5), float(4, 5, 3), 7), [7, 3], "float32"],
    ["matmul", matmul(float(2, 3, 4), float(4, 5)), [2, 3, 5], "float32"],
    ["conv", conv(float(2, 5, 5, 4), float(9, 2, 6), geometry, 2), [2, 5, 5, 6], "float32"],
    ["convKernelGrad", convKernelGrad(float(2, 5, 5, 4), float(2, 5, 5, 6), geometry, 2), [9, 2, 6], "float32"],
    ["unfold", unfold(float(2, 5, 5, 4), geometry), [2, 25, 36], "float32"],
    ["fold", fold(float(2, 25, 36), geometry), [2, 5, 5, 4], "float32"],
    ["upsample", upsample(float(2, 3, 4, 5), 3), [2, 9, 12, 5], "float32"],
    ["bool constant", constant([1, 0], [2], "bool"), [2], "bool"],
  ];
  it.each(good)("%s", (_, tensor, shape, dtype) => {
    expect(tensor.shape).toEqual(shape);
    expect(tensor.dtype).toBe(dtype);
  });
});
