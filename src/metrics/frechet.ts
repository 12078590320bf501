/**
 * The Fréchet distance between two sets of features, each taken as a Gaussian:
 *
 *   d² = |μ - μr|² + Tr(Σ + Σr - 2 (Σ Σr)^½)
 *
 * Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982), eq. 6; the form
 * of Heusel et al. (1706.08500), eq. 6, with covariances of divisor n - 1. The value is d², as everywhere in the field.
 *
 * Tr (Σ Σr)^½ is the sum of the square roots of the eigenvalues of Σ^½ Σr Σ^½. With Σ = Vᵀ diag(s) V, only the rows of
 * V whose s is above rounding are kept: L = diag(√s) V of [rank, d], and the eigenvalues are those of L Σr Lᵀ, of
 * [rank, rank]. So fewer samples than features need no jitter on the diagonal: the directions without variance, whose
 * rounding errors the square root would magnify, are gone.
 *
 * On the features of another network than Inception this is NOT the FID, and must be named after its network.
 *
 * Tested against closed forms (commuting, 2 by 2, rank one) and numpy's eigenvalues of Σ Σr, to 1e-9 relative.
 */
import { DataError } from "../core/errors.ts";
import { checkFeatures, checkPair, type Features } from "./features.ts";
import {
  covarianceOf,
  meanOf,
  multiplyTransposed,
  symmetricEigen,
  symmetricEigenvalues,
  traceOf,
} from "./linear-algebra.ts";

/** Mean and covariance of a set of features; enough for the distance, so a reference set need be read only once. */
export interface GaussianStatistics {
  readonly mean: Float64Array; // [dimension]
  readonly covariance: Float64Array; // [dimension, dimension]
  readonly dimension: number;
  /** Images that they were computed from; the distance is biased upwards when they are few. */
  readonly count: number;
}

/** The mean and the covariance (divisor count - 1). `features`: at least 2 images, all finite. */
export function gaussianStatistics(features: Features, name = "the feature matrix"): GaussianStatistics {
  checkFeatures(features, name, 2);
  const mean = meanOf(features);
  return {
    mean,
    covariance: covarianceOf(features, mean),
    dimension: features.dimension,
    count: features.count,
  };
}

/**
 * The squared Fréchet distance between the Gaussians of two feature matrices: at least 0, and 0 where both are equal.
 *
 * It falls with the number of images even for a perfect model, so print it beside real against real at the same count.
 */
export function frechetDistance(a: Features, b: Features): number {
  checkPair(a, b, "the first feature matrix", "the second feature matrix", 2);
  return frechetDistanceOfStatistics(gaussianStatistics(a), gaussianStatistics(b));
}

/** `frechetDistance` from stored statistics. */
export function frechetDistanceOfStatistics(a: GaussianStatistics, b: GaussianStatistics): number {
  if (a.dimension !== b.dimension) {
    throw new DataError(
      `the statistics have ${a.dimension} and ${b.dimension} features; take both from the same network`,
    );
  }
  const d = a.dimension;
  let shift = 0;
  for (let i = 0; i < d; i++) shift += (a.mean[i] - b.mean[i]) ** 2;
  const spread = traceOf(a.covariance, d) + traceOf(b.covariance, d);
  // The distance is not negative; what rounding leaves below zero for equal sets is no distance.
  return Math.max(0, shift + spread - 2 * traceOfRoot(a.covariance, b.covariance, d));
}

/** Tr (A B)^½ of two positive semi-definite matrices [d, d]. */
function traceOfRoot(a: Float64Array, b: Float64Array, d: number): number {
  const { values, vectors } = symmetricEigen(a, d);
  const least = d * 2 ** -52 * values[d - 1];
  let first = 0; // values ascend: the directions that vary are the last ones
  while (first < d && values[first] <= least) first++;
  const rank = d - first;
  if (rank === 0) return 0;

  const root = vectors.slice(first * d); // [rank, d]
  for (let i = 0; i < rank; i++) {
    const factor = Math.sqrt(values[first + i]);
    for (let j = 0; j < d; j++) root[i * d + j] *= factor;
  }
  const half = multiplyTransposed(root, b, rank, d, d); // [rank, d], L Bᵀ = L B
  const inner = multiplyTransposed(half, root, rank, rank, d); // [rank, rank], L B Lᵀ
  let trace = 0;
  for (const value of symmetricEigenvalues(inner, rank)) trace += Math.sqrt(Math.max(0, value));
  return trace;
}
