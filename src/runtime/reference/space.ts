/**
 * Walking over dense arrays by multi-index, the way a definition is written on paper. No strides, no speed.
 */
import { type Shape, sizeOf } from "../../core/shape.ts";

/** Every multi-index of a shape in row-major order; one empty index for a scalar. The array is reused. */
export function* indicesOf(shape: Shape): Generator<readonly number[]> {
  const index = new Array<number>(shape.length).fill(0);
  for (let count = sizeOf(shape); count > 0; count--) {
    yield index;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/**
 * The row-major position that a multi-index reads in an array of `shape`. Broadcasts as NumPy does: shapes are aligned
 * at the last axis, and an axis of extent 1 is read at 0.
 */
export function positionOf(index: readonly number[], shape: Shape): number {
  const added = index.length - shape.length;
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    position = position * shape[axis] + (shape[axis] === 1 ? 0 : index[added + axis]);
  }
  return position;
}

/** The array of a shape whose elements are a function of the multi-index. */
export function tabulate(shape: Shape, element: (index: readonly number[]) => number): Float64Array {
  const result = new Float64Array(sizeOf(shape));
  let position = 0;
  for (const index of indicesOf(shape)) result[position++] = element(index);
  return result;
}

/** Whether a multi-index lies inside a shape. */
export function isInside(index: readonly number[], shape: Shape): boolean {
  return shape.every((extent, axis) => index[axis] >= 0 && index[axis] < extent);
}
