/**
 * Conversions between the ways in which one path is written.
 *
 *   sigma view     y = x / alpha = x0 + s eps, s = sigma / alpha      variance exploding: EDM and k-diffusion
 *   VP view        alpha = 1 / sqrt(1 + s²), sigma = s alpha          variance preserving
 *   time           u = t / (T - 1) of T timesteps, u in [0, 1]        Song et al. 2021, label = u (T - 1)
 *   another path   the time at which it has the same log-SNR
 *   betas          beta_i = 1 - alpha(u_(i+1))² / alpha(u_i)²,        Song et al. 2021, appendix B, in its exact form:
 *                  u_i = i / T                                        the chain has the path's own marginals
 *
 * Every Gaussian path is a rescaling of every other in x and t (Kingma et al., "Variational Diffusion Models", 2021, §3.3;
 * Karras et al., "Elucidating the Design Space", 2022, appendix B), so a network trained on one may be sampled on another.
 * Tested against the closed forms and by round trips.
 */
import { ConfigError } from "../core/errors.ts";
import { type Betas, betas } from "./betas.ts";
import { integer, show } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";

/** x = scale · y with y = x0 + sigma · eps. */
export interface SigmaView {
  readonly scale: number;
  /** Infinity at a level that is pure noise, where `scale` is 0. */
  readonly sigma: number;
}

type Mixture = Pick<Level, "alpha" | "sigma">;

/** A level in the sigma view. */
export function sigmaView({ alpha, sigma }: Mixture): SigmaView {
  return { scale: alpha, sigma: sigma / alpha };
}

/** The level of a sigma view: alpha = scale, sigma = scale · sigma. An infinite sigma does not tell its level. */
export function fromSigmaView({ scale, sigma }: SigmaView): Mixture {
  if (Number.isFinite(sigma) && sigma >= 0) return { alpha: scale, sigma: scale * sigma };
  throw new ConfigError(`the sigma of a sigma view must be a finite number from 0, not ${show(sigma)}`);
}

/** The variance-preserving level with this sigma / alpha; Infinity is pure noise. */
export function vpView(ratio: number): Mixture {
  if (!(ratio >= 0)) throw new ConfigError(`sigma / alpha must be a number from 0, not ${show(ratio)}`);
  if (ratio === Infinity) return { alpha: 0, sigma: 1 };
  const length = Math.hypot(1, ratio);
  return { alpha: 1 / length, sigma: ratio / length };
}

/** The time of `to` at which it has the log-SNR that `from` has at `t`. A log-SNR that it does not have is a ConfigError. */
export function sameSnrTime(from: Path, t: number, to: Path): number {
  return to.timeOfLogSnr(from.logSnr(t));
}

function checkTimesteps(timesteps: number): void {
  if (integer(2).accepts(timesteps)) return;
  throw new ConfigError(`timesteps must be an integer from 2, not ${show(timesteps)}`);
}

/** The continuous time in [0, 1] of a timestep, whole or not, of T. */
export function continuousTime(t: number, timesteps: number): number {
  checkTimesteps(timesteps);
  if (t >= 0 && t <= timesteps - 1) return t / (timesteps - 1);
  throw new ConfigError(`${timesteps} timesteps are 0 to ${timesteps - 1}; there is no t = ${show(t)}`);
}

/** The timestep of T, usually not whole, of a continuous time in [0, 1]. */
export function discreteTime(u: number, timesteps: number): number {
  checkTimesteps(timesteps);
  if (u >= 0 && u <= 1) return u * (timesteps - 1);
  throw new ConfigError(`continuous times are 0 to 1; there is no t = ${show(u)}`);
}

/**
 * The betas of the discrete chain of `timesteps` steps that visits a continuous variance-preserving path at even times:
 * timestep i has the marginals of u = (i + 1) / timesteps. A path that does not keep the variance is a ConfigError.
 */
export function discretised(path: Path, timesteps: number): Betas {
  checkTimesteps(timesteps);
  const [from, to] = path.span;
  const bars = Float64Array.from({ length: timesteps + 1 }, (_, i) => {
    const { t, alpha, sigma } = path.at(i === timesteps ? to : from + (i * (to - from)) / timesteps);
    if (path.timesteps === undefined && Math.abs(alpha ** 2 + sigma ** 2 - 1) < 1e-9) return alpha ** 2;
    throw new ConfigError(
      `only continuous variance-preserving paths (continuousVp, continuousCosine, gvp, learned) become betas; ${path.name} has ` +
        `alpha = ${alpha} and sigma = ${sigma} at t = ${t}`,
    );
  });
  const values = Array.from({ length: timesteps }, (_, i) => 1 - bars[i + 1] / (i === 0 ? 1 : bars[i]));
  return betas({ values, allowFalling: true });
}
