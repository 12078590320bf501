/**
 * The loss by noise level: a running mean of the squared error (before weighting) in ten parts of the path's times. They
 * are equal in time where time is a count or a share, that is for timesteps and for times within [0, 1]; where time is
 * something else, such as the sigma of EDM, they are equal in log-SNR, for equal parts of sigma would leave all but the
 * strongest noise in the first one. Each image moves the mean of its bucket by 1/n while the bucket is young, and by 1/100 later:
 *
 *   w = (1 - d^n) / (1 - d),  mean ← mean + (error - mean) / w,  d = 0.99, n the images seen so far
 */
import type { Path } from "../diffusion/path-contract.ts";

export interface NoiseBucket {
  /** First time of the bucket, in the path's unit: timesteps, [0, 1], sigma. */
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
  const ends = edges(path);
  return Array.from({ length: BUCKETS }, (_, i) => ({ from: ends[i], to: ends[i + 1], loss: 0, count: 0 }));
}

/** Where the buckets begin and end, rising: BUCKETS + 1 times. */
function edges(path: Path): number[] {
  const parts = Array.from({ length: BUCKETS + 1 }, (_, i) => i);
  if (path.timesteps !== undefined) return parts.map((i) => (i * path.timesteps!) / BUCKETS);
  const [from, to] = path.span;
  const [most, least] = [path.logSnr(from), path.logSnr(to)];
  const isShare = from >= 0 && to <= 1;
  if (isShare || !Number.isFinite(most) || !Number.isFinite(least)) {
    return parts.map((i) => from + (i * (to - from)) / BUCKETS);
  }
  return parts.map((i) =>
    i === 0 ? from : i === BUCKETS ? to : path.timeOfLogSnr(most + (i * (least - most)) / BUCKETS),
  );
}

/** The buckets after more images. `times`: as the path has them, [N]; `errors`: [N]. */
export function intoBuckets(
  buckets: readonly NoiseBucket[],
  times: ArrayLike<number>,
  errors: ArrayLike<number>,
): NoiseBucket[] {
  const next = buckets.map((bucket) => ({ ...bucket }));
  for (let i = 0; i < times.length; i++) {
    const bucket = next.find(({ to }) => times[i] < to) ?? next[next.length - 1];
    bucket.count++;
    bucket.loss += (errors[i] - bucket.loss) / ((1 - DECAY ** bucket.count) / (1 - DECAY));
  }
  return next;
}
