/**
 * Shapes and dtypes of dense tensors: row-major, static, as in NumPy.
 */
import { ShapeError } from "./errors.ts";

export type Shape = readonly number[];

/** `float32` for all arithmetic; `int32` for class labels, token ids and random bits; `bool` for masks. */
export type DType = "float32" | "int32" | "bool";

/** The typed array that holds a tensor of each dtype on the host. */
export interface DTypeArray {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
}

export type TensorArray = DTypeArray[DType];

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The NumPy broadcast of several shapes; raises a ShapeError that names them all. */
export function broadcastShapes(...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis];
      if (extent === 1) continue;
      if (result[offset + axis] !== 1 && result[offset + axis] !== extent) {
        throw new ShapeError(`shapes ${shapes.map(formatShape).join(" and ")} do not broadcast together`);
      }
      result[offset + axis] = extent;
    }
  }
  return result;
}

/** An axis counted from the front; negative axes count from the back. Raises a ShapeError when out of range. */
export function normaliseAxis(axis: number, rank: number): number {
  const normalised = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalised < 0 || normalised >= rank) {
    throw new ShapeError(`axis ${axis} is out of range for a tensor of ${rank} axes`);
  }
  return normalised;
}

/** A zero-filled host array of a dtype. */
export function newArray<D extends DType>(dtype: D, size: number): DTypeArray[D] {
  const constructors = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };
  return new constructors[dtype](size) as DTypeArray[D];
}

/** Writes the elements of `source`, of `shape`, with their axes in `order` to `out`, and returns it. */
export function permuteAxes<T extends Float32Array | number[]>(
  source: ArrayLike<number>,
  shape: Shape,
  order: readonly number[],
  out: T,
): T {
  const strides = stridesOf(shape);
  const extents = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const at = new Array<number>(order.length).fill(0);
  let position = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = source[position];
    for (let axis = order.length - 1; axis >= 0; axis--) {
      position += steps[axis];
      if (++at[axis] < extents[axis]) break;
      position -= extents[axis] * steps[axis];
      at[axis] = 0;
    }
  }
  return out;
}
