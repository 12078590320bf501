/**
 * What a classifier says of a set of images, from its probabilities p(class | image), [count, classes]:
 *
 *   confidence share   the share of images with max_k p_k above a threshold
 *   class coverage     how often each class is the likeliest one; the classes that occur; the entropy of that histogram
 *   classifier score   exp( mean_i KL( p(k | x_i) ‖ p(k) ) ), with p(k) the mean over the images
 *
 * The last has the form of the Inception score (Salimans et al., 1606.03498, §4), but it is that score only with the
 * Inception network; with any other classifier its values compare with nothing outside of the project.
 *
 * Tested against values worked by hand and numpy (testing/goldens.py), to 1e-12.
 */
import { ConfigError, DataError } from "../core/errors.ts";
import { checkInteger } from "./features.ts";

/** Class probabilities of `count` images, [count, classes] row-major; each row sums to 1. */
export interface ClassProbabilities {
  readonly data: Float32Array | Float64Array;
  readonly count: number;
  readonly classes: number;
}

/** The share of images whose likeliest class has a probability above `threshold`. `threshold`: in [0, 1). */
export function confidenceShare(probabilities: ClassProbabilities, threshold = 0.9): number {
  checkProbabilities(probabilities);
  if (!(threshold >= 0 && threshold < 1)) {
    throw new ConfigError(`threshold must be a probability from 0 to below 1, not ${threshold}`);
  }
  let sure = 0;
  for (let i = 0; i < probabilities.count; i++) {
    if (rowOf(probabilities, i)[likeliest(probabilities, i)] > threshold) sure++;
  }
  return sure / probabilities.count;
}

export interface ClassCoverage {
  /** Images whose likeliest class is k, [classes]. */
  histogram: number[];
  /** Number of classes that occur at least once. */
  occurring: number;
  /** Entropy of the histogram in nats, from 0 (one class) to ln(classes) (all alike). */
  entropy: number;
}

/** Which classes the images fall into, each image counted for its likeliest class (the first one on a tie). */
export function classCoverage(probabilities: ClassProbabilities): ClassCoverage {
  checkProbabilities(probabilities);
  const { count, classes } = probabilities;
  const histogram = new Array<number>(classes).fill(0);
  for (let i = 0; i < count; i++) histogram[likeliest(probabilities, i)]++;
  const occurring = histogram.filter((images) => images > 0);
  const entropy = occurring.reduce((sum, images) => sum + (images / count) * Math.log(count / images), 0);
  return { histogram, occurring: occurring.length, entropy };
}

export interface ClassifierScore {
  /** Mean over the splits, from 1 to the number of classes. */
  mean: number;
  /** Population standard deviation over the splits; 0 for one split. */
  std: number;
}

/**
 * The classifier score. `splits`: consecutive parts of the set that are scored one by one (the Inception score is
 * usually quoted over 10); few images in a split lower the score. Default 1.
 */
export function classifierScore(probabilities: ClassProbabilities, splits = 1): ClassifierScore {
  checkProbabilities(probabilities);
  checkInteger("splits", splits, 1, probabilities.count);
  const scores = Array.from({ length: splits }, (_, split) => {
    const start = Math.floor((split * probabilities.count) / splits);
    const end = Math.floor(((split + 1) * probabilities.count) / splits);
    return scoreOf(probabilities, start, end);
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / splits;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / splits;
  return { mean, std: Math.sqrt(variance) };
}

/** exp of the mean divergence of the rows from `start` to before `end`; 0 ln 0 counts as 0. */
function scoreOf(probabilities: ClassProbabilities, start: number, end: number): number {
  const marginal = new Float64Array(probabilities.classes);
  for (let i = start; i < end; i++) {
    rowOf(probabilities, i).forEach((p, k) => {
      marginal[k] += p / (end - start);
    });
  }
  let divergence = 0;
  for (let i = start; i < end; i++) {
    rowOf(probabilities, i).forEach((p, k) => {
      if (p > 0) divergence += p * Math.log(p / marginal[k]);
    });
  }
  return Math.exp(divergence / (end - start));
}

function rowOf({ data, classes }: ClassProbabilities, i: number): Float32Array | Float64Array {
  return data.subarray(i * classes, (i + 1) * classes);
}

function likeliest(probabilities: ClassProbabilities, i: number): number {
  const row = rowOf(probabilities, i);
  let best = 0;
  for (let k = 1; k < row.length; k++) if (row[k] > row[best]) best = k;
  return best;
}

/** A DataError unless there are [count, classes] numbers, none negative, each row with the sum 1 to 1e-3. */
function checkProbabilities({ data, count, classes }: ClassProbabilities): void {
  if (!(count >= 1) || !(classes >= 1) || data.length !== count * classes) {
    throw new DataError(
      `class probabilities hold ${data.length} numbers, which is not ${count} images of ${classes} classes (at least one of each); pass count and classes as the data has them`,
    );
  }
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const p = data[i * classes + k];
      if (!(p >= 0)) throw new DataError(`image ${i} has the probability ${p} for class ${k}; pass softmax outputs`);
      sum += p;
    }
    if (!(Math.abs(sum - 1) <= 1e-3)) {
      throw new DataError(`the probabilities of image ${i} sum to ${sum}, not to 1; pass softmax outputs, not logits`);
    }
  }
}
