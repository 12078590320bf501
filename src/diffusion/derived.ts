/**
 * What follows from alpha, sigma and their derivatives, the same for every path: log-SNR and its inverse, drift and
 * diffusion, the level at a time. A path states only its own formulas and is completed here.
 *
 *   logSnr = ln(alpha² / sigma²)   f = alpha' / alpha   g² = 2 sigma sigma' - 2 f sigma²
 */
import { ConfigError } from "../core/errors.ts";
import { show } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";

/** What a path must state itself. */
export type PathFormulas = Pick<
  Path,
  "name" | "timesteps" | "span" | "alpha" | "sigma" | "dAlpha" | "dSigma" | "networkTime" | "toJSON"
> &
  Partial<Path>;

/** Bisection ends at this relative width of the span: below the spacing of float64 times. */
const HALVINGS = 80;

/** The whole path; what `formulas` states itself (an inverse in closed form, say) is kept. */
export function completePath<F extends PathFormulas>(formulas: F): F & Path {
  const { alpha, sigma, dAlpha, dSigma, networkTime, span } = formulas;
  const logSnr = formulas.logSnr ?? ((t: number) => 2 * (Math.log(alpha(t)) - Math.log(sigma(t))));
  const drift = (t: number) => dAlpha(t) / alpha(t);
  const derived = {
    logSnr,
    drift,
    diffusion: (t: number) => Math.max(0, 2 * sigma(t) * dSigma(t) - 2 * drift(t) * sigma(t) ** 2),
    timeOfLogSnr: (wanted: number) => bisect(logSnr, wanted, span, formulas.name),
    at: (t: number): Level => ({
      t,
      alpha: alpha(t),
      sigma: sigma(t),
      dAlpha: dAlpha(t),
      dSigma: dSigma(t),
      networkTime: networkTime(t),
    }),
  };
  return Object.freeze({ ...derived, ...formulas });
}

function bisect(logSnr: (t: number) => number, wanted: number, [from, to]: readonly [number, number], name: string) {
  const [most, least] = [logSnr(from), logSnr(to)];
  if (!(wanted <= most && wanted >= least)) {
    throw new ConfigError(
      `the path ${name} has log-SNR from ${least} (noise) to ${most} (data); it was asked for ${show(wanted)}`,
    );
  }
  let [low, high] = [from, to];
  for (let i = 0; i < HALVINGS && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (logSnr(middle) > wanted) low = middle;
    else high = middle;
  }
  return logSnr(low) === wanted ? low : high;
}
