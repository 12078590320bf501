/**
 * Random small cases of every op: shapes, attributes and fed values. The table is typed over the op union, so an op
 * without cases does not compile. Values keep clear of kinks and poles, so that finite differences hold.
 */
import type { DType, Shape } from "../../core/shape.ts";
import { sizeOf } from "../../core/shape.ts";
import { type ConvGeometry, convGeometry, transposeGeometry } from "../../graph/geometry.ts";
import { type Graph, graphOf } from "../../graph/graph.ts";
import type { OpAttributes, OpName } from "../../graph/op-types.ts";
import { conv, input } from "../../graph/ops.ts";
import { emit, type Tensor } from "../../graph/tensor.ts";
import type { Feeds } from "../session.ts";
import { type Draw, describeOperand, type Operand } from "./draw.ts";

export interface Case<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly operands: readonly Operand[];
}

/** A case as a graph. */
export interface BuiltCase {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly graph: Graph;
  readonly feeds: Feeds;
  /** The op, its attributes and its operands, for messages. */
  readonly description: string;
}

export function buildCase<K extends OpName>(op: K, draw: Draw): BuiltCase {
  const { attributes, operands } = cases[op](draw);
  const inputs = operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
  const output = op === "input" ? inputs[0] : emit(op, inputs, attributes);
  const feeds = Object.fromEntries(operands.map(({ values }, i) => [`x${i}`, values]));
  const description = `${op} ${JSON.stringify(attributes)}(${operands.map(describeOperand).join("; ")})`;
  return { inputs, output, graph: graphOf({ y: output }), feeds, description };
}

const unary =
  (low: number, high: number) =>
  (draw: Draw): { attributes: Record<string, never>; operands: Operand[] } => ({
    attributes: {},
    operands: [draw.uniform(draw.shape(0, 4), low, high)],
  });

/** Two shapes that broadcast together; with `integers`, one case in four is of int32. */
const binary =
  ({ integers = false, poles = false }: { integers?: boolean; poles?: boolean } = {}) =>
  (draw: Draw): { attributes: Record<string, never>; operands: Operand[] } => {
    const [a, b] = broadcastPair(draw);
    if (integers && draw.integer(0, 3) === 0) return { attributes: {}, operands: [draw.int32(a), draw.int32(b)] };
    return { attributes: {}, operands: [draw.uniform(a), poles ? draw.awayFromZero(b) : draw.uniform(b)] };
  };

/** Two operands without near ties. */
const ordered = (draw: Draw): { attributes: Record<string, never>; operands: Operand[] } => {
  const [a, b] = broadcastPair(draw);
  return { attributes: {}, operands: [draw.distinct(a), draw.distinct(b, 0.05)] };
};

/** Two operands of float32 or int32, of which some are equal. */
const compared = (draw: Draw): { attributes: Record<string, never>; operands: Operand[] } => {
  const [a, b] = broadcastPair(draw);
  if (draw.boolean()) return { attributes: {}, operands: [draw.int32(a, -2, 2), draw.int32(b, -2, 2)] };
  return { attributes: {}, operands: [draw.distinct(a), draw.distinct(b, 0.05)] };
};

function broadcastPair(draw: Draw): [Shape, Shape] {
  const shape = draw.shape(0, 4);
  return draw.boolean() ? [shape, draw.broadcastable(shape)] : [draw.broadcastable(shape), draw.broadcastable(shape)];
}

const reduction = (draw: Draw): { attributes: { axes: number[] }; operands: Operand[] } => {
  const operand = draw.distinct(draw.shape(1, 4));
  const axes = operand.shape.map((_, axis) => axis).filter(() => draw.boolean());
  return { attributes: { axes: axes.length > 0 ? axes : [0] }, operands: [operand] };
};

/** One to three spatial axes; stride, dilation, uneven padding; plain or transposed. */
export function drawGeometry(draw: Draw, rank: number = draw.pick([1, 2, 2, 3])): ConvGeometry {
  const most = rank === 3 ? 2 : 3;
  const kernel = draw.integers(rank, 1, most);
  const stride = draw.integers(rank, 1, most);
  const dilation = draw.integers(rank, 1, 2);
  const padding = [draw.integer(0, 2), draw.integer(0, 2)] as const;
  const input = kernel.map((taps, axis) => {
    const least = Math.max(1, dilation[axis] * (taps - 1) + 1 - padding[0] - padding[1]);
    return draw.integer(least, least + most);
  });
  const geometry = convGeometry(input, kernel, { stride, dilation, padding });
  return draw.boolean() ? geometry : transposeGeometry(geometry);
}

/**
 * Convolutions of two spatial axes over whole blocks of 8 and 16 channels, for which runtimes have kernels of their
 * own: x, w and bias are `x0`, `x1` and `x2`.
 */
export function buildBlockedConv(draw: Draw): BuiltCase & { bias: Tensor } {
  const geometry = drawGeometry(draw, 2);
  const [channels, outputs] = [draw.pick([8, 16, 32]), draw.pick([16, 16, 32])];
  const operands = [
    draw.uniform([draw.integer(1, 2), ...geometry.input, channels]),
    draw.uniform([sizeOf(geometry.kernel), channels, outputs]),
    draw.uniform([outputs]),
  ];
  const inputs = operands.map(({ shape }, i) => input(`x${i}`, shape));
  const output = conv(inputs[0], inputs[1], geometry);
  const feeds = Object.fromEntries(operands.map(({ values }, i) => [`x${i}`, values]));
  const description = `conv ${JSON.stringify(geometry)} of ${channels} channels to ${outputs}`;
  return { inputs, output, graph: graphOf({ y: output }), feeds, description, bias: inputs[2] };
}

function drawConv(draw: Draw) {
  const geometry = drawGeometry(draw);
  const groups = draw.pick([1, 1, 2, 3]);
  const perGroup = draw.integer(1, 2);
  const outputs = groups * draw.integer(1, 2);
  const batch = draw.integer(1, 2);
  return {
    attributes: { geometry, groups },
    x: draw.uniform([batch, ...geometry.input, groups * perGroup]),
    w: draw.uniform([sizeOf(geometry.kernel), perGroup, outputs]),
    dy: draw.uniform([batch, ...geometry.output, outputs]),
  };
}

export const cases: { [K in OpName]: (draw: Draw) => Case<K> } = {
  input: (draw) => {
    const operand = draw.any(draw.shape(0, 3));
    return { attributes: { name: "x0", shape: operand.shape, dtype: operand.dtype }, operands: [operand] };
  },
  constant: (draw) => {
    const { shape, dtype, values } = draw.any(draw.shape(0, 3));
    return { attributes: { data: values, shape, dtype }, operands: [] };
  },
  randomUniform: (draw) => ({
    attributes: {
      shape: draw.boolean() ? draw.shape(0, 3) : [draw.integer(4090, 4100), 2],
      stream: draw.integer(0, 2 ** 31 - 1),
    },
    operands: [draw.int32([2], -(2 ** 31), 2 ** 31 - 1)],
  }),

  neg: unary(-2, 2),
  exp: unary(-3, 3),
  log: unary(0.2, 3),
  sqrt: unary(0.2, 3),
  reciprocal: (draw) => ({ attributes: {}, operands: [draw.awayFromZero(draw.shape(0, 4))] }),
  sin: unary(-4, 4),
  cos: unary(-4, 4),
  tanh: unary(-3, 3),
  sigmoid: unary(-4, 4),
  erf: unary(-2.5, 2.5),
  abs: (draw) => ({ attributes: {}, operands: [draw.awayFromZero(draw.shape(0, 4))] }),
  add: binary({ integers: true }),
  sub: binary({ integers: true }),
  mul: binary({ integers: true }),
  div: binary({ poles: true }),
  maximum: ordered,
  minimum: ordered,
  less: compared,
  equal: compared,
  where: (draw) => {
    const shape = draw.shape(0, 4);
    return {
      attributes: {},
      operands: [
        draw.bool(draw.broadcastable(shape)),
        draw.uniform(draw.broadcastable(shape)),
        draw.uniform(draw.broadcastable(shape)),
      ],
    };
  },
  cast: (draw) => {
    const to = draw.pick<DType>(["float32", "int32", "bool"]);
    const shape = draw.shape(0, 3);
    if (draw.boolean()) return { attributes: { to }, operands: [draw.any(shape, draw.pick(["int32", "bool"]))] };
    // Between integers, where truncation is constant: k + 0.3 to k + 0.7.
    const integers = draw.int32(shape).values as Int32Array;
    const values = Float32Array.from(integers, (integer, i) => integer + 0.3 + 0.1 * (i % 5));
    return { attributes: { to }, operands: [{ shape, dtype: "float32", values }] };
  },
  checkpoint: (draw) => {
    const [x, from] = [draw.any(draw.shape(0, 4)), draw.any(draw.shape(0, 4))];
    return { attributes: {}, operands: [x, from] };
  },
  detach: (draw) => ({ attributes: {}, operands: [draw.any(draw.shape(0, 4))] }),

  reduceSum: reduction,
  reduceMax: reduction,

  reshape: (draw) => {
    const operand = draw.any(draw.shape(0, 4));
    const size = sizeOf(operand.shape);
    const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((divisor) => size % divisor === 0);
    const first = draw.pick(divisors);
    return { attributes: { shape: draw.pick([[size], [first, size / first], [1, size, 1]]) }, operands: [operand] };
  },
  transpose: (draw) => {
    const operand = draw.any(draw.shape(0, 4));
    const left = operand.shape.map((_, axis) => axis);
    const permutation = operand.shape.map(() => left.splice(draw.integer(0, left.length - 1), 1)[0]);
    return { attributes: { permutation }, operands: [operand] };
  },
  expand: (draw) => {
    const shape = draw.shape(0, 4);
    return { attributes: { shape }, operands: [draw.any(draw.broadcastable(shape))] };
  },
  slice: (draw) => {
    const operand = draw.any(draw.shape(1, 4));
    const starts = operand.shape.map((extent) => draw.integer(0, extent - 1));
    const ends = operand.shape.map((extent, axis) => draw.integer(starts[axis] + 1, extent));
    return { attributes: { starts, ends }, operands: [operand] };
  },
  pad: (draw) => {
    const operand = draw.uniform(draw.shape(1, 4, 3));
    const amounts = () => draw.integers(operand.shape.length, 0, 2);
    return { attributes: { before: amounts(), after: amounts() }, operands: [operand] };
  },
  concat: (draw) => {
    const shape = draw.shape(1, 3);
    const axis = draw.integer(0, shape.length - 1);
    const dtype = draw.pick<DType>(["float32", "float32", "int32", "bool"]);
    const extents = draw.integers(draw.integer(1, 3), 1, 3);
    return {
      attributes: { axis },
      operands: extents.map((extent) =>
        draw.any(
          shape.map((e, i) => (i === axis ? extent : e)),
          dtype,
        ),
      ),
    };
  },
  gather: (draw) => {
    const table = draw.uniform(draw.shape(1, 3));
    return { attributes: {}, operands: [table, draw.int32(draw.shape(0, 2), 0, table.shape[0] - 1)] };
  },
  scatterAdd: (draw) => {
    const rows = draw.integer(1, 5);
    const indices = draw.int32(draw.shape(0, 2), 0, rows - 1);
    const updates = draw.uniform([...indices.shape, ...draw.shape(0, 2, 3)]);
    return { attributes: { rows }, operands: [indices, updates] };
  },

  matmul: (draw) => {
    const batch = draw.shape(0, 2, 3);
    const [m, k, n] = draw.integers(3, 1, 5);
    const right = draw.boolean() ? [k, n] : [...batch, k, n];
    return { attributes: {}, operands: [draw.uniform([...batch, m, k]), draw.uniform(right)] };
  },
  conv: (draw) => {
    const { attributes, x, w } = drawConv(draw);
    return { attributes, operands: [x, w] };
  },
  convKernelGrad: (draw) => {
    const { attributes, x, dy } = drawConv(draw);
    return { attributes, operands: [x, dy] };
  },
  unfold: (draw) => {
    const geometry = drawGeometry(draw);
    const batch = draw.integer(1, 3);
    const x = draw.uniform([batch, ...geometry.input, draw.integer(1, 3)]);
    const first = draw.integer(0, batch - 1);
    const images = [first, draw.integer(first + 1, batch)] as const;
    return { attributes: draw.integer(0, 1) ? { geometry, images } : { geometry }, operands: [x] };
  },
  fold: (draw) => {
    const geometry = drawGeometry(draw);
    const width = sizeOf(geometry.kernel) * draw.integer(1, 3);
    return {
      attributes: { geometry },
      operands: [draw.uniform([draw.integer(1, 2), sizeOf(geometry.output), width])],
    };
  },
  upsample: (draw) => ({
    attributes: { factor: draw.integer(1, 3) },
    operands: [draw.uniform([draw.integer(1, 2), ...draw.shape(1, 3, 3), draw.integer(1, 3)])],
  }),

  silu: unary(-4, 4),
  softmax: (draw) => ({ attributes: {}, operands: [draw.uniform(draw.shape(1, 4), -4, 4)] }),
  layerNorm: (draw) => ({
    attributes: { epsilon: draw.pick([1e-5, 1e-3]) },
    operands: [draw.distinct(draw.shape(1, 4), 0.3)],
  }),
  groupNorm: (draw) => {
    const groups = draw.integer(1, 3);
    const channels = groups * draw.integer(1, 3);
    const x = draw.distinct([draw.integer(1, 2), ...draw.shape(0, 3, 3), channels], 0.3);
    return {
      attributes: { groups, epsilon: draw.pick([1e-5, 1e-3]) },
      operands: [x, draw.uniform([channels]), draw.uniform([channels])],
    };
  },
};

export const opNames = Object.keys(cases) as OpName[];
