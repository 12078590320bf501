/**
 * What follows from alpha, sigma and their derivatives, the same for every path: log-SNR and its inverse, drift and
 * diffusion, the level at a time. A path states only its own formulas, for times of its span, and is completed here; times
 * and log-SNRs that it does not have are refused here too.
 *
 *   logSnr = ln(alpha² / sigma²)   f = alpha' / alpha   g² = 2 sigma sigma' - 2 f sigma²
 *
 * Tested on every path of the registry: derivatives against central differences, timeOfLogSnr(logSnr(t)) = t.
 */
import { ConfigError } from "../core/errors.ts";
import { show } from "./options.ts";
import type { Level, Path } from "./path-contract.ts";

/** What a path must state itself, and what it may where it has a closed form. */
export type PathFormulas = Pick<
  Path,
  "name" | "timesteps" | "span" | "alpha" | "sigma" | "dAlpha" | "dSigma" | "networkTime" | "toJSON"
> &
  Partial<Pick<Path, "logSnr" | "timeOfLogSnr" | "drift" | "diffusion" | "at">>;

/** Bisection ends at this relative width of the span: below the spacing of float64 times. */
const HALVINGS = 80;
/** How far beyond an end of the path, relative, a log-SNR is still that end: what is left of rounding. */
const ENDS = 1e-9;

/** The whole path; what `formulas` states itself (an inverse in closed form, say) is kept. */
export function completePath<F extends PathFormulas>(formulas: F): F & Path {
  const { name, span, alpha, sigma, dAlpha, dSigma, networkTime } = formulas;
  const [first, last] = span;
  const within =
    <R>(of: (t: number) => R) =>
    (t: number): R => {
      if (typeof t === "number" && t >= first && t <= last) return of(t);
      throw new ConfigError(`the ${name} path has the times ${first} to ${last}; it was asked for t = ${show(t)}`);
    };
  const logSnr = formulas.logSnr ?? ((t: number) => 2 * (Math.log(alpha(t)) - Math.log(sigma(t))));
  const drift = formulas.drift ?? ((t: number) => (dAlpha(t) === 0 ? 0 : dAlpha(t) / alpha(t)));
  const diffusion =
    formulas.diffusion ?? ((t: number) => Math.max(0, 2 * sigma(t) * (dSigma(t) - drift(t) * sigma(t))));
  const at =
    formulas.at ??
    ((t: number): Level => ({
      t,
      alpha: alpha(t),
      sigma: sigma(t),
      dAlpha: dAlpha(t),
      dSigma: dSigma(t),
      networkTime: networkTime(t),
    }));
  const timeOfLogSnr = formulas.timeOfLogSnr ?? ((wanted: number) => bisect(logSnr, wanted, span));
  const [most, least] = [logSnr(first), logSnr(last)];
  const near = (wanted: number, end: number) =>
    Number.isFinite(end) && Math.abs(wanted - end) <= ENDS * Math.max(1, Math.abs(end));
  const checked = {
    alpha: within(alpha),
    sigma: within(sigma),
    dAlpha: within(dAlpha),
    dSigma: within(dSigma),
    logSnr: within(logSnr),
    drift: within(drift),
    diffusion: within(diffusion),
    networkTime: within(networkTime),
    at: within(at),
    timeOfLogSnr: (wanted: number): number => {
      if (wanted <= most && wanted >= least) return Math.min(last, Math.max(first, timeOfLogSnr(wanted)));
      if (near(wanted, most)) return first;
      if (near(wanted, least)) return last;
      throw new ConfigError(
        `the ${name} path has log-SNR from ${least} (noise) to ${most} (data), which is sigma / alpha from ` +
          `${Math.exp(-most / 2)} to ${Math.exp(-least / 2)}; it was asked for log-SNR ${show(wanted)}`,
      );
    },
  };
  return Object.freeze({ ...formulas, ...checked });
}

function bisect(logSnr: (t: number) => number, wanted: number, [from, to]: readonly [number, number]): number {
  let [low, high] = [from, to];
  for (let i = 0; i < HALVINGS && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (logSnr(middle) > wanted) low = middle;
    else high = middle;
  }
  return logSnr(low) === wanted ? low : high;
}
