/**
 * The functions that models are written with. Each adds one node (or, where said, a few) to the graph; plain numbers
 * stand for scalar constants.
 */
import { ShapeError } from "../core/errors.ts";
import {
  type DType,
  formatShape,
  newArray,
  normaliseAxis,
  type Shape,
  sameShape,
  sizeOf,
  type TensorArray,
} from "../core/shape.ts";
import { type ConvGeometry, isPointwise } from "./geometry.ts";
import { located } from "./scope.ts";
import { emit, explained, type Tensor } from "./tensor.ts";

export type Operand = Tensor | number;

// Leaves

/** A value fed at every run under `name`. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return emit("input", [], { name, shape, dtype });
}

/** A constant tensor; `data` is row-major. A ShapeError where the numbers are not of the dtype. */
export function constant(data: TensorArray | readonly number[], shape?: Shape, dtype: DType = "float32"): Tensor {
  const array = ArrayBuffer.isView(data) ? (data as TensorArray) : arrayOf(data as readonly number[], dtype);
  return emit("constant", [], { data: array, shape: shape ?? [array.length], dtype });
}

function arrayOf(numbers: readonly number[], dtype: DType): TensorArray {
  const array = newArray(dtype, numbers.length);
  array.set(numbers);
  const changed = dtype === "float32" ? -1 : numbers.findIndex((number, i) => array[i] !== number);
  if (changed >= 0) throw new ShapeError(located(`${numbers[changed]} is no ${dtype} number`));
  return array;
}

/** A scalar constant. */
export function scalar(value: number, dtype: DType = "float32"): Tensor {
  return constant([value], [], dtype);
}

/** Numbers in [0, 1) that depend on `seed` (int32 [2], fed) and on `stream`. */
export function randomUniform(seed: Tensor, shape: Shape, stream: number): Tensor {
  return emit("randomUniform", [seed], { shape, stream });
}

const lift = (value: Operand, like: DType = "float32") => (typeof value === "number" ? scalar(value, like) : value);

function lifted(a: Operand, b: Operand): [Tensor, Tensor] {
  const dtype = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
  return [lift(a, dtype), lift(b, dtype)];
}

// Element-wise

export const neg = (x: Tensor) => emit("neg", [x], {});
export const exp = (x: Tensor) => emit("exp", [x], {});
export const log = (x: Tensor) => emit("log", [x], {});
export const sqrt = (x: Tensor) => emit("sqrt", [x], {});
export const reciprocal = (x: Tensor) => emit("reciprocal", [x], {});
export const sin = (x: Tensor) => emit("sin", [x], {});
export const cos = (x: Tensor) => emit("cos", [x], {});
export const tanh = (x: Tensor) => emit("tanh", [x], {});
export const sigmoid = (x: Tensor) => emit("sigmoid", [x], {});
export const erf = (x: Tensor) => emit("erf", [x], {});
export const abs = (x: Tensor) => emit("abs", [x], {});
export const silu = (x: Tensor) => emit("silu", [x], {});
export const square = (x: Tensor) => emit("mul", [x, x], {});

export const add = (a: Operand, b: Operand) => emit("add", lifted(a, b), {});
export const sub = (a: Operand, b: Operand) => emit("sub", lifted(a, b), {});
export const mul = (a: Operand, b: Operand) => emit("mul", lifted(a, b), {});
export const div = (a: Operand, b: Operand) => emit("div", lifted(a, b), {});
export const maximum = (a: Operand, b: Operand) => emit("maximum", lifted(a, b), {});
export const minimum = (a: Operand, b: Operand) => emit("minimum", lifted(a, b), {});
export const less = (a: Operand, b: Operand) => emit("less", lifted(a, b), {});
export const equal = (a: Operand, b: Operand) => emit("equal", lifted(a, b), {});
export const where = (condition: Tensor, a: Operand, b: Operand) => emit("where", [condition, ...lifted(a, b)], {});

/** max(x, 0); the gradient at 0 is 0. */
export const relu = (x: Tensor) => where(less(0, x), x, 0);

/** The exact Gaussian error linear unit, ½ x (1 + erf(x / √2)). */
export const gelu = (x: Tensor) => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));

export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : emit("cast", [x], { to });
}

/** x as a value that gradients take for a constant. */
export const detach = (x: Tensor) => emit("detach", [x], {});

/** x itself, of which a gradient computes again what leads to it from the values `from`, instead of keeping it. */
export const checkpoint = (x: Tensor, from: readonly Tensor[]) => emit("checkpoint", [x, ...from], {});

// Reductions

export interface ReduceOptions {
  /** Axes to reduce, negative from the end; all by default. */
  axes?: readonly number[];
  /** Keep the reduced axes with extent 1. */
  keepAxes?: boolean;
}

function reduce(op: "reduceSum" | "reduceMax", x: Tensor, options: ReduceOptions): Tensor {
  const given = options.axes ?? x.shape.map((_, axis) => axis);
  const axes = explained(op, [x], () => given.map((axis) => normaliseAxis(axis, x.rank)));
  const reduced = axes.length === 0 ? x : emit(op, [x], { axes: [...axes].sort((a, b) => a - b) });
  if (options.keepAxes) return reduced;
  return reshape(
    reduced,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
}

export const sum = (x: Tensor, options: ReduceOptions = {}) => reduce("reduceSum", x, options);
export const max = (x: Tensor, options: ReduceOptions = {}) => reduce("reduceMax", x, options);

export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = sum(x, options);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
}

// Movement

/** The same elements in another shape; one extent may be -1 and is then inferred. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const full = shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent));
  return sameShape(full, x.shape) ? x : emit("reshape", [x], { shape: full });
}

export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const identity = permutation.length === x.rank && permutation.every((axis, i) => axis === i);
  return identity ? x : emit("transpose", [x], { permutation });
}

/** Swaps the last two axes. */
export function transposeLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : emit("expand", [x], { shape });
}

/** Elements from `start` to before `end` of one axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = explained("slice", [x], () => normaliseAxis(axis, x.rank));
  if (start === 0 && end === x.shape[at]) return x;
  const starts = x.shape.map((_, i) => (i === at ? start : 0));
  const ends = x.shape.map((extent, i) => (i === at ? end : extent));
  return emit("slice", [x], { starts, ends });
}

/** Equal parts along an axis. */
export function split(x: Tensor, parts: number, axis: number): Tensor[] {
  const extent = x.shape[explained("slice", [x], () => normaliseAxis(axis, x.rank))] / parts;
  if (!Number.isInteger(extent)) {
    throw new ShapeError(located(`cannot split axis ${axis} of ${formatShape(x.shape)} into ${parts} equal parts`));
  }
  return Array.from({ length: parts }, (_, i) => slice(x, axis, i * extent, (i + 1) * extent));
}

export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) throw new ShapeError(located("concat() needs at least one tensor"));
  const at = explained("concat", tensors, () => normaliseAxis(axis, tensors[0].rank));
  return tensors.length === 1 ? tensors[0] : emit("concat", tensors, { axis: at });
}

/** Zeros before and after each axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  return [...before, ...after].every((extent) => extent === 0) ? x : emit("pad", [x], { before, after });
}

/** Rows of a table by index: table [V, ...], indices int32 [...I] → [...I, ...]. */
export const gather = (table: Tensor, indices: Tensor) => emit("gather", [table, indices], {});

/** Sums rows into a table: indices int32 [...I], updates [...I, ...] → [rows, ...]. */
export const scatterAdd = (indices: Tensor, updates: Tensor, rows: number) =>
  emit("scatterAdd", [indices, updates], { rows });

// Linear algebra

/** [..., M, K] × [K, N], or [...B, M, K] × [...B, K, N]. */
export const matmul = (a: Tensor, b: Tensor) => emit("matmul", [a, b], {});

/** x [N, ...input, C] with kernel w [taps, C / groups, O] → [N, ...output, O]. */
export const conv = (x: Tensor, w: Tensor, geometry: ConvGeometry, groups = 1) =>
  emit("conv", [x, w], { geometry, groups });

export const convKernelGrad = (x: Tensor, dy: Tensor, geometry: ConvGeometry, groups = 1) =>
  emit("convKernelGrad", [x, dy], { geometry, groups });

/** x [N, ...input, C] → [N, outputs, taps · C]. */
export function unfold(x: Tensor, geometry: ConvGeometry): Tensor {
  if (!isPointwise(geometry)) return emit("unfold", [x], { geometry });
  return reshape(x, [x.shape[0], sizeOf(geometry.output), x.shape[x.rank - 1]]);
}

/** `unfold` of the images `first` to `end` − 1: [end − first, outputs, taps · C]. */
export function unfoldImages(x: Tensor, geometry: ConvGeometry, first: number, end: number): Tensor {
  if (isPointwise(geometry) || (first === 0 && end === x.shape[0])) return unfold(slice(x, 0, first, end), geometry);
  return emit("unfold", [x], { geometry, images: [first, end] });
}

/** columns [N, outputs, taps · C] → [N, ...input, C], the transpose of `unfold`. */
export const fold = (columns: Tensor, geometry: ConvGeometry) => emit("fold", [columns], { geometry });

/** Nearest-neighbour up-sampling of the spatial axes of [N, ...S, C]. */
export const upsample = (x: Tensor, factor: number) => (factor === 1 ? x : emit("upsample", [x], { factor }));

// Normalisation and attention weights

/** Over the last axis. */
export const softmax = (x: Tensor) => emit("softmax", [x], {});

/** Zero mean and unit variance over the last axis; scale and shift are the layer's. */
export const layerNorm = (x: Tensor, epsilon: number) => emit("layerNorm", [x], { epsilon });

/** x [N, ...S, C], scale [C], shift [C]. */
export const groupNorm = (x: Tensor, scale: Tensor, shift: Tensor, groups: number, epsilon: number) =>
  emit("groupNorm", [x, scale, shift], { groups, epsilon });
