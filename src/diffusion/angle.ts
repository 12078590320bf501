/**
 * The one flow of all paths. With r = sqrt(alpha² + sigma²) and the angle phi = atan(sigma / alpha),
 *
 *   x = r z,   z = cos(phi) x0 + sin(phi) eps,   dz / dphi = cos(phi) eps - sin(phi) x0 = v(z, phi)
 *
 * is the probability flow of every path with these levels of noise: the path's own drift and diffusion only say how fast
 * phi moves and how x is scaled. phi runs from almost 0 (data) to at most pi / 2 (noise). v is bounded and smooth at both
 * ends, where the flow in t may not be (sigma' is infinite at t = 0 of a VP SDE), and between the timesteps of a
 * discrete path, where the flow in t has kinks.
 *
 * Sources: Salimans and Ho, "Progressive Distillation" (2022), appendix D (the angle); Karras et al., "Elucidating the
 * Design Space" (2022), appendix B (paths differ by scaling and time alone). The probability flow itself: Song et al.,
 * "Score-Based Generative Modeling through SDEs" (2021), eq. 13: dx = (f x - g² score / 2) dt.
 */
import { levelOfRatio, ratioOf } from "./levels.ts";
import { optional, real } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";
import type { Denoised } from "./prediction.ts";

/** Where the flow ends by default on a path whose data end has no noise at all. */
const leastRatio = 1e-3;

/** The option of the solvers and likelihoods that follow the flow. */
export const sigmaMinField = optional(real(0, Infinity, true));

export interface AngularPath {
  /** The angle of the least noise. */
  readonly data: number;
  /** The angle of the path's noise end. */
  readonly noise: number;
  /** The level at an angle from `data` to `noise`. */
  levelAt(phi: number): Level;
}

export function angleOf({ alpha, sigma }: Pick<Level, "alpha" | "sigma">): number {
  return Math.atan2(sigma, alpha);
}

/**
 * The angles of a path. `sigmaMin`: sigma / alpha of the data end; default the path's own, or 1e-3 where that is 0. One
 * that the path does not have is a ConfigError.
 */
export function angularPath(path: Path, sigmaMin?: number): AngularPath {
  const [first, last] = [path.at(path.span[0]), path.at(path.span[1])];
  const least = sigmaMin ?? (first.sigma > 0 ? ratioOf(first) : leastRatio);
  const dataLevel = least === ratioOf(first) ? first : levelOfRatio(path, least);
  const [data, noise] = [angleOf(dataLevel), angleOf(last)];
  return {
    data,
    noise,
    levelAt: (phi) => (phi <= data ? dataLevel : phi >= noise ? last : levelOfRatio(path, Math.tan(phi))),
  };
}

/** r: what z is scaled by to be x. */
export function radiusOf({ alpha, sigma }: Pick<Level, "alpha" | "sigma">): number {
  return Math.hypot(alpha, sigma);
}

/** v = dz / dphi at a level, in float64. */
export function angularVelocity({ sample, noise }: Denoised, { alpha, sigma }: Level): Float64Array {
  const r = Math.hypot(alpha, sigma);
  return Float64Array.from(sample, (x0, i) => (alpha * noise[i] - sigma * x0) / r);
}
