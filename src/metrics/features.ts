/**
 * Feature matrices: one row an image, one column a feature of some network, row-major on the host.
 *
 * Every distance of this room works on two of them that come from the same network. The checks here run before any
 * arithmetic, so that no figure is ever computed from a matrix of the wrong size or with a number that is not finite.
 */
import { ConfigError, DataError, NotFiniteError } from "../core/errors.ts";

/** Features of `count` images, [count, dimension] row-major. */
export interface Features {
  readonly data: Float32Array | Float64Array;
  /** Rows: images. */
  readonly count: number;
  /** Columns: features of one image. */
  readonly dimension: number;
}

/**
 * Raises a DataError where the matrix is not [count, dimension] or has fewer than `least` rows, and a NotFiniteError
 * where an element is not finite. `name` is how the message calls the matrix.
 */
export function checkFeatures(features: Features, name: string, least: number): void {
  const { data, count, dimension } = features;
  if (!Number.isInteger(count) || !Number.isInteger(dimension) || dimension < 1 || data.length !== count * dimension) {
    throw new DataError(
      `${name} holds ${data.length} numbers, which is not ${count} rows of ${dimension} features; pass count and dimension as the data has them`,
    );
  }
  if (count < least) {
    throw new DataError(`${name} has ${count} images and this figure needs at least ${least}; give more images`);
  }
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      const row = Math.floor(i / dimension);
      throw new NotFiniteError(
        `${name} has ${data[i]} at image ${row}, feature ${i % dimension}; every feature must be finite`,
      );
    }
  }
}

/** `checkFeatures` on both matrices; a DataError where their dimensions differ. */
export function checkPair(a: Features, b: Features, nameA: string, nameB: string, least: number): void {
  checkFeatures(a, nameA, least);
  checkFeatures(b, nameB, least);
  if (a.dimension !== b.dimension) {
    throw new DataError(
      `${nameA} has ${a.dimension} features an image and ${nameB} has ${b.dimension}; take both from the same network`,
    );
  }
}

/** A ConfigError unless `value` is an integer in [least, most]. */
export function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new ConfigError(`${name} must be an integer ${range}, not ${value}`);
  }
}

/** The chosen rows, in their order, as a new matrix of [rows.length, dimension] in float64. */
export function gatherRows(features: Features, rows: ArrayLike<number>): Features {
  const { data, dimension } = features;
  const gathered = new Float64Array(rows.length * dimension);
  for (let i = 0; i < rows.length; i++) {
    gathered.set(data.subarray(rows[i] * dimension, (rows[i] + 1) * dimension), i * dimension);
  }
  return { data: gathered, count: rows.length, dimension };
}
