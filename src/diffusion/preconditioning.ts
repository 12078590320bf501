/**
 * Preconditionings: how a network F is wrapped so that its input and its target have unit variance at every noise level,
 *
 *   D(y; s) = cSkip y + cOut F(cIn y; cNoise),   y = x / alpha = x0 + s eps,   s = sigma / alpha,   r = sqrt(s² + sigmaData²)
 *
 *                          cSkip                     cOut                       cIn               cNoise
 *   edm                    sigmaData² / r²           s sigmaData / r            1 / r             ln(s) / 4
 *   preconditionedVp       1                         -s                         1 / sqrt(s²+1)    (T - 1) t(s)
 *   preconditionedVe       1                         s                          1                 ln(s / 2)
 *   preconditionedIddpm    1                         -s                         1 / sqrt(s²+1)    T - 1 - nearest j
 *   consistency            sigmaData² / (d² +        d sigmaData / r            1 / r             250 ln(s)
 *     d = s - sigmaMin                  sigmaData²)
 *
 * t(s) is the time of the VP SDE; j the index of the nearest entry of iDDPM's table u: u_T = 0, u_(j-1)² = (u_j² + 1) /
 * max(a_(j-1) / a_j, c1) - 1, a_j = sin²(π/2 j / (T (c2 + 1))). As the target of F is (D - cSkip y) / cOut at D = x0, each
 * is a prediction like the others: a linear combination of x0 and eps. With the weight lambda = 1 / cOut² on |D - x0|² the
 * loss of F has weight 1.
 *
 * Sources: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), table 1 and
 * appendix C; Song et al., "Consistency Models" (2023), appendix C, whose D is x itself at s = sigmaMin. Tested against
 * EDM's values at s = 0.5 and against the formulas in NumPy.
 */
import { ConfigError } from "../core/errors.ts";
import { betaRangeFields, checkBetaRange, vpTimeOfRatio } from "./continuous-vp.ts";
import { flag, integer, optional, readOptions, real, withDefault } from "./options.ts";
import type { Level } from "./path-contract.ts";
import type { Prediction, PredictionConfig } from "./prediction.ts";

/** The options of each preconditioning. */
export interface PreconditioningOptions {
  /**
   * `sigmaData`: the standard deviation of the data, default 0.5. `negated`: the network gives -F, as diffusers' EDM
   * schedulers have it with v_prediction; default false.
   */
  edm: { sigmaData?: number; negated?: boolean };
  /** The VP SDE's betas (0.1 and 20), and the number of its labels (1000). */
  preconditionedVp: { betaMin?: number; betaMax?: number; timesteps?: number };
  preconditionedVe: Record<never, never>;
  /** Defaults 0.001, 0.008 and 1000. */
  preconditionedIddpm: { c1?: number; c2?: number; timesteps?: number };
  /** Defaults 0.5 and 0.002. */
  consistency: { sigmaData?: number; sigmaMin?: number };
}

const positive = real(0, Infinity, true);
const sigmaData = withDefault(positive, 0.5);
const timesteps = withDefault(integer(2, 1_000_000), 1000);
const iddpmFields = { c1: withDefault(real(0, 1, true), 0.001), c2: withDefault(real(0, 1, true), 0.008), timesteps };
/** How far beyond an end, relative, a noise level is still that end: what is left of rounding. */
const ENDS = 1e-9;

type Row = Omit<Prediction, "name" | "toJSON">;

function named(config: Exclude<PredictionConfig, string>, row: Row): Prediction {
  const networkTime = (level: Level): number => {
    const time = row.networkTime?.(level) ?? level.networkTime;
    if (Number.isFinite(time)) return time;
    throw new ConfigError(
      `the prediction ${config.name} feeds the network a function of sigma / alpha, which is ${time} at alpha = ` +
        `${level.alpha}, sigma = ${level.sigma}; keep to levels where both are above 0`,
    );
  };
  return Object.freeze({ name: config.name, ...row, networkTime, toJSON: () => config });
}

function outside(name: string, ratio: number, least: number, most: number): ConfigError {
  return new ConfigError(
    `the prediction ${name} knows sigma / alpha from ${least} to ${most}, not ${ratio}; choose a path within them, or ` +
      "other options of the prediction",
  );
}

const ratioOf = ({ alpha, sigma }: Level) => sigma / alpha;

/** The preconditioning of EDM. */
export function edmPrediction(options: PreconditioningOptions["edm"]): Prediction {
  const config = { name: "edm" as const, ...readOptions("edm", { sigmaData, negated: optional(flag()) }, options) };
  const sign = config.negated ? -1 : 1;
  const root = ({ alpha, sigma }: Level) => Math.hypot(sigma, alpha * config.sigmaData); // alpha r
  return named(config, {
    targetSample: (level) => (sign * level.sigma) / (config.sigmaData * root(level)),
    targetNoise: (level) => (-sign * level.alpha * config.sigmaData) / root(level),
    inputScale: (level) => 1 / root(level),
    networkTime: (level) => Math.log(ratioOf(level)) / 4,
  });
}

/** What VP and iDDPM share: the network predicts the noise and sees the variance-preserving x. */
const noiseOfVp = {
  targetSample: () => 0,
  targetNoise: () => 1,
  inputScale: ({ alpha, sigma }: Level) => 1 / Math.hypot(alpha, sigma),
};

/** The VP SDE's networks in the sigma view. */
export function preconditionedVp(options: PreconditioningOptions["preconditionedVp"]): Prediction {
  const read = readOptions("preconditionedVp", { ...betaRangeFields, timesteps }, options);
  checkBetaRange("preconditionedVp", read);
  const most = Math.sqrt(Math.expm1((read.betaMin + read.betaMax) / 2));
  return named(
    { name: "preconditionedVp", ...read },
    {
      ...noiseOfVp,
      networkTime: (level) => {
        const ratio = ratioOf(level);
        if (ratio <= most * (1 + ENDS)) return (read.timesteps - 1) * Math.min(1, vpTimeOfRatio(read, ratio));
        throw outside("preconditionedVp", ratio, 0, most);
      },
    },
  );
}

/** The VE SDE's networks: minus the noise, from y itself. */
export function preconditionedVe(options: PreconditioningOptions["preconditionedVe"]): Prediction {
  readOptions("preconditionedVe", {}, options);
  return named(
    { name: "preconditionedVe" },
    {
      targetSample: () => 0,
      targetNoise: () => -1,
      inputScale: ({ alpha }) => 1 / alpha,
      networkTime: (level) => Math.log(ratioOf(level) / 2),
    },
  );
}

/** The noise levels u_0 (most) .. u_T = 0 of Improved DDPM's timesteps. */
export function iddpmSigmas(options: PreconditioningOptions["preconditionedIddpm"] = {}): Float64Array {
  const { c1, c2, timesteps: count } = readOptions("preconditionedIddpm", iddpmFields, options);
  const bar = (j: number) => Math.sin((Math.PI / 2) * (j / count / (c2 + 1))) ** 2;
  const u = new Float64Array(count + 1); // [T + 1]
  for (let j = count; j > 0; j--) u[j - 1] = Math.sqrt((u[j] ** 2 + 1) / Math.max(bar(j - 1) / bar(j), c1) - 1);
  return u;
}

/** Improved DDPM's networks in the sigma view: their whole timesteps are the nearest. */
export function preconditionedIddpm(options: PreconditioningOptions["preconditionedIddpm"]): Prediction {
  const read = readOptions("preconditionedIddpm", iddpmFields, options);
  const u = iddpmSigmas(read);
  const [most, least] = [u[0], u[read.timesteps - 1]];
  return named(
    { name: "preconditionedIddpm", ...read },
    {
      ...noiseOfVp,
      networkTime: (level) => {
        const ratio = ratioOf(level);
        if (!(ratio <= most * (1 + ENDS) && ratio >= least * (1 - ENDS))) {
          throw outside("preconditionedIddpm", ratio, least, most);
        }
        let [low, high] = [0, read.timesteps - 1]; // u[low] >= ratio >= u[high]
        while (high - low > 1) {
          const middle = (low + high) >> 1;
          if (u[middle] >= ratio) low = middle;
          else high = middle;
        }
        return read.timesteps - 1 - (u[low] - ratio <= ratio - u[high] ? low : high);
      },
    },
  );
}

/** Consistency models: the network's output is the sample, and x itself at sigmaMin, where F has no say and no target. */
export function consistency(options: PreconditioningOptions["consistency"]): Prediction {
  const fields = { sigmaData, sigmaMin: withDefault(real(0), 0.002) };
  const config = { name: "consistency" as const, ...readOptions("consistency", fields, options) };
  const data = config.sigmaData;
  /** s, d, r and d² + sigmaData². */
  const parts = (level: Level) => {
    const ratio = ratioOf(level);
    if (!(ratio >= config.sigmaMin * (1 - ENDS))) throw outside("consistency", ratio, config.sigmaMin, Infinity);
    const above = Math.max(0, ratio - config.sigmaMin);
    return { ratio, above, root: Math.hypot(ratio, data), square: above ** 2 + data ** 2 };
  };
  return named(config, {
    targetSample: (level) => {
      const { above, root, square } = parts(level);
      return (above * root) / (data * square);
    },
    targetNoise: (level) => {
      const { ratio, above, root, square } = parts(level);
      return (-data * ratio * root) / (square * above);
    },
    inputScale: ({ alpha, sigma }) => 1 / Math.hypot(sigma, alpha * data),
    networkTime: (level) => 250 * Math.log(parts(level).ratio),
    recovery: (level) => {
      const { above, root, square } = parts(level);
      const cOut = (above * data) / root;
      return {
        sampleFromX: data ** 2 / square / level.alpha,
        sampleFromOutput: cOut,
        noiseFromX: above ** 2 / square / level.sigma,
        noiseFromOutput: (-level.alpha * cOut) / level.sigma,
      };
    },
  });
}
