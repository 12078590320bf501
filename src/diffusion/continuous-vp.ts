/**
 * The variance-preserving SDE and its sub-VP sibling, t in [0, 1], with beta(t) = betaMin + t (betaMax - betaMin) and
 * L(t) = integral of beta = betaMin t + (betaMax - betaMin) t² / 2:
 *
 *             alpha         sigma            f            g²
 *   VP        exp(-L/2)     sqrt(1 - e^-L)   -beta / 2    beta
 *   sub-VP    exp(-L/2)     1 - e^-L         -beta / 2    beta (1 - e^-2L)
 *
 * Source: Song et al., "Score-Based Generative Modeling through SDEs" (2021), eq. 11, appendices B and C. At t = 0 there
 * is no noise, and VP's sigma' is infinite; training and sampling stop short of it (1e-5 and 1e-3 in the paper). DDPM's
 * linear schedule is VP in 1000 steps. Tested against the mean and standard deviations at t = 0.5 to the digits given.
 */
import { ConfigError } from "../core/errors.ts";
import { clockField, clocks } from "./clock.ts";
import { completePath, type PathFormulas } from "./derived.ts";
import { readOptions, real, withDefault } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";

/** beta(t) in [0, 1]. */
export interface BetaRange {
  readonly betaMin: number;
  readonly betaMax: number;
}

export const betaRangeFields = {
  betaMin: withDefault(real(0), 0.1),
  betaMax: withDefault(real(0, Infinity, true), 20),
};
const fields = { ...betaRangeFields, networkTime: clockField("999t") };

/** Checks that beta does not fall. `owner`: as in error messages. */
export function checkBetaRange(owner: string, { betaMin, betaMax }: BetaRange): void {
  if (betaMin <= betaMax) return;
  throw new ConfigError(`${owner}: betaMin must not be above betaMax, but they are ${betaMin} and ${betaMax}`);
}

/** L(t), the integral of beta from 0 to t. */
function integral({ betaMin, betaMax }: BetaRange, t: number): number {
  return t * (betaMin + (t * (betaMax - betaMin)) / 2);
}

/** The t at which the integral of beta is `value`, in the form that is exact for small values. */
function timeOfIntegral({ betaMin, betaMax }: BetaRange, value: number): number {
  return value === 0 ? 0 : (2 * value) / (betaMin + Math.sqrt(betaMin ** 2 + 2 * (betaMax - betaMin) * value));
}

/** The t at which the VP SDE has this sigma / alpha; above 1 for more noise than the path has. */
export function vpTimeOfRatio(range: BetaRange, ratio: number): number {
  return timeOfIntegral(range, Math.log1p(ratio * ratio));
}

function withBetas(
  name: "continuousVp" | "subVp",
  options: PathOptions["continuousVp"],
  formulas: (
    range: BetaRange,
    alpha: (t: number) => number,
    beta: (t: number) => number,
  ) => Pick<PathFormulas, "sigma" | "dSigma" | "timeOfLogSnr" | "diffusion">,
): Path {
  const { networkTime, ...range } = readOptions(name, fields, options);
  checkBetaRange(name, range);
  const beta = (t: number) => range.betaMin + t * (range.betaMax - range.betaMin);
  const alpha = (t: number) => Math.exp(-integral(range, t) / 2);
  return completePath({
    name,
    span: [0, 1],
    alpha,
    dAlpha: (t: number) => (-beta(t) / 2) * alpha(t),
    drift: (t: number) => -beta(t) / 2,
    ...formulas(range, alpha, beta),
    networkTime: clocks[networkTime],
    toJSON: () => ({ name, ...range, networkTime }),
  });
}

/** The variance-preserving SDE; defaults betaMin 0.1 and betaMax 20. */
export function continuousVp(options: PathOptions["continuousVp"] = {}): Path {
  return withBetas("continuousVp", options, (range, alpha, beta) => {
    const sigma = (t: number) => Math.sqrt(-Math.expm1(-integral(range, t)));
    return {
      sigma,
      dSigma: (t: number) => (beta(t) * alpha(t) ** 2) / (2 * sigma(t)),
      diffusion: beta,
      timeOfLogSnr: (logSnr: number) => timeOfIntegral(range, Math.log1p(Math.exp(-logSnr))),
    };
  });
}

/** The sub-VP SDE, whose variance is below VP's at every time: sigma = 1 - alpha². */
export function subVp(options: PathOptions["subVp"] = {}): Path {
  return withBetas("subVp", options, (range, alpha, beta) => ({
    sigma: (t: number) => -Math.expm1(-integral(range, t)),
    dSigma: (t: number) => beta(t) * alpha(t) ** 2,
    diffusion: (t: number) => beta(t) * -Math.expm1(-2 * integral(range, t)),
    // sigma / alpha = r means alpha = sqrt(1 + r²/4) - r/2, and L = -2 ln alpha = 2 asinh(r/2).
    timeOfLogSnr: (logSnr: number) => timeOfIntegral(range, 2 * Math.asinh(Math.exp(-logSnr / 2) / 2)),
  }));
}
