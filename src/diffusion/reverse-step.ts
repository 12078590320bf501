/**
 * One step of the chain that a path makes of two of its levels, from `level` (t) to `next` (s, less noise):
 *
 *   q(x_t | x_s) = N(a x_s, G² I),     a = alpha_t / alpha_s,     G² = sigma_t² - a² sigma_s²
 *   q(x_s | x_t, x0) = N(sampleFactor x0 + noisedFactor x_t, small I)
 *   sampleFactor = alpha_s G² / sigma_t²     noisedFactor = a sigma_s² / sigma_t²     small = sigma_s² G² / sigma_t²
 *
 * On a discrete VP path a² = 1 - beta and G² = beta: `large` is DDPM's "fixedlarge" and `small` its posterior variance.
 * On a VE path a = 1 and G² = sigma_t² - sigma_s².
 *
 * Sources: Ho, Jain, Abbeel (2020), eq. 6 and 7; Kingma et al., "Variational Diffusion Models" (2021), appendix A.
 */
import type { Level } from "./path-contract.ts";

type Place = Pick<Level, "alpha" | "sigma">;

export interface ReverseStep {
  readonly level: Level;
  readonly next: Level;
  /** a: the share of x_s that is left in x_t. 0 where the path has no data. */
  readonly kept: number;
  /** G²: the variance of the noise that is added on the way; the larger of the two fixed reverse variances. */
  readonly large: number;
  /** The variance of q(x_s | x_t, x0), the smaller one; 0 where the step ends at the data. */
  readonly small: number;
  readonly sampleFactor: number;
  readonly noisedFactor: number;
}

export function reverseStep(level: Level, next: Level): ReverseStep {
  const kept = level.alpha / next.alpha;
  const large = addedVariance(level, next);
  const total = level.sigma ** 2;
  return {
    level,
    next,
    kept,
    large,
    small: (next.sigma ** 2 * large) / total,
    sampleFactor: (next.alpha * large) / total,
    noisedFactor: (kept * next.sigma ** 2) / total,
  };
}

/** G². */
function addedVariance(level: Place, next: Place): number {
  return level.sigma ** 2 - ((level.alpha / next.alpha) * next.sigma) ** 2;
}
