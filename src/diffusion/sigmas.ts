/**
 * Noise schedules of solvers: N noise levels that fall from `max` to `min`, both included, u = i / (N - 1).
 *
 *   karras           (max^(1/rho) + u (min^(1/rho) - max^(1/rho)))^rho       Karras et al. 2022, eq. 5, rho 7
 *   exponential      exp(ln max + u (ln min - ln max))                        even steps of ln sigma
 *   polyexponential  exp(ln min + (1 - u)^rho (ln max - ln min))              k-diffusion; rho 1 is exponential
 *   beta             min + Q(1 - u) (max - min)                               Lee et al. 2024, "Beta Sampling is All You
 *                    with Q the quantile of a beta(0.6, 0.6) variable         Need"; more levels at both ends
 *
 * Float64, both ends exact. Tested against levels known from elsewhere, closed forms, diffusers (1e-8) and k-diffusion.
 */
import { ConfigError } from "../core/errors.ts";
import { betaQuantile } from "./beta-quantile.ts";
import { show } from "./options.ts";

export interface SigmaRange {
  /** The least and the most noise, 0 < min < max. */
  readonly min: number;
  readonly max: number;
}

/** Checks the interval and the count, then places `count` levels by `at(u)`, u from 0 (max) to 1 (min). */
function placed(name: string, count: number, { min, max }: SigmaRange, at: (u: number) => number): number[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new ConfigError(`the ${name} schedule has an integer number of levels from 1, not ${show(count)}`);
  }
  if (!(min > 0 && max > min) || !Number.isFinite(max)) {
    throw new ConfigError(
      `the ${name} schedule falls from sigmaMax to sigmaMin, finite and above 0; sigmaMin ${show(min)} and sigmaMax ` +
        `${show(max)} leave no interval`,
    );
  }
  return Array.from({ length: count }, (_, i) => (i === 0 ? max : i === count - 1 ? min : at(i / (count - 1))));
}

/** The schedule of EDM: even steps of sigma^(1/rho). */
export function karrasSigmas(count: number, range: SigmaRange, rho = 7): number[] {
  const [low, high] = [range.min ** (1 / rho), range.max ** (1 / rho)];
  return placed("karras", count, range, (u) => (high + u * (low - high)) ** rho);
}

/** Even steps of ln sigma, which is even steps of log-SNR. */
export function exponentialSigmas(count: number, range: SigmaRange): number[] {
  const [low, high] = [Math.log(range.min), Math.log(range.max)];
  return placed("exponential", count, range, (u) => Math.exp(high + u * (low - high)));
}

/** ln sigma by a power of the ramp: with rho above 1 the steps are larger at the noise end, smaller at the data end. */
export function polyexponentialSigmas(count: number, range: SigmaRange, rho = 1): number[] {
  const [low, high] = [Math.log(range.min), Math.log(range.max)];
  return placed("polyexponential", count, range, (u) => Math.exp(low + (1 - u) ** rho * (high - low)));
}

/** Levels at the even quantiles of a beta(a, b) variable. */
export function betaSigmas(count: number, range: SigmaRange, [a, b]: readonly [number, number] = [0.6, 0.6]): number[] {
  return placed("beta", count, range, (u) => range.min + betaQuantile(1 - u, a, b) * (range.max - range.min));
}
