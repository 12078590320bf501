/**
 * Discrete variance-preserving paths: q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I), t = 0 .. T-1, so that
 * alphaBar_t = prod_{s <= t} (1 - beta_s), alpha_t = sqrt(alphaBar_t), sigma_t = sqrt(1 - alphaBar_t).
 *
 * Sources: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models" (2020), eq. 2, 4 and 7, linear betas §4; Nichol
 * and Dhariwal, "Improved DDPM" (2021), eq. 17 (cosine) and eq. 19 (respacing); Rombach et al., latent diffusion
 * (scaled linear). All tables are float64; t counts from 0. Tested against tables of alphaBar and sigma to the six
 * digits given.
 */
import { ConfigError } from "../core/errors.ts";
import { completePath } from "./derived.ts";
import { type Field, integer, readOptions, real, show, withDefault } from "./options.ts";
import type { Path, PathConfig, PathOptions } from "./path-contract.ts";

/** A table of betas, and the configuration that it came from. */
export interface Betas {
  readonly config: PathConfig;
  /** beta_t in (0, 1), t = 0 .. T-1; the last one may be 1 (then the last x_t is pure noise). */
  readonly values: Float64Array;
}

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

const steps = withDefault(integer(1, 1_000_000), 1000);
const beta = real(0, 1, true);
const linearFields = { timesteps: steps, start: withDefault(beta, 1e-4), end: withDefault(beta, 0.02) };
const scaledLinearFields = { timesteps: steps, start: withDefault(beta, 0.00085), end: withDefault(beta, 0.012) };
const cosineFields = {
  timesteps: steps,
  s: withDefault(real(0, 1), 0.008),
  maxBeta: withDefault(beta, 0.999),
};

/** `count` numbers from `start` to `end`, both included; `start` alone when there is one. */
function evenly(start: number, end: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => start + (i * (end - start)) / Math.max(1, count - 1));
}

/**
 * Betas that rise evenly from `start` to `end`, the schedule of DDPM (defaults 1e-4 and 0.02 over 1000 timesteps).
 * They are used as given for any number of timesteps: nothing is scaled by 1000 / timesteps.
 */
export function linear(options: PathOptions["linear"] = {}): Betas {
  const { timesteps, start, end } = readOptions("linear", linearFields, options);
  return { config: { name: "linear", timesteps, start, end }, values: evenly(start, end, timesteps) };
}

/** Betas whose square roots rise evenly, the schedule of Stable Diffusion (defaults 0.00085 and 0.012). */
export function scaledLinear(options: PathOptions["scaledLinear"] = {}): Betas {
  const { timesteps, start, end } = readOptions("scaledLinear", scaledLinearFields, options);
  const values = evenly(Math.sqrt(start), Math.sqrt(end), timesteps).map((root) => root * root);
  return { config: { name: "scaledLinear", timesteps, start, end }, values };
}

/**
 * The cosine schedule of Improved DDPM: beta_i = min(1 - f((i+1)/T) / f(i/T), maxBeta), f(u) = cos²(π/2 (u + s)/(1 +
 * s)).
 */
export function cosine(options: PathOptions["cosine"] = {}): Betas {
  const { timesteps, s, maxBeta } = readOptions("cosine", cosineFields, options);
  const f = (u: number) => Math.cos(((u + s) / (1 + s)) * (Math.PI / 2)) ** 2;
  const values = Float64Array.from({ length: timesteps }, (_, i) =>
    Math.min(1 - f((i + 1) / timesteps) / f(i / timesteps), maxBeta),
  );
  return { config: { name: "cosine", timesteps, s, maxBeta }, values };
}

const tableField: Field<ArrayLike<number>> = {
  expected: "a list of at least one beta",
  accepts: (value) => (Array.isArray(value) || value instanceof Float64Array) && value.length > 0,
};

/** Betas from a table of one's own; each in (0, 1), the last may be 1. */
export function betas(options: { values: ArrayLike<number> }): Betas {
  const table = Array.from(readOptions("betas", { values: tableField }, options).values);
  table.forEach((value, t) => {
    if (!(value > 0 && (value < 1 || (value === 1 && t === table.length - 1)))) {
      throw new ConfigError(`betas: values[${t}] must be above 0 and below 1 (the last may be 1), not ${show(value)}`);
    }
  });
  return { config: { name: "betas", values: table }, values: Float64Array.from(table) };
}

/**
 * The discrete variance-preserving path of a table of betas, such as `vp(linear())`.
 *
 * Between two timesteps ln(sigma / alpha) is interpolated linearly in t (k-diffusion's convention), so that solvers can
 * visit any noise level of the path; the tables themselves (`alphaBar` and the like) have the integers only.
 */
export function vp({ config, values }: Betas): DiscreteVp {
  const timesteps = values.length;
  const alphaBars = new Float64Array(timesteps); // [T]
  values.reduce((product, value, t) => {
    alphaBars[t] = product * (1 - value);
    return alphaBars[t];
  }, 1);
  const within = (t: number): number => {
    if (typeof t === "number" && t >= 0 && t <= timesteps - 1) return t;
    throw new ConfigError(
      `the ${config.name} path has the times 0 to ${timesteps - 1}; it was asked for t = ${show(t)}`,
    );
  };
  const at = (t: number): number => {
    if (Number.isInteger(within(t))) return t;
    throw new ConfigError(
      `the tables of the ${config.name} path have the times 0 to ${timesteps - 1}, integers; not t = ${show(t)}`,
    );
  };
  const logSigma = (t: number) => Math.log1p(-alphaBars[t]) / 2 - Math.log(alphaBars[t]) / 2; // ln(sigma / alpha)
  /** ln(sigma / alpha) anywhere, and its slope. */
  const between = (t: number): { value: number; slope: number } => {
    const low = Math.min(Math.floor(within(t)), Math.max(0, timesteps - 2));
    const high = Math.min(low + 1, timesteps - 1);
    const [from, to] = [logSigma(low), logSigma(high)];
    return { value: t === low ? from : t === high ? to : from + (t - low) * (to - from), slope: to - from };
  };
  const alphaBarAt = (t: number) =>
    Number.isInteger(within(t)) ? alphaBars[t] : 1 / (1 + Math.exp(2 * between(t).value));
  const alpha = (t: number) => Math.sqrt(alphaBarAt(t));
  const sigma = (t: number) =>
    Number.isInteger(within(t)) ? Math.sqrt(1 - alphaBars[t]) : 1 / Math.sqrt(1 + Math.exp(-2 * between(t).value));
  const alphaBar = (t: number) => alphaBars[at(t)];
  const alphaBarPrevious = (t: number) => (at(t) === 0 ? 1 : alphaBars[t - 1]);
  return completePath({
    name: config.name,
    timesteps,
    span: [0, timesteps - 1],
    betas: values,
    alphaBars,
    alphaBar,
    alphaBarPrevious,
    posteriorVariance: (t: number) => (values[at(t)] * (1 - alphaBarPrevious(t))) / (1 - alphaBars[t]),
    alpha,
    sigma,
    // With s = ln(sigma / alpha): alpha' = -alpha sigma² s', sigma' = sigma alpha² s'.
    dAlpha: (t: number) => -alpha(t) * sigma(t) ** 2 * between(t).slope,
    dSigma: (t: number) => sigma(t) * alpha(t) ** 2 * between(t).slope,
    networkTime: within,
    toJSON: () => config,
  });
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
