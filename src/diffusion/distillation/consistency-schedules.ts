/**
 * The numbers of consistency training that change with the step, k = 0 .. K-1.
 *
 * Song, Dhariwal, Chen, Sutskever, "Consistency Models" (2023), appendix C and their code (`ema_and_scales_fn`):
 *
 *   root    N(k) = ⌈sqrt(k/K ((s1 + 1)² - s0²) + s0²) - 1⌉ + 1     levels, s0 = 2, s1 = 150
 *           mu(k) = exp(s0 ln mu0 / (N(k) - 1))                    decay of the target; their code; the paper prints N(k)
 *
 * Song and Dhariwal, "Improved Techniques for Training Consistency Models" (2023), §3.4, 3.5 and table 1:
 *
 *   double  N(k) = min(s0 2^⌊k/K'⌋, s1) + 1,  K' = ⌊K / (log2⌊s1/s0⌋ + 1)⌋,   s0 = 10, s1 = 1280
 *           p(i) ∝ erf((ln s_i - m) / (√2 d)) - erf((ln s_{i+1} - m) / (√2 d))    log-normal weights of the levels
 *           c = 0.00054 √dimensions                                              of sqrt(|x|² + c²) - c
 *
 * Tested against values worked out by hand from these formulas.
 */
import { ConfigError } from "../../core/errors.ts";
import { choice, integer, readOptions, show } from "../options.ts";

export const growths = ["fixed", "root", "double"] as const;
/** How the number of levels grows during training. */
export type Growth = (typeof growths)[number];

export interface GrowthOptions {
  growth: Growth;
  /** s0, as above; not for "fixed". */
  first: number;
  /** s1, as above; the number of levels itself where it is "fixed". */
  last: number;
}

/** The number of levels N at update `step` (1 for the first) of `steps`. Two at least. */
export function levelCount({ growth, first, last }: GrowthOptions, step: number, steps: number): number {
  readOptions("levelCount", { growth: choice(...growths), last: integer(2) }, { growth, last });
  if (growth === "fixed") return last;
  if (!integer(1, last).accepts(first)) {
    throw new ConfigError(
      `the first number of levels must be an integer from 1 to the last, ${last}, not ${show(first)}`,
    );
  }
  const k = Math.min(step, steps) - 1;
  if (growth === "root") {
    const root = Math.sqrt((k / steps) * ((last + 1) ** 2 - first ** 2) + first ** 2);
    return Math.max(1, Math.ceil(root - 1)) + 1;
  }
  const stage = Math.max(1, Math.floor(steps / (Math.log2(Math.floor(last / first)) + 1)));
  return Math.min(first * 2 ** Math.floor(k / stage), last) + 1;
}

/** mu(k): the decay of the target's average, for N levels. */
export function targetDecay(mu0: number, { growth, first }: GrowthOptions, levels: number): number {
  return growth === "fixed" ? mu0 : Math.exp((first * Math.log(mu0)) / (levels - 1));
}

/** Probabilities of the N - 1 pairs of falling noise levels s_1 > .. > s_N, for ln s ~ N(mean, std²). */
export function logNormalPairs(sigmas: readonly number[], { mean, std }: { mean: number; std: number }): number[] {
  const at = sigmas.map((sigma) => erf((Math.log(sigma) - mean) / (Math.SQRT2 * std)));
  const masses = at.slice(1).map((lower, i) => at[i] - lower);
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  if (!(total > 0)) {
    throw new ConfigError(
      `noise levels from ${sigmas.at(-1)} to ${sigmas[0]} have no share of a log-normal variable of mean ${mean} and ` +
        `standard deviation ${std}`,
    );
  }
  return masses.map((mass) => mass / total);
}

/** The index that a uniform number in [0, 1) falls on, for probabilities that sum to 1. */
export function pick(probabilities: readonly number[], u: number): number {
  let sum = 0;
  for (const [i, probability] of probabilities.entries()) {
    sum += probability;
    if (u < sum) return i;
  }
  return probabilities.findLastIndex((probability) => probability > 0); // the sum rounds to a little below 1
}

/** c of the pseudo-Huber distance for images of so many numbers. */
export function huberConstant(dimensions: number): number {
  return 0.00054 * Math.sqrt(dimensions);
}

/** The error function, to 1e-12: its series below 3, the continued fraction of its complement above. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = z;
  for (let n = 60; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction));
}
