/**
 * Dense linear algebra in float64 for statistics of features: mean, covariance, products and the symmetric
 * eigendecomposition A = V diag(λ) Vᵀ. Matrices are row-major Float64Arrays.
 *
 * The eigendecomposition is Householder tridiagonalisation, A = Q T Qᵀ (Golub and Van Loan, "Matrix Computations", 4th
 * edition, §8.3.1), followed by implicit QR steps with Wilkinson's shift on T (§8.3.3 to §8.3.5). It costs about 9 n³
 * multiplications with vectors and 2 n³ without; eigenvalues are right to a few n ε ‖A‖.
 *
 * Tested against the closed-form spectrum of the second-difference matrix, Wilkinson's W21+, matrices built from known
 * eigenvectors, and numpy.linalg.eigvalsh, to 1e-12 of the norm.
 */
import { ConfigError, NotFiniteError } from "../core/errors.ts";
import type { Features } from "./features.ts";

const EPSILON = 2 ** -52;

/** Implicit QR steps that one eigenvalue may take; it takes about two. */
const MOST_STEPS = 60;

export interface Eigen {
  /** Eigenvalues in ascending order, [n]. */
  values: Float64Array;
  /** Row k is the unit eigenvector of `values[k]`, [n, n]. */
  vectors: Float64Array;
}

/**
 * All eigenvalues and eigenvectors of a symmetric matrix.
 *
 * `matrix`: [n, n]; a ConfigError where it is not of that size or not symmetric to 1e-8 of its largest element, a
 * NotFiniteError where an element is not finite.
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const { scale, diagonal, offDiagonal, reflectors, betas } = tridiagonalise(matrix, n);
  const rows = transpose(multiplyReflectors(reflectors, betas, n), n, n); // [n, n], row k is column k of Q
  diagonalise(diagonal, offDiagonal, rows);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j]);
  const vectors = new Float64Array(n * n);
  for (let k = 0; k < n; k++) vectors.set(rows.subarray(order[k] * n, (order[k] + 1) * n), k * n);
  return { values: Float64Array.from(order, (i) => diagonal[i] * scale), vectors };
}

/** The eigenvalues alone, in ascending order, [n]; several times quicker. Errors as `symmetricEigen`. */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { scale, diagonal, offDiagonal } = tridiagonalise(matrix, n);
  diagonalise(diagonal, offDiagonal, undefined);
  return diagonal.map((value) => value * scale).sort();
}

interface Tridiagonal {
  /** The matrix was divided by this before anything else, so that no square overflows. */
  scale: number;
  diagonal: Float64Array; // [n]
  offDiagonal: Float64Array; // [n], the last element unused
  /** The v of H_k = I - β_k v vᵀ stands in row k from column k + 1 on; the rest is spent. */
  reflectors: Float64Array; // [n, n]
  betas: Float64Array; // [n], 0 where there is nothing to reflect
}

function tridiagonalise(matrix: Float64Array, n: number): Tridiagonal {
  const scale = checkSymmetric(matrix, n);
  const work = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) work[i * n + j] = (matrix[i * n + j] / scale + matrix[j * n + i] / scale) / 2;
  }
  const offDiagonal = new Float64Array(n);
  const betas = new Float64Array(n);
  const update = new Float64Array(n);

  for (let k = 0; k < n - 2; k++) {
    const first = k * n + k + 1;
    const v = work.subarray(first, (k + 1) * n); // [m] with m = n - k - 1; the row becomes the reflector
    const m = v.length;
    let tail = 0;
    for (let i = 1; i < m; i++) tail += v[i] * v[i];
    if (tail === 0) {
      offDiagonal[k] = v[0];
      continue;
    }
    const norm = Math.sqrt(v[0] * v[0] + tail);
    const alpha = v[0] > 0 ? -norm : norm;
    v[0] -= alpha;
    const beta = 2 / (v[0] * v[0] + tail);
    offDiagonal[k] = alpha;
    betas[k] = beta;

    // B ← H B H = B - v wᵀ - w vᵀ, with p = β B v and w = p - (β/2)(pᵀv) v.
    let along = 0;
    for (let i = 0; i < m; i++) {
      const row = (k + 1 + i) * n + k + 1;
      let sum = 0;
      for (let j = 0; j < m; j++) sum += work[row + j] * v[j];
      update[i] = beta * sum;
      along += update[i] * v[i];
    }
    for (let i = 0; i < m; i++) update[i] -= (beta / 2) * along * v[i];
    for (let i = 0; i < m; i++) {
      const row = (k + 1 + i) * n + k + 1;
      const vi = v[i];
      const wi = update[i];
      for (let j = 0; j < m; j++) work[row + j] -= vi * update[j] + wi * v[j];
    }
  }
  if (n > 1) offDiagonal[n - 2] = work[(n - 2) * n + n - 1];
  const diagonal = Float64Array.from({ length: n }, (_, i) => work[i * n + i]);
  return { scale, diagonal, offDiagonal, reflectors: work, betas };
}

/** Q = H_0 H_1 … H_{n-3}, [n, n]. */
function multiplyReflectors(reflectors: Float64Array, betas: Float64Array, n: number): Float64Array {
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  const projection = new Float64Array(n);
  for (let k = n - 3; k >= 0; k--) {
    if (betas[k] === 0) continue;
    projection.fill(0);
    for (let i = k + 1; i < n; i++) {
      const vi = reflectors[k * n + i];
      for (let j = k + 1; j < n; j++) projection[j] += vi * q[i * n + j];
    }
    for (let i = k + 1; i < n; i++) {
      const factor = betas[k] * reflectors[k * n + i];
      for (let j = k + 1; j < n; j++) q[i * n + j] -= factor * projection[j];
    }
  }
  return q;
}

/**
 * QR iteration on the tridiagonal matrix in place: `diagonal` becomes the eigenvalues, unsorted. Each rotation of rows
 * (i, i + 1) of T is applied to the same rows of `rows` as well, so that Qᵀ becomes Vᵀ.
 */
function diagonalise(diagonal: Float64Array, offDiagonal: Float64Array, rows: Float64Array | undefined): void {
  const n = diagonal.length;
  const floor = EPSILON * EPSILON; // of a matrix whose largest element is 1
  const negligible = (i: number) =>
    Math.abs(offDiagonal[i]) <= Math.max(floor, EPSILON * (Math.abs(diagonal[i]) + Math.abs(diagonal[i + 1])));

  let steps = 0;
  let last = n - 1;
  while (last > 0) {
    if (negligible(last - 1)) {
      offDiagonal[last - 1] = 0;
      last--;
      steps = 0;
      continue;
    }
    let start = last - 1;
    while (start > 0 && !negligible(start - 1)) start--;
    if (++steps > MOST_STEPS) {
      throw new NotFiniteError(`the eigenvalues of a ${n} by ${n} matrix did not converge; check its elements`);
    }
    qrStep(diagonal, offDiagonal, start, last, rows);
  }
}

/** One implicit QR step with Wilkinson's shift on the unreduced block from `start` to `last`. */
function qrStep(d: Float64Array, e: Float64Array, start: number, last: number, rows: Float64Array | undefined): void {
  const n = d.length;
  const half = (d[last - 1] - d[last]) / 2;
  const corner = e[last - 1];
  const root = Math.hypot(half, corner);
  const shift = d[last] - corner * (corner / (half >= 0 ? half + root : half - root));

  let x = d[start] - shift;
  let z = e[start]; // the bulge, which each rotation chases one row down
  for (let k = start; k < last; k++) {
    const r = Math.sqrt(x * x + z * z);
    const c = r === 0 ? 1 : x / r;
    const s = r === 0 ? 0 : z / r;
    if (k > start) e[k - 1] = r;
    const upper = d[k];
    const lower = d[k + 1];
    const between = e[k];
    d[k] = c * c * upper + 2 * c * s * between + s * s * lower;
    d[k + 1] = s * s * upper - 2 * c * s * between + c * c * lower;
    e[k] = c * s * (lower - upper) + (c * c - s * s) * between;
    if (k < last - 1) {
      x = e[k];
      z = s * e[k + 1];
      e[k + 1] *= c;
    }
    if (rows === undefined) continue;
    const above = rows.subarray(k * n, (k + 1) * n);
    const below = rows.subarray((k + 1) * n, (k + 2) * n);
    for (let j = 0; j < n; j++) {
      const a = above[j];
      const b = below[j];
      above[j] = c * a + s * b;
      below[j] = c * b - s * a;
    }
  }
}

/** The largest magnitude of a symmetric matrix, or 1 where all is zero; raises where it is not symmetric or finite. */
function checkSymmetric(matrix: Float64Array, n: number): number {
  if (!Number.isInteger(n) || n < 1 || matrix.length !== n * n) {
    throw new ConfigError(`a symmetric ${n} by ${n} matrix was expected, but ${matrix.length} elements were given`);
  }
  let largest = 0;
  let gap = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const value = matrix[i * n + j];
      if (!Number.isFinite(value)) {
        throw new NotFiniteError(`the matrix has ${value} at row ${i}, column ${j}; every element must be finite`);
      }
      largest = Math.max(largest, Math.abs(value));
      gap = Math.max(gap, Math.abs(value - matrix[j * n + i]));
    }
  }
  if (gap > 1e-8 * largest) {
    throw new ConfigError(`the matrix is not symmetric: elements across the diagonal differ by ${gap}`);
  }
  return largest === 0 ? 1 : largest;
}

/** The mean row, [dimension]. */
export function meanOf({ data, count, dimension }: Features): Float64Array {
  const mean = new Float64Array(dimension);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < dimension; j++) mean[j] += data[i * dimension + j];
  }
  return mean.map((sum) => sum / count);
}

/** The covariance of the columns with the divisor count - 1, [dimension, dimension]. `count`: at least 2. */
export function covarianceOf({ data, count, dimension }: Features, mean: Float64Array): Float64Array {
  const covariance = new Float64Array(dimension * dimension);
  const centred = new Float64Array(dimension);
  for (let row = 0; row < count; row++) {
    for (let j = 0; j < dimension; j++) centred[j] = data[row * dimension + j] - mean[j];
    for (let i = 0; i < dimension; i++) {
      const factor = centred[i];
      for (let j = i; j < dimension; j++) covariance[i * dimension + j] += factor * centred[j];
    }
  }
  for (let i = 0; i < dimension; i++) {
    for (let j = i; j < dimension; j++) {
      covariance[i * dimension + j] /= count - 1;
      covariance[j * dimension + i] = covariance[i * dimension + j];
    }
  }
  return covariance;
}

type Numbers = Float32Array | Float64Array;

/** A Bᵀ of A [rows, inner] and B [columns, inner]: every element a dot product of two rows. → [rows, columns] */
export function multiplyTransposed(a: Numbers, b: Numbers, rows: number, columns: number, inner: number): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const left = i * inner;
    for (let j = 0; j < columns; j++) {
      const right = j * inner;
      let even = 0; // two sums, so that one addition need not wait for the other
      let odd = 0;
      let k = 0;
      for (; k + 1 < inner; k += 2) {
        even += a[left + k] * b[right + k];
        odd += a[left + k + 1] * b[right + k + 1];
      }
      if (k < inner) even += a[left + k] * b[right + k];
      product[i * columns + j] = even + odd;
    }
  }
  return product;
}

/** [rows, columns] → [columns, rows] */
export function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
  }
  return out;
}

/** The sum of the diagonal of [n, n]. */
export function traceOf(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i];
  return sum;
}
