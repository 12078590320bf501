/**
 * The loss by noise level: a running mean of the squared error (before weighting) in ten equal parts of the path's
 * times. Each image moves the mean of its bucket by 1/n while the bucket is young, and by 1/100 later:
 *
 *   w = (1 - d^n) / (1 - d),  mean ← mean + (error - mean) / w,  d = 0.99, n the images seen so far
 */
import type { Path } from "../diffusion/path-contract.ts";

export interface NoiseBucket {
  /** First time of the bucket, in the path's unit: timesteps, or [0, 1]. */
  readonly from: number;
  /** End of the bucket; it belongs to the next one. */
  readonly to: number;
  /** Running mean of the squared error; 0 while `count` is 0. */
  readonly loss: number;
  /** Images seen. */
  readonly count: number;
}

const BUCKETS = 10;
const DECAY = 0.99;

/** Empty buckets over the times of a path. */
export function emptyBuckets(path: Path): NoiseBucket[] {
  const end = path.timesteps ?? 1;
  return Array.from({ length: BUCKETS }, (_, i) => ({
    from: (i * end) / BUCKETS,
    to: ((i + 1) * end) / BUCKETS,
    loss: 0,
    count: 0,
  }));
}

/** The buckets after more images. `times`: as the path has them, [N]; `errors`: [N]. */
export function intoBuckets(
  buckets: readonly NoiseBucket[],
  times: ArrayLike<number>,
  errors: ArrayLike<number>,
): NoiseBucket[] {
  const next = buckets.map((bucket) => ({ ...bucket }));
  const width = next[0].to - next[0].from;
  for (let i = 0; i < times.length; i++) {
    const bucket = next[Math.min(next.length - 1, Math.floor((times[i] - next[0].from) / width))];
    bucket.count++;
    bucket.loss += (errors[i] - bucket.loss) / ((1 - DECAY ** bucket.count) / (1 - DECAY));
  }
  return next;
}
