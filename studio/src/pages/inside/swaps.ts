/**
 * The columns of the page's matrix of swaps, and where along them a picture stops to be the one class and is the other.
 */

/** Up to `most` numbers of steps from 0 to `steps`, both with them, evenly spread. */
export function columnsOf(steps: number, most: number): number[] {
  const count = Math.min(most, steps + 1);
  return Array.from({ length: count }, (_, i) => Math.round((i * steps) / (count - 1)));
}

/**
 * How much of A is in each picture of a row [columns, ...]: 0 where it is the first one (all B), 1 where it is the last
 * (all A), by its distances to both:  |x − b| / (|x − a| + |x − b|).
 */
export function sharesOfA(images: Float32Array, columns: number): number[] {
  const size = images.length / columns;
  const distance = (one: number, other: number) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += (images[one * size + i] - images[other * size + i]) ** 2;
    return Math.sqrt(sum);
  };
  return Array.from({ length: columns }, (_, column) => {
    const [toB, toA] = [distance(column, 0), distance(column, columns - 1)];
    return toA + toB === 0 ? 0 : toB / (toA + toB);
  });
}

/** Between which two columns the mean share of A passes one half; undefined where it does not. */
export function tippingOf(shares: readonly number[]): number | undefined {
  for (let i = 1; i < shares.length; i++) if (shares[i - 1] < 0.5 && shares[i] >= 0.5) return i;
  return undefined;
}

/** The first column from which on nearly all is A, 19 parts of 20. */
export function settledOf(shares: readonly number[]): number | undefined {
  const late = shares.findLastIndex((share) => share < 0.95) + 1;
  return late < shares.length ? late : undefined;
}
