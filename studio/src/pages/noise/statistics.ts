/**
 * What can be counted on a picture, and what the law of x_t = alpha x_0 + sigma eps says it should be. Over the n pixels
 * (population variance, in float64):
 *
 *   mean(x_t) = alpha mean(x_0) ± sigma / sqrt(n)        variance(x_t) ≈ alpha² variance(x_0) + sigma²
 *   noise inside: (x_t - alpha x_0) / sigma, of mean 0 ± 1 / sqrt(n) and variance 1 ± sqrt(2 / n)
 */

export interface Moments {
  readonly mean: number;
  readonly variance: number;
}

export function momentsOf(values: Float32Array): Moments {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, variance: squares / values.length };
}

/** The mean and variance that x_t has on average, from those of the picture. */
export function lawOf(picture: Moments, alpha: number, sigma: number): Moments {
  return { mean: alpha * picture.mean, variance: alpha ** 2 * picture.variance + sigma ** 2 };
}

/** The mean and variance of the noise that is in x_t; NaN where there is none. */
export function noiseInside(xt: Float32Array, x0: Float32Array, alpha: number, sigma: number): Moments {
  if (sigma === 0) return { mean: Number.NaN, variance: Number.NaN };
  return momentsOf(xt.map((value, i) => (value - alpha * x0[i]) / sigma));
}

/** The root of the mean squared difference. Two independent noises of deviation sigma differ by sqrt(2) sigma. */
export function difference(a: Float32Array, b: Float32Array): { rms: number; largest: number } {
  let [squares, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    squares += (a[i] - b[i]) ** 2;
    largest = Math.max(largest, Math.abs(a[i] - b[i]));
  }
  return { rms: Math.sqrt(squares / a.length), largest };
}

/** The share of the data in the variance of data and noise of variance 1: alpha² / (alpha² + sigma²). Alpha-bar where their sum is 1. */
export function shareOfData(alpha: number, sigma: number): number {
  return alpha ** 2 / (alpha ** 2 + sigma ** 2);
}

/** 10 log10(alpha² / sigma²), infinite at the ends. */
export function decibels(alpha: number, sigma: number): number {
  return 20 * Math.log10(alpha / sigma);
}

/** x_t at equal brightness: divided by sqrt(alpha² + sigma²), its deviation where the picture's is 1. */
export function fitted(xt: Float32Array, alpha: number, sigma: number): Float32Array {
  const length = Math.hypot(alpha, sigma);
  return xt.map((value) => value / length);
}
