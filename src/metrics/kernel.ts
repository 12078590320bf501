/**
 * Comparisons of two sets of features image by image, without a Gaussian between them.
 *
 * Kernel distance: the unbiased squared maximum mean discrepancy with k(x, y) = (xᵀy / d + 1)³,
 *   mmd² = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean_{i,j} k(x_i, y_j),
 * mean and standard deviation over seeded subsets without repetition. Source: Bińkowski et al. (1801.01401), §4; on
 * Inception features it is the KID. Being unbiased it may fall below zero, and does for equal distributions.
 *
 * Precision, recall: with balls around each image of a set that reach to its k-th neighbour in that set, the share of
 * generated images in a ball of a real one, and of real images in a ball of a generated one. Source: Kynkäänniemi et al.
 * (1904.06991), eq. 1 and 2, k = 3.
 * Density, coverage: the number of real balls that hold a generated image, over k, averaged; the share of real balls
 * that hold at least one. Source: Naeem et al. (2002.09797), eq. 3 and 4, k = 5. Density can exceed 1.
 * A point at exactly the radius lies in the ball.
 *
 * Tested against tiny sets worked by hand and numpy (testing/goldens.py), to 1e-12 relative; the counts exactly.
 */
import { Random } from "../core/random.ts";
import { checkInteger, checkPair, type Features, gatherRows } from "./features.ts";
import { multiplyTransposed } from "./linear-algebra.ts";

/** Kernel matrices up to this many elements in all are computed once; larger sets, afresh for each subset. */
const MOST_KERNEL_ELEMENTS = 2 ** 24;

export interface KernelDistanceOptions {
  /** Random subsets to average over. Default 100. */
  subsets?: number;
  /** Images of each set in a subset, at least 2. Default: half of the smaller set, at most 1000. */
  subsetSize?: number;
  /** Chooses the subsets; an integer in [0, 2^53). Default 0. */
  seed?: number;
}

export interface KernelDistance {
  mean: number;
  /** Population standard deviation over the subsets. */
  std: number;
  subsets: number;
  subsetSize: number;
}

/** The kernel distance between two feature matrices of at least 2 images each. */
export function kernelDistance(
  real: Features,
  generated: Features,
  options: KernelDistanceOptions = {},
): KernelDistance {
  checkPair(real, generated, "the real feature matrix", "the generated feature matrix", 2);
  const fewest = Math.min(real.count, generated.count);
  const { subsets = 100, subsetSize = Math.min(1000, Math.max(2, Math.floor(fewest / 2))), seed = 0 } = options;
  checkInteger("subsets", subsets, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("subsetSize", subsetSize, 2, fewest);

  const random = Random.from(seed, "kernel distance");
  const elements = real.count ** 2 + generated.count ** 2 + real.count * generated.count;
  const whole = elements <= MOST_KERNEL_ELEMENTS ? kernelsOf(real, generated) : undefined;
  const everyRow = Uint32Array.from({ length: subsetSize }, (_, i) => i);
  const values = Array.from({ length: subsets }, () => {
    const rowsX = random.permutation(real.count).subarray(0, subsetSize);
    const rowsY = random.permutation(generated.count).subarray(0, subsetSize);
    if (whole !== undefined) return discrepancy(whole, rowsX, rowsY);
    return discrepancy(kernelsOf(gatherRows(real, rowsX), gatherRows(generated, rowsY)), everyRow, everyRow);
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets;
  return { mean, std: Math.sqrt(variance), subsets, subsetSize };
}

interface Kernels {
  xx: Float64Array; // [N, N]
  yy: Float64Array; // [M, M]
  xy: Float64Array; // [N, M]
  countX: number;
  countY: number;
}

function kernelsOf(x: Features, y: Features): Kernels {
  const kernel = (a: Features, b: Features) => {
    const matrix = multiplyTransposed(a.data, b.data, a.count, b.count, a.dimension);
    for (let i = 0; i < matrix.length; i++) {
      const base = matrix[i] / a.dimension + 1;
      matrix[i] = base * base * base;
    }
    return matrix;
  };
  return { xx: kernel(x, x), yy: kernel(y, y), xy: kernel(x, y), countX: x.count, countY: y.count };
}

/** The unbiased squared discrepancy of two subsets of equal size, given by row numbers. */
function discrepancy({ xx, yy, xy, countX, countY }: Kernels, rowsX: Uint32Array, rowsY: Uint32Array): number {
  const size = rowsX.length;
  let within = 0;
  let across = 0;
  for (let i = 0; i < size; i++) {
    const x = rowsX[i];
    const y = rowsY[i];
    for (let j = 0; j < i; j++) within += xx[x * countX + rowsX[j]] + yy[y * countY + rowsY[j]];
    for (let j = 0; j < size; j++) across += xy[x * countY + rowsY[j]];
  }
  return (2 * within) / (size * (size - 1)) - (2 * across) / (size * size);
}

export interface PrecisionRecall {
  /** Share of the generated images that look like a real one, in [0, 1]. */
  precision: number;
  /** Share of the real images that the generated ones reach, in [0, 1]. */
  recall: number;
}

/** Precision and recall. `k`: the neighbour that gives a ball its radius; both sets need more than k images. */
export function precisionRecall(real: Features, generated: Features, k = 3): PrecisionRecall {
  checkNeighbours(real, generated, k);
  const realBalls = squaredRadii(real, k);
  const generatedBalls = squaredRadii(generated, k);
  const faithful = new Uint8Array(generated.count);
  const reached = new Uint8Array(real.count);
  forEachSquaredDistance(real, generated, (i, j, squared) => {
    if (squared <= realBalls[i]) faithful[j] = 1;
    if (squared <= generatedBalls[j]) reached[i] = 1;
  });
  return { precision: shareOf(faithful), recall: shareOf(reached) };
}

export interface DensityCoverage {
  /** Mean number of real balls around a generated image, over k: 1 in expectation for equal distributions. */
  density: number;
  /** Share of the real balls that hold a generated image, in [0, 1]. */
  coverage: number;
}

/** Density and coverage. `k`: the neighbour that gives a real ball its radius; both sets need more than k images. */
export function densityCoverage(real: Features, generated: Features, k = 5): DensityCoverage {
  checkNeighbours(real, generated, k);
  const realBalls = squaredRadii(real, k);
  const covered = new Uint8Array(real.count);
  let inside = 0;
  forEachSquaredDistance(real, generated, (i, _, squared) => {
    if (squared > realBalls[i]) return;
    inside++;
    covered[i] = 1;
  });
  return { density: inside / (k * generated.count), coverage: shareOf(covered) };
}

function checkNeighbours(real: Features, generated: Features, k: number): void {
  checkInteger("k", k, 1, Number.MAX_SAFE_INTEGER);
  checkPair(real, generated, "the real feature matrix", "the generated feature matrix", k + 1);
}

/** Squared distance of each image to its k-th nearest other image of the same set, [count]. */
function squaredRadii(features: Features, k: number): Float64Array {
  const nearest = new Float64Array(features.count * k).fill(Number.POSITIVE_INFINITY); // [count, k], rows ascend
  forEachSquaredDistance(features, features, (i, j, squared) => {
    if (i === j || squared >= nearest[i * k + k - 1]) return;
    let place = i * k + k - 1;
    for (; place > i * k && nearest[place - 1] > squared; place--) nearest[place] = nearest[place - 1];
    nearest[place] = squared;
  });
  return Float64Array.from({ length: features.count }, (_, i) => nearest[i * k + k - 1]);
}

/**
 * Visits every pair in row order. The squares of the differences themselves are summed, not |x|² + |y|² - 2 xᵀy: equal
 * images are then at exactly 0, and a distance is the same from either side.
 */
function forEachSquaredDistance(a: Features, b: Features, visit: (i: number, j: number, squared: number) => void) {
  const { dimension } = a;
  for (let i = 0; i < a.count; i++) {
    const left = i * dimension;
    for (let j = 0; j < b.count; j++) {
      const right = j * dimension;
      let squared = 0;
      for (let k = 0; k < dimension; k++) {
        const difference = a.data[left + k] - b.data[right + k];
        squared += difference * difference;
      }
      visit(i, j, squared);
    }
  }
}

function shareOf(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
}
