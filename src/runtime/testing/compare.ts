/**
 * Comparison of computed arrays with expected ones.
 */

export interface Tolerance {
  /** Of each expected number. */
  relative: number;
  /** Of the largest expected number, or of 1 where all are smaller. */
  ofLargest: number;
}

/** Float32 arithmetic of a few dozen terms of size 1. */
export const float32Tolerance: Tolerance = { relative: 1e-5, ofLargest: 2e-6 };

/** Raises an Error that names the element that differs most. NaN agrees with NaN, an infinity with itself. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  { relative, ofLargest }: Tolerance = float32Tolerance,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements instead of ${expected.length}`);
  }
  let largest = 1;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
  }
  let worst = -1;
  let worstExcess = 1;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const allowed = relative * Math.abs(expected[i]) + ofLargest * largest;
    const excess = Math.abs(actual[i] - expected[i]) / allowed;
    if (!(excess <= worstExcess)) {
      worst = i;
      worstExcess = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
    }
  }
  if (worst >= 0) {
    throw new Error(`${what}: element ${worst} is ${actual[worst]}, expected ${expected[worst]}`);
  }
}
