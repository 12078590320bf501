/**
 * The ONNX form of each op: which nodes it becomes. The forms were chosen by measurement on ONNX Runtime's CPU
 * provider; all of them also run on its WebAssembly and WebGPU providers.
 */
import { type Shape, sizeOf } from "../core/shape.ts";
import { type ConvGeometry, neighbours, transposeGeometry } from "../graph/geometry.ts";
import type { OpName } from "../graph/op-types.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { OnnxBuilder } from "./builder.ts";
import { lowerRandomUniform } from "./random.ts";

/** Adds the nodes of one op; the last one takes the name `output` where it is given. */
type Lowering<K extends OpName> = (
  builder: OnnxBuilder,
  node: Tensor<K>,
  inputs: readonly string[],
  output?: string,
) => string;

/** An op that is one ONNX node with the same inputs and no attributes. */
const same =
  (opType: string) =>
  (builder: OnnxBuilder, _: Tensor, inputs: readonly string[], output?: string): string =>
    builder.node(opType, inputs, {}, output);

const composed = (op: string) => (): never => {
  throw new Error(`${op} is a composed op: it must be expanded, or stand in blocks`);
};

/**
 * Sums longer than this are done in two stages: the runtime adds naively in float32, and one long sum of 2^24 ones
 * would stop growing.
 */
const LONG_SUM = 1024;

/** One ReduceSum for a short sum over one axis; otherwise each run of neighbouring axes as one, the last run first. */
function lowerReduceSum(
  builder: OnnxBuilder,
  { inputs: [x], attributes: { axes }, shape }: Tensor<"reduceSum">,
  [name]: readonly string[],
  output?: string,
): string {
  if (axes.length === 1 && x.shape[axes[0]] <= LONG_SUM) {
    return builder.node("ReduceSum", [name, builder.integers(axes)], { keepdims: 1 }, output);
  }
  let current = name;
  for (let i = axes.length - 1; i >= 0; i--) {
    let start = i;
    while (start > 0 && axes[start - 1] === axes[start] - 1) start--;
    const outer = sizeOf(x.shape.slice(0, axes[start]));
    const length = sizeOf(x.shape.slice(axes[start], axes[i] + 1));
    const inner = sizeOf(shape.slice(axes[i] + 1));
    current = sumInStages(builder, current, [outer, length, inner]);
    i = start;
  }
  return builder.reshape(current, shape, output);
}

/**
 * Sums the middle axis of [outer, length, inner], at most LONG_SUM terms at a time. Innermost axes of one element are
 * left out of the shapes: the runtime's fast paths do not look through them.
 */
export function sumInStages(
  builder: OnnxBuilder,
  name: string,
  [outer, extent, inner]: readonly [number, number, number],
): string {
  const tail = inner === 1 ? [] : [inner];
  let current = name;
  let length = extent;
  while (length > 1) {
    const chunk = chunkOf(length);
    const missing = (chunk - (length % chunk)) % chunk;
    if (missing > 0) {
      current = builder.reshape(current, [outer, length, ...tail]);
      const after = [0, missing, ...tail.map(() => 0)];
      current = builder.node("Pad", [current, builder.integers([...after.map(() => 0), ...after])]);
    }
    length = (length + missing) / chunk;
    current = builder.reshape(current, [outer, length, chunk, ...tail]);
    current = builder.node("ReduceSum", [current, builder.integers([2])], { keepdims: 0 });
  }
  return current;
}

/** Terms of one stage: a divisor of the length that is large enough to be worth it, or else a number to pad to. */
function chunkOf(length: number): number {
  if (length <= LONG_SUM) return length;
  for (let divisor = LONG_SUM; divisor >= 32; divisor--) if (length % divisor === 0) return divisor;
  return LONG_SUM;
}

/**
 * Rows of [N, positions, C] by index, with a zero row behind the last one for padding: Pad and Gather. One Gather does
 * what slices and a concatenation do, in parallel and with one read and one write.
 */
function gatherPositions(
  builder: OnnxBuilder,
  x: string,
  [batch, positions, channels]: readonly [number, number, number],
  key: string,
  indices: () => Int32Array,
): string {
  const index = builder.once(`index ${key}`, () => {
    const values = indices();
    return builder.constant(values, [values.length], "int32", builder.fresh("index"));
  });
  const padded = builder.once(`zero row ${x} ${positions}`, () => {
    const rows = builder.reshape(x, [batch, positions, channels]);
    return builder.node("Pad", [rows, builder.integers([0, 0, 0, 0, 1, 0])]);
  });
  return builder.node("Gather", [padded, index], { axis: 1 });
}

/**
 * The unfolded rows of some images, out of the rows of all of them with one zero row behind: neither the images nor a
 * padded copy of them is cut out first.
 */
function gatherImages(
  builder: OnnxBuilder,
  x: string,
  shape: Shape,
  geometry: ConvGeometry,
  [first, end]: readonly [number, number],
): string {
  const [batch, channels] = [shape[0], shape[shape.length - 1]];
  const positions = sizeOf(geometry.input);
  const index = builder.once(`index ${keyOf(geometry)} ${batch} ${first} ${end}`, () => {
    const one = neighbours(geometry);
    const values = new Int32Array((end - first) * one.length);
    for (let image = first; image < end; image++) {
      const rows = one.map((row) => (row === positions ? batch * positions : image * positions + row));
      values.set(rows, (image - first) * one.length);
    }
    return builder.constant(values, [values.length], "int32", builder.fresh("index"));
  });
  const padded = builder.once(`zero row behind ${x} ${positions}`, () => {
    const rows = builder.reshape(x, [batch * positions, channels]);
    return builder.node("Pad", [rows, builder.integers([0, 0, 1, 0])]);
  });
  return builder.node("Gather", [padded, index], { axis: 0 });
}

const keyOf = (geometry: ConvGeometry) => JSON.stringify(geometry);

export const lowerings: { [K in OpName]: Lowering<K> } = {
  input: (_, { attributes: { name } }) => name,
  constant: (builder, { attributes: { data, shape, dtype } }) => builder.constant(data, shape, dtype),
  randomUniform: lowerRandomUniform,

  neg: same("Neg"),
  exp: same("Exp"),
  log: same("Log"),
  sqrt: same("Sqrt"),
  reciprocal: same("Reciprocal"),
  sin: same("Sin"),
  cos: same("Cos"),
  tanh: same("Tanh"),
  sigmoid: same("Sigmoid"),
  erf: same("Erf"),
  abs: same("Abs"),
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  maximum: same("Max"),
  minimum: same("Min"),
  less: same("Less"),
  equal: same("Equal"),
  where: same("Where"),
  cast: (builder, { attributes: { to } }, inputs, output) =>
    builder.node("Cast", inputs, { to: { float32: 1, int32: 6, bool: 9 }[to] }, output),
  detach: same("Identity"),
  checkpoint: (builder, _, [x], output) => builder.node("Identity", [x], {}, output),

  reduceSum: lowerReduceSum,
  reduceMax: (builder, { attributes: { axes } }, [x], output) =>
    builder.node("ReduceMax", [x, builder.integers(axes)], { keepdims: 1 }, output),

  reshape: (builder, { attributes: { shape } }, [x], output) => builder.reshape(x, shape, output),
  transpose: (builder, { attributes: { permutation } }, inputs, output) =>
    builder.node("Transpose", inputs, { perm: permutation }, output),
  expand: (builder, { attributes: { shape } }, [x], output) =>
    builder.node("Expand", [x, builder.integers(shape)], {}, output),
  slice: (builder, { inputs: [source], attributes: { starts, ends } }, [x], output) => {
    const cut = source.shape.map((_, axis) => axis).filter((a) => starts[a] > 0 || ends[a] < source.shape[a]);
    const pick = (values: readonly number[]) => builder.integers(cut.map((axis) => values[axis]));
    return builder.node("Slice", [x, pick(starts), pick(ends), builder.integers(cut)], {}, output);
  },
  pad: (builder, { attributes: { before, after } }, [x], output) =>
    builder.node("Pad", [x, builder.integers([...before, ...after])], {}, output),
  concat: (builder, { attributes: { axis } }, inputs, output) => builder.node("Concat", inputs, { axis }, output),
  gather: (builder, _, inputs, output) => builder.node("Gather", inputs, { axis: 0 }, output),
  scatterAdd: (builder, { shape, inputs: [indices] }, [index, updates], output) => {
    const zeros = builder.node("Expand", [builder.float(0), builder.integers(shape)]);
    const rows = sizeOf(indices.shape);
    const flatIndex = builder.reshape(builder.node("Cast", [index], { to: 7 }), [rows, 1]);
    const flatUpdates = builder.reshape(updates, [rows, ...shape.slice(1)]);
    return builder.node("ScatterND", [zeros, flatIndex, flatUpdates], { reduction: "add" }, output);
  },

  matmul: same("MatMul"),
  conv: composed("conv"),
  convKernelGrad: composed("convKernelGrad"),
  unfold: (builder, { inputs: [x], attributes: { geometry, images }, shape }, [name], output) => {
    if (images) return builder.reshape(gatherImages(builder, name, x.shape, geometry, images), shape, output);
    const rows = [x.shape[0], sizeOf(geometry.input), x.shape[x.rank - 1]] as const;
    const gathered = gatherPositions(builder, name, rows, keyOf(geometry), () => neighbours(geometry));
    return builder.reshape(gathered, shape, output);
  },
  fold: (builder, { inputs: [columns], attributes: { geometry }, shape }, [name], output) => {
    // x[p] = Σ_k columns[q(p, k), k]: the transposed neighbours, as rows (position, tap).
    const taps = sizeOf(geometry.kernel);
    const [batch, positions, width] = columns.shape;
    const channels = width / taps;
    const indices = () =>
      neighbours(transposeGeometry(geometry)).map((q, i) => (q === positions ? q * taps : q * taps + (i % taps)));
    const rows = [batch, positions * taps, channels] as const;
    const gathered = gatherPositions(builder, name, rows, `fold ${keyOf(geometry)}`, indices);
    const byTap = builder.reshape(gathered, [batch, sizeOf(geometry.input), taps, channels]);
    const summed = builder.node("ReduceSum", [byTap, builder.integers([2])], { keepdims: 0 });
    return builder.reshape(summed, shape, output);
  },
  upsample: (builder, { inputs: [x], attributes: { factor }, shape }, [name], output) => {
    const spatial = x.shape.slice(1, -1);
    const index = builder.once(`index upsample ${spatial} ${factor}`, () => {
      const values = nearestPositions(spatial, factor);
      return builder.constant(values, [values.length], "int32", builder.fresh("index"));
    });
    const rows = builder.reshape(name, [x.shape[0], sizeOf(spatial), x.shape[x.rank - 1]]);
    return builder.reshape(builder.node("Gather", [rows, index], { axis: 1 }), shape, output);
  },

  silu: composed("silu"),
  softmax: (builder, _, inputs, output) => builder.node("Softmax", inputs, { axis: -1 }, output),
  layerNorm: (builder, { shape, attributes: { epsilon } }, [x], output) => {
    const channels = shape[shape.length - 1];
    const ones = builder.once(`ones ${channels}`, () => {
      return builder.constant(new Float32Array(channels).fill(1), [channels], "float32");
    });
    return builder.node("LayerNormalization", [x, ones], { axis: -1, epsilon: { float: epsilon } }, output);
  },
  groupNorm: composed("groupNorm"),
};

/** The flat source position of each position of an up-sampled grid. */
function nearestPositions(spatial: Shape, factor: number): Int32Array {
  let positions = [0];
  for (const extent of spatial) {
    positions = positions.flatMap((base) =>
      Array.from({ length: extent * factor }, (_, i) => base * extent + Math.floor(i / factor)),
    );
  }
  return Int32Array.from(positions);
}
