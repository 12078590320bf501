/**
 * The gradient of each op: from the gradient of its result to the gradients of its inputs, written in the same ops, so
 * that a gradient can be differentiated again. `undefined` stands for an input that no gradient passes (indices,
 * conditions, seeds).
 *
 * Every rule agrees with central finite differences over random shapes, and with PyTorch through the networks.
 */
import { type Shape, sameShape, sizeOf } from "../core/shape.ts";
import { convGeometry, transposeGeometry } from "../graph/geometry.ts";
import type { OpName } from "../graph/op-types.ts";
import {
  abs,
  add,
  cast,
  conv,
  convKernelGrad,
  cos,
  div,
  equal,
  exp,
  expand,
  fold,
  gather,
  less,
  matmul,
  mean,
  mul,
  neg,
  pad,
  reciprocal,
  reshape,
  scatterAdd,
  sigmoid,
  sin,
  slice,
  sqrt,
  square,
  sub,
  sum,
  transpose,
  transposeLast,
  unfold,
  where,
} from "../graph/ops.ts";
import { groupStatistics } from "../graph/passes/expand.ts";
import type { Tensor } from "../graph/tensor.ts";

type GradientRule<K extends OpName> = (node: Tensor<K>, gradient: Tensor) => readonly (Tensor | undefined)[];

/** Sums a gradient over the axes that broadcasting added or stretched. */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const added = gradient.rank - shape.length;
  const axes = gradient.shape
    .map((_, axis) => axis)
    .filter((axis) => {
      return axis < added || (shape[axis - added] === 1 && gradient.shape[axis] !== 1);
    });
  return reshape(sum(gradient, { axes, keepAxes: true }), shape);
}

const none = () => [];

/** A rule for a function of one input, from its value `y`. */
const unary =
  (rule: (gradient: Tensor, x: Tensor, y: Tensor) => Tensor) =>
  (node: Tensor, gradient: Tensor): readonly Tensor[] => [rule(gradient, node.inputs[0], node)];

/** A rule for a broadcasting function of two inputs. */
const binary =
  (left: (g: Tensor, a: Tensor, b: Tensor) => Tensor, right: (g: Tensor, a: Tensor, b: Tensor) => Tensor) =>
  ({ inputs: [a, b] }: Tensor, g: Tensor): readonly Tensor[] => [
    unbroadcast(left(g, a, b), a.shape),
    unbroadcast(right(g, a, b), b.shape),
  ];

/** 1 where a > b, ½ where they are equal, 0 elsewhere: ties share the gradient. */
const greaterShare = (a: Tensor, b: Tensor) => add(cast(less(b, a), "float32"), mul(cast(equal(a, b), "float32"), 0.5));

/** The kernel of the input gradient: [taps, C / groups, O] → [taps, O / groups, C]. */
function transposeKernel(w: Tensor, groups: number): Tensor {
  const [taps, perGroup, outputs] = w.shape;
  if (groups === 1) return transposeLast(w);
  const split = reshape(w, [taps, perGroup, groups, outputs / groups]);
  return reshape(transpose(split, [0, 3, 2, 1]), [taps, outputs / groups, groups * perGroup]);
}

export const gradientRules: { [K in OpName]: GradientRule<K> } = {
  input: none,
  constant: none,
  randomUniform: none,

  neg: unary((g) => neg(g)),
  exp: unary((g, _, y) => mul(g, y)),
  log: unary((g, x) => div(g, x)),
  sqrt: unary((g, _, y) => div(mul(g, 0.5), y)),
  reciprocal: unary((g, _, y) => neg(mul(g, square(y)))),
  sin: unary((g, x) => mul(g, cos(x))),
  cos: unary((g, x) => neg(mul(g, sin(x)))),
  tanh: unary((g, _, y) => mul(g, sub(1, square(y)))),
  sigmoid: unary((g, _, y) => mul(g, mul(y, sub(1, y)))),
  erf: unary((g, x) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))),
  abs: unary((g, x) => where(equal(x, 0), 0, mul(g, div(x, abs(x))))),

  add: binary(
    (g) => g,
    (g) => g,
  ),
  sub: binary(
    (g) => g,
    (g) => neg(g),
  ),
  mul: binary(
    (g, _, b) => mul(g, b),
    (g, a) => mul(g, a),
  ),
  div: binary(
    (g, _, b) => div(g, b),
    (g, a, b) => neg(div(mul(g, a), square(b))),
  ),
  maximum: binary(
    (g, a, b) => mul(g, greaterShare(a, b)),
    (g, a, b) => mul(g, greaterShare(b, a)),
  ),
  minimum: binary(
    (g, a, b) => mul(g, greaterShare(b, a)),
    (g, a, b) => mul(g, greaterShare(a, b)),
  ),
  less: none,
  equal: none,
  where: ({ inputs: [condition, a, b] }, g) => [
    undefined,
    unbroadcast(where(condition, g, 0), a.shape),
    unbroadcast(where(condition, 0, g), b.shape),
  ],
  cast: ({ inputs: [x] }, g) => [x.dtype === "float32" ? g : undefined],
  detach: none,
  checkpoint: (_, g) => [g], // without computing anything again: `gradients` does that

  reduceSum: ({ inputs: [x] }, g) => [expand(g, x.shape)],
  reduceMax: (node, g) => {
    const [x] = node.inputs;
    const reached = cast(equal(x, node), "float32");
    const ties = sum(reached, { axes: node.attributes.axes, keepAxes: true });
    return [mul(reached, div(g, ties))];
  },

  reshape: ({ inputs: [x] }, g) => [reshape(g, x.shape)],
  transpose: ({ attributes: { permutation } }, g) => [
    transpose(
      g,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  expand: ({ inputs: [x] }, g) => [unbroadcast(g, x.shape)],
  slice: ({ inputs: [x], attributes: { starts, ends } }, g) => [
    pad(
      g,
      starts,
      x.shape.map((extent, axis) => extent - ends[axis]),
    ),
  ],
  pad: ({ inputs: [x], attributes: { before } }, g) => [
    x.shape.reduce((cut, extent, axis) => slice(cut, axis, before[axis], before[axis] + extent), g),
  ],
  concat: ({ inputs, attributes: { axis } }, g) => {
    let start = 0;
    return inputs.map(({ shape }) => {
      start += shape[axis];
      return slice(g, axis, start - shape[axis], start);
    });
  },
  gather: ({ inputs: [table, indices] }, g) => [scatterAdd(indices, g, table.shape[0]), undefined],
  scatterAdd: ({ inputs: [indices] }, g) => [undefined, gather(g, indices)],

  matmul: ({ inputs: [a, b] }, g) => {
    const toA = matmul(g, transposeLast(b));
    if (b.rank > 2) return [toA, matmul(transposeLast(a), g)];
    const rows = reshape(a, [-1, a.shape[a.rank - 1]]);
    return [toA, matmul(transposeLast(rows), reshape(g, [-1, g.shape[g.rank - 1]]))];
  },
  conv: ({ inputs: [x, w], attributes: { geometry, groups } }, g) => [
    conv(g, transposeKernel(w, groups), transposeGeometry(geometry), groups),
    convKernelGrad(x, g, geometry, groups),
  ],
  convKernelGrad: ({ inputs: [x, dy], attributes: { geometry, groups } }, g) => [
    conv(dy, transposeKernel(g, groups), transposeGeometry(geometry), groups),
    conv(x, g, geometry, groups),
  ],
  unfold: ({ inputs: [x], attributes: { geometry, images } }, g) => {
    const folded = fold(g, geometry);
    if (!images) return [folded];
    const others = x.shape.map(() => 0);
    return [pad(folded, others.with(0, images[0]), others.with(0, x.shape[0] - images[1]))];
  },
  fold: ({ attributes: { geometry } }, g) => [unfold(g, geometry)],
  upsample: ({ inputs: [x], attributes: { factor } }, g) => {
    const spatial = g.shape.slice(1, -1);
    const kernel = spatial.map(() => factor);
    const blocks = unfold(g, convGeometry(spatial, kernel, { stride: factor })); // [N, positions, taps · C]
    const channels = x.shape[x.rank - 1];
    const taps = reshape(blocks, [x.shape[0], blocks.shape[1], sizeOf(kernel), channels]);
    return [reshape(sum(taps, { axes: [2] }), x.shape)];
  },

  silu: unary((g, x, y) => {
    const gate = sigmoid(x);
    return mul(g, add(gate, mul(y, sub(1, gate))));
  }),
  softmax: unary((g, _, y) => mul(y, sub(g, sum(mul(g, y), { axes: [-1], keepAxes: true })))),
  layerNorm: (node, g) => {
    const [x] = node.inputs;
    const average = (value: Tensor) => mean(value, { axes: [-1], keepAxes: true });
    const centred = sub(x, average(x));
    const inverseDeviation = reciprocal(sqrt(add(average(square(centred)), node.attributes.epsilon)));
    const projected = sub(sub(g, average(g)), mul(node, average(mul(g, node))));
    return [mul(projected, inverseDeviation)];
  },
  groupNorm: (node, g) => {
    const [x, scale] = node.inputs;
    const { groups, epsilon } = node.attributes;
    const { flat, centred, inverseDeviation, groupMean } = groupStatistics(x, groups, epsilon);
    const gradient = reshape(g, flat.shape); // [N, S, C]
    const sums = sum(gradient, { axes: [1], keepAxes: true }); // [N, 1, C]
    const products = sum(mul(gradient, centred), { axes: [1], keepAxes: true }); // [N, 1, C]
    // dx = r γ dy − r mean(γ dy) − r³ (x − mean) mean(γ dy (x − mean)), with r the inverse deviation.
    const gain = mul(inverseDeviation, scale);
    const offset = mul(inverseDeviation, groupMean(mul(sums, scale)));
    const cube = mul(square(inverseDeviation), inverseDeviation);
    const pull = mul(cube, groupMean(mul(products, scale)));
    const toX = sub(sub(mul(gradient, gain), mul(centred, pull)), offset);
    const toScale = sum(mul(products, inverseDeviation), { axes: [0, 1] });
    return [reshape(toX, x.shape), toScale, sum(sums, { axes: [0, 1] })];
  },
};
