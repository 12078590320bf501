/**
 * Discrete variance-preserving paths: q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I), t = 0 .. T-1, so that
 * alphaBar_t = prod_{s <= t} (1 - beta_s), alpha_t = sqrt(alphaBar_t), sigma_t = sqrt(1 - alphaBar_t).
 *
 * Between two timesteps ln(sigma / alpha) is linear in t (k-diffusion's convention), so that solvers can visit any noise
 * level of the path. Where the last timestep is pure noise (alphaBar = 0) that has no end, and there alpha is linear in
 * t instead.
 *
 * Sources: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models" (2020), eq. 2, 4 and 7; Nichol and Dhariwal,
 * "Improved DDPM" (2021), eq. 19 (respacing). All tables are float64; t counts from 0. Tested against tables of alphaBar
 * and sigma to the six digits given.
 */
import { ConfigError } from "../core/errors.ts";
import type { Betas } from "./betas.ts";
import { completePath } from "./derived.ts";
import { show } from "./options.ts";
import type { Path } from "./path-contract.ts";

export {
  type Betas,
  betas,
  constant,
  cosine,
  linear,
  quadratic,
  scaledLinear,
  sigmoid,
  sigmoidAlphaBar,
} from "./betas.ts";

export interface DiscreteVp extends Path {
  readonly timesteps: number;
  readonly betas: Float64Array; // [T]
  readonly alphaBars: Float64Array; // [T]
  alphaBar(t: number): number;
  /** alphaBar(t - 1), and 1 at t = 0. */
  alphaBarPrevious(t: number): number;
  /** The variance of q(x_{t-1} | x_t, x0): beta_t (1 - alphaBar_{t-1}) / (1 - alphaBar_t); 0 at t = 0. */
  posteriorVariance(t: number): number;
}

/** alphaBar of every timestep. Betas too small or too many for float64, so that it does not fall, are a ConfigError. */
function cumulated({ config, values }: Betas): Float64Array {
  const alphaBars = new Float64Array(values.length); // [T]
  values.reduce((previous, value, t) => {
    alphaBars[t] = previous * (1 - value);
    if (alphaBars[t] < previous) return alphaBars[t];
    throw new ConfigError(
      `the betas of the ${config.name} path do not make a path: alphaBar stays at ${previous} at t = ${t} (beta ${value}); ` +
        "give fewer timesteps, or betas well above 1e-16",
    );
  }, 1);
  return alphaBars;
}

/** The discrete variance-preserving path of a table of betas, such as `vp(linear())`. */
export function vp(source: Betas): DiscreteVp {
  const { config, values } = source;
  const timesteps = values.length;
  const last = timesteps - 1;
  const alphaBars = cumulated(source);
  const logRatios = alphaBars.map((alphaBar) => (Math.log1p(-alphaBar) - Math.log(alphaBar)) / 2); // ln(sigma / alpha)
  const at = (t: number): number => {
    if (Number.isInteger(t) && t >= 0 && t <= last) return t;
    throw new ConfigError(
      `the tables of the ${config.name} path have the times 0 to ${last}, integers; not t = ${show(t)}`,
    );
  };
  /** The timestep at which the interval of t begins. */
  const before = (t: number) => Math.min(Math.floor(t), Math.max(0, last - 1));
  const slope = (t: number) => (timesteps === 1 ? 0 : logRatios[before(t) + 1] - logRatios[before(t)]);
  const logRatio = (t: number) =>
    Number.isInteger(t) ? logRatios[t] : logRatios[before(t)] + (t - before(t)) * slope(t);
  /** alpha falls by this much a timestep in the interval that ends in pure noise; 0 in all others. */
  const fall = (t: number) =>
    alphaBars[last] === 0 && last > 0 && before(t) === last - 1 ? Math.sqrt(alphaBars[last - 1]) : 0;
  const alpha = (t: number): number => {
    if (Number.isInteger(t)) return Math.sqrt(alphaBars[t]);
    return fall(t) > 0 ? fall(t) * (last - t) : 1 / Math.sqrt(1 + Math.exp(2 * logRatio(t)));
  };
  const sigma = (t: number): number => {
    if (Number.isInteger(t)) return Math.sqrt(1 - alphaBars[t]);
    return fall(t) > 0 ? Math.sqrt(1 - alpha(t) ** 2) : 1 / Math.sqrt(1 + Math.exp(-2 * logRatio(t)));
  };
  const alphaBar = (t: number) => alphaBars[at(t)];
  const alphaBarPrevious = (t: number) => (at(t) === 0 ? 1 : alphaBars[t - 1]);
  return completePath({
    name: config.name,
    timesteps,
    span: [0, last],
    betas: values,
    alphaBars,
    alphaBar,
    alphaBarPrevious,
    posteriorVariance: (t: number) => (values[at(t)] * (1 - alphaBarPrevious(t))) / (1 - alphaBars[t]),
    alpha,
    sigma,
    // With s = ln(sigma / alpha): alpha' = -alpha sigma² s', sigma' = sigma alpha² s'.
    dAlpha: (t: number) => (fall(t) > 0 ? -fall(t) : -alpha(t) * sigma(t) ** 2 * slope(t)),
    dSigma: (t: number) => (fall(t) > 0 ? (alpha(t) * fall(t)) / sigma(t) : sigma(t) * alpha(t) ** 2 * slope(t)),
    logSnr: (t: number) => (fall(t) > 0 && !Number.isInteger(t) ? 2 * Math.log(alpha(t) / sigma(t)) : -2 * logRatio(t)),
    timeOfLogSnr: (logSnr: number) => {
      const wanted = -logSnr / 2;
      const low = Math.min(lastAtMost(logRatios, wanted), Math.max(0, last - 1));
      if (fall(low) > 0) return last - 1 / Math.sqrt(1 + Math.exp(-logSnr)) / fall(low);
      return timesteps === 1 ? 0 : low + (wanted - logRatios[low]) / slope(low);
    },
    networkTime: (t: number) => t,
    toJSON: () => config,
  });
}

/** The index of the last value that is at most `wanted`, 0 where there is none; `values` rise. */
function lastAtMost(values: Float64Array, wanted: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (values[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function isDiscreteVp(path: Path): path is DiscreteVp {
  return path.timesteps !== undefined && "alphaBars" in path;
}

/**
 * The betas of the chain that keeps only some timesteps: beta'_i = 1 - alphaBar(t_i) / alphaBar(t_{i-1}), with alphaBar
 * = 1 before the first, so that the kept x_t have the same marginals as before. `kept`: rising timesteps.
 */
export function respacedBetas(path: DiscreteVp, kept: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: kept.length }, (_, i) => {
    if (i > 0 && !(kept[i] > kept[i - 1])) {
      throw new ConfigError(`respacing: the kept timesteps must rise; ${kept[i]} follows ${kept[i - 1]}`);
    }
    return 1 - path.alphaBar(kept[i]) / (i === 0 ? 1 : path.alphaBar(kept[i - 1]));
  });
}
