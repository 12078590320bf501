/**
 * A state whose numbers are larger than those of pictures, as on paths without scaling, is shown divided by its root mean
 * square: the rule of the pictures that the command line writes.
 */
export function inImageRange(x: Float32Array): Float32Array {
  let sum = 0;
  for (const value of x) sum += value * value;
  const rms = Math.sqrt(sum / x.length);
  return rms > 1 ? x.map((value) => value / rms) : x;
}
