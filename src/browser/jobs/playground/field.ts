/**
 * What a denoiser says all over the plane at one time: the score, and the flow that points follow.
 *
 *   score = -eps / sigma = grad log p_t(x)                                  Song et al. 2021, eq. 2 with their eq. 29
 *   flow  = sin(phi) x0hat - cos(phi) epshat,   phi = atan(sigma / alpha)   `diffusion/angle.ts`, towards the data
 *
 * Places are z = x / r with r = sqrt(alpha² + sigma²), in which noise has about unit spread on every path, and the flow is
 * dz / dphi: so one field of view serves all paths and times, and the probability-flow lines of two paths with the same levels
 * of noise are the same. Tested against the compiled network of the pipelines, and the closed form for one Gaussian.
 */
import { ConfigError } from "../../../core/errors.ts";
import { angularVelocity, radiusOf } from "../../../diffusion/angle.ts";
import type { Denoiser } from "../../../diffusion/denoiser.ts";
import type { Level, Path } from "../../../diffusion/path-contract.ts";

export interface PlaneField {
  /** Places along each side. */
  cells: number;
  /** Places go from -half to half, in z. */
  half: number;
  t: number;
  alpha: number;
  sigma: number;
  /** [cells², 2], rows from the lowest y: the score at x = r z. */
  score: Float32Array;
  /** [cells², 2]: -dz / dphi. */
  flow: Float32Array;
}

/** Least sigma / alpha at which the field is asked for: below, the score is steeper than a picture can show. */
const LEAST_RATIO = 0.02;

/** The times at which a field can be shown, from little noise to the noise end. */
export function fieldTimes(path: Path): [number, number] {
  const [from, to] = path.span;
  if (path.logSnr(from) <= -2 * Math.log(LEAST_RATIO)) return [from, to];
  return [path.timeOfLogSnr(-2 * Math.log(LEAST_RATIO)), to];
}

/** A level as near to a time as its field can be shown at. */
export function fieldLevel(path: Path, t: number): Level {
  const [from, to] = fieldTimes(path);
  if (!Number.isFinite(t)) throw new ConfigError(`a field has a time from ${from} to ${to}, not ${t}`);
  return path.at(Math.min(to, Math.max(from, t)));
}

/** The places of a square grid, [cells², 2], in z. */
export function gridOf(cells: number, half: number): Float32Array {
  const at = (i: number) => -half + ((i + 0.5) * 2 * half) / cells;
  return Float32Array.from({ length: 2 * cells * cells }, (_, n) =>
    n % 2 === 0 ? at((n >> 1) % cells) : at(Math.floor((n >> 1) / cells)),
  );
}

/** The field at a time. Raises a ConfigError for a grid that is none, and what the network raises. */
export async function fieldAt(
  denoiser: Denoiser,
  { t, cells, half }: { t: number; cells: number; half: number },
): Promise<PlaneField> {
  if (!Number.isInteger(cells) || cells < 2 || cells > 64 || !(half > 0)) {
    throw new ConfigError(`a field has 2 to 64 cells a side and half a side above 0, not ${cells} and ${half}`);
  }
  const level = fieldLevel(denoiser.path, t);
  const r = radiusOf(level);
  const x = gridOf(cells, half).map((z) => r * z);
  const denoised = await denoiser.denoise(x, level);
  return {
    cells,
    half,
    t: level.t,
    alpha: level.alpha,
    sigma: level.sigma,
    score: denoised.noise.map((value) => -value / level.sigma),
    flow: Float32Array.from(angularVelocity(denoised, level), (value) => -value),
  };
}
