import { describe, expect, it } from "vitest";
import { ConfigError, NotFiniteError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import {
  covarianceOf,
  meanOf,
  multiplyTransposed,
  symmetricEigen,
  symmetricEigenvalues,
  transpose,
} from "./linear-algebra.ts";
import { randomFeatures } from "./testing/random-features.ts";

function tridiagonal(diagonal: number[], off: number): Float64Array {
  const n = diagonal.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    matrix[i * n + i] = diagonal[i];
    if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = off;
  }
  return matrix;
}

/** Largest element of V A - diag(λ) V and of V Vᵀ - I, V holding eigenvectors as rows. */
function residuals(matrix: Float64Array, n: number) {
  const { values, vectors } = symmetricEigen(matrix, n);
  const image = multiplyTransposed(vectors, matrix, n, n, n);
  const gram = multiplyTransposed(vectors, vectors, n, n, n);
  let equation = 0;
  let orthogonality = 0;
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      equation = Math.max(equation, Math.abs(image[k * n + j] - values[k] * vectors[k * n + j]));
      orthogonality = Math.max(orthogonality, Math.abs(gram[k * n + j] - (k === j ? 1 : 0)));
    }
  }
  return { values, equation, orthogonality };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(Math.abs(actual[i] - expected[i])).toBeLessThan(tolerance);
}

describe("symmetricEigen", () => {
  it.each([1, 2, 3, 10, 65])("second differences of size %i: 2 - 2 cos(kπ / (n + 1))", (n) => {
    const expected = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    const matrix = tridiagonal(new Array(n).fill(2), -1);
    const { values, equation, orthogonality } = residuals(matrix, n);
    expectClose(values, expected, 1e-13);
    expectClose(symmetricEigenvalues(matrix, n), expected, 1e-13);
    expect(equation).toBeLessThan(1e-13);
    expect(orthogonality).toBeLessThan(1e-13);
  });

  it("Wilkinson's W21+: the top pair agrees to 14 digits and is 10.746194182903393", () => {
    // Wilkinson, "The Algebraic Eigenvalue Problem" (1965), chapter 5; these digits from numpy.linalg.eigvalsh 2.4.6.
    const diagonal = Array.from({ length: 21 }, (_, i) => Math.abs(i - 10));
    const { values, orthogonality } = residuals(tridiagonal(diagonal, 1), 21);
    expectClose(values.slice(19), [10.746194182903322, 10.746194182903393], 2e-14);
    expect(orthogonality).toBeLessThan(1e-13);
  });

  it("a dense matrix of known eigenvalues: H diag(λ) H with one reflection H", () => {
    const n = 40;
    const random = Random.from(1);
    const v = random.normals(n);
    const norm = v.reduce((sum, x) => sum + x * x, 0);
    const lambda = Array.from({ length: n }, (_, k) => (k < 5 ? 3 : k - 20)); // five alike, some negative
    const h = Float64Array.from(
      { length: n * n },
      (_, i) => (i % (n + 1) === 0 ? 1 : 0) - (2 * v[Math.floor(i / n)] * v[i % n]) / norm,
    );
    const scaled = h.map((x, i) => x * lambda[i % n]);
    const matrix = multiplyTransposed(scaled, h, n, n, n);
    const { values, equation, orthogonality } = residuals(matrix, n);
    expectClose(
      values,
      lambda.sort((a, b) => a - b),
      1e-12,
    );
    expect(equation).toBeLessThan(1e-12);
    expect(orthogonality).toBeLessThan(1e-12);
  });

  it("rank one, zero, and numbers whose squares overflow", () => {
    const u = [1, 2, 2];
    const one = Float64Array.from({ length: 9 }, (_, i) => u[Math.floor(i / 3)] * u[i % 3]);
    expectClose(residuals(one, 3).values, [0, 0, 9], 1e-14);
    expect([...symmetricEigenvalues(new Float64Array(16), 4)]).toEqual([0, 0, 0, 0]);
    const huge = symmetricEigenvalues(
      one.map((x) => x * 1e300),
      3,
    );
    expect(huge[2] / 9e300).toBeCloseTo(1, 14);
  });

  it("a covariance of 30 samples in 128 dimensions has 29 eigenvalues above rounding", () => {
    const features = randomFeatures(9, 30, 128);
    const { values, equation, orthogonality } = residuals(covarianceOf(features, meanOf(features)), 128);
    expect(values.filter((value) => value > 1e-13).length).toBe(29);
    expect(equation).toBeLessThan(1e-13);
    expect(orthogonality).toBeLessThan(1e-12);
  });

  it("128 by 128 in well under a second", () => {
    const features = randomFeatures(10, 300, 128);
    const covariance = covarianceOf(features, meanOf(features));
    const start = performance.now();
    symmetricEigen(covariance, 128);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("refuses what is not square, symmetric and finite", () => {
    expect(() => symmetricEigen(new Float64Array(5), 2)).toThrow(ConfigError);
    expect(() => symmetricEigen(Float64Array.of(1, 2, 3, 4), 2)).toThrow(/not symmetric/);
    expect(() => symmetricEigenvalues(Float64Array.of(1, Number.NaN, Number.NaN, 4), 2)).toThrow(NotFiniteError);
  });
});

describe("covarianceOf", () => {
  it("divides by n - 1", () => {
    const features = { data: Float32Array.of(1, 2, 3, 6, 5, 1), count: 3, dimension: 2 };
    const mean = meanOf(features);
    expect([...mean]).toEqual([3, 3]);
    expect([...covarianceOf(features, mean)]).toEqual([4, -1, -1, 7]);
  });

  it("agrees with numpy (testing/goldens.py)", () => {
    const a = randomFeatures(1, 60, 8);
    // biome-ignore format: a table
    expectClose(symmetricEigenvalues(covarianceOf(a, meanOf(a)), 8), [
      0.03959865417840019, 0.04434918464432916, 0.05659505562980355, 0.06686805405766953, 0.09150292654312617,
      0.2598341042819226, 0.7022190583310353, 0.9261352157339967,
    ], 1e-14);
  });
});

it("products and transposes", () => {
  const a = Float64Array.of(1, 2, 3, 4, 5, 6); // [2, 3]
  const b = Float64Array.of(1, 0, -1, 2, 1, 0, 0, 0, 1); // [3, 3]
  expect([...multiplyTransposed(a, b, 2, 3, 3)]).toEqual([-2, 4, 3, -2, 13, 6]);
  expect([...transpose(a, 2, 3)]).toEqual([1, 4, 2, 5, 3, 6]);
});
