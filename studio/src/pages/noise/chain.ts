/**
 * The same x_t by many small steps. Between two times r < s of a path one Markov step is
 *
 *   x_s = a x_r + b eps,   a = alpha_s / alpha_r,   b² = sigma_s² - a² sigma_r²,   eps ~ N(0, I) fresh in every step
 *
 * and the first one starts from the picture (alpha = 1, sigma = 0). For the timesteps of a variance-preserving path it is
 * DDPM's q(x_t | x_{t-1}), a² = 1 - beta_t, b² = beta_t (Ho et al. 2020, eq. 2). After the last step the factors of the
 * picture have multiplied to alpha_t, and the noises add up to one noise of variance sigma_t²:
 *
 *   x_t = alpha_t x_0 + sum_j w_j eps_j,   w_j = (alpha_t / alpha_j) b_j,   sum_j w_j² = sigma_t²
 *
 * The test holds both sums on every path, and the betas of DDPM.
 */
import type { Path } from "langevin/browser";

/** One step of the chain. */
export interface Link {
  /** The time after the step. */
  readonly t: number;
  /** a: the factor of what was there. */
  readonly keep: number;
  /** b: the standard deviation of the fresh noise. */
  readonly spread: number;
}

/** The noise of step j, standard normal, always the same for the same j. */
export type NoiseOf = (step: number) => Float32Array;

/**
 * The times after each of `count` steps from the data to t, evenly spaced. A path of timesteps has no times between
 * them, so there are at most as many steps as timesteps up to t.
 */
export function chainTimes(path: Path, t: number, count: number): number[] {
  const start = path.span[0];
  if (path.timesteps === undefined) {
    return Array.from({ length: count }, (_, j) => (j === count - 1 ? t : start + ((t - start) * (j + 1)) / count));
  }
  const steps = Math.min(count, t + 1); // the timesteps 0 .. t
  return Array.from({ length: steps }, (_, j) => Math.round(((t + 1) * (j + 1)) / steps) - 1);
}

/** The steps through rising times. */
export function linksOf(path: Path, times: readonly number[]): Link[] {
  let [alphaBefore, sigmaBefore] = [1, 0];
  return times.map((t) => {
    const [alpha, sigma] = [path.alpha(t), path.sigma(t)];
    const keep = alpha / alphaBefore;
    // Not negative on any path, but for the last digit of float64.
    const spread = Math.sqrt(Math.max(0, sigma ** 2 - (keep * sigmaBefore) ** 2));
    [alphaBefore, sigmaBefore] = [alpha, sigma];
    return { t, keep, spread };
  });
}

/** x after each step, as many pictures as links; each as long as x0. */
export function walk(x0: Float32Array, links: readonly Link[], noiseOf: NoiseOf): Float32Array[] {
  let x = x0;
  return links.map(({ keep, spread }, step) => {
    const noise = noiseOf(step);
    x = x.map((value, i) => keep * value + spread * noise[i]);
    return x;
  });
}

/** w_j: how much of the noise of step j is left at the end. */
export function noiseWeights(links: readonly Link[]): Float64Array {
  const weights = new Float64Array(links.length);
  let kept = 1; // of the noise of this step, by all later ones
  for (let step = links.length - 1; step >= 0; step--) {
    weights[step] = kept * links[step].spread;
    kept *= links[step].keep;
  }
  return weights;
}

/**
 * The one noise that the noises of all steps amount to: sum_j w_j eps_j / sqrt(sum_j w_j²). Standard normal again;
 * zeros where the steps add no noise at all.
 */
export function composedNoise(links: readonly Link[], noiseOf: NoiseOf, size: number): Float32Array {
  const weights = noiseWeights(links);
  const sigma = Math.hypot(...weights);
  const sum = new Float64Array(size);
  if (sigma > 0) {
    weights.forEach((weight, step) => {
      const noise = noiseOf(step);
      for (let i = 0; i < size; i++) sum[i] += (weight / sigma) * noise[i];
    });
  }
  return Float32Array.from(sum);
}
