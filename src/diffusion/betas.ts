/**
 * Tables of betas, the variances of the steps of a discrete variance-preserving path.
 *
 *   linear           even from start to end                                     Ho et al. 2020, §4
 *   scaledLinear     squares of even roots                                      Rombach et al. 2022 (latent diffusion)
 *   quadratic        the same with DDPM's ends                                  Ho et al. 2020, their code
 *   constant         one beta                                                   Ho et al. 2020, their code
 *   sigmoid          start + (end - start) sigmoid(u), u even in [-6, 6]        Xu et al. 2022 (GeoDiff)
 *   cosine           of alphaBar(u) = cos²(π/2 (u + s) / (1 + s))               Nichol and Dhariwal 2021, eq. 17
 *   sigmoidAlphaBar  of alphaBar(u) = (S(1) - S(u)) / (S(1) - S(0)),            Jabri et al. 2022, §3.1 (u = 0 is data)
 *                    S(u) = sigmoid((start + u (end - start)) / tau)
 *
 * where beta_i = min(1 - alphaBar((i+1)/T) / alphaBar(i/T), maxBeta) for the last two. Any of them may be rescaled to zero
 * terminal SNR (Lin et al. 2023, algorithm 1): sqrt(alphaBar) is shifted to 0 at T-1, then scaled to its old value at 0.
 *
 * Tables are float64. Tested against six digits of alphaBar computed with NumPy, and against diffusers to float32.
 */
import { ConfigError } from "../core/errors.ts";
import { type Field, flag, integer, optional, readOptions, real, show, withDefault } from "./options.ts";
import type { PathConfig, PathOptions } from "./path-contract.ts";

/** A table of betas, and the configuration that it came from. */
export interface Betas {
  readonly config: PathConfig;
  /** beta_t in (0, 1), t = 0 .. T-1; the last one may be 1 (then the last x_t is pure noise). */
  readonly values: Float64Array;
}

const beta = real(0, 1, true);
const common = { timesteps: withDefault(integer(1, 1_000_000), 1000), zeroTerminalSnr: optional(flag()) };
const linearFields = { ...common, start: withDefault(beta, 1e-4), end: withDefault(beta, 0.02) };
const scaledLinearFields = { ...common, start: withDefault(beta, 0.00085), end: withDefault(beta, 0.012) };
const constantFields = { ...common, beta: withDefault(beta, 0.02) };
const cosineFields = { ...common, s: withDefault(real(0, 1), 0.008), maxBeta: withDefault(beta, 0.999) };
const sigmoidAlphaBarFields = {
  ...common,
  start: withDefault(real(), -3),
  end: withDefault(real(), 3),
  tau: withDefault(real(0, Infinity, true), 1),
  maxBeta: withDefault(beta, 0.999),
};

/** `count` numbers from `start` to `end`, both included; `start` alone when there is one. */
function evenly(start: number, end: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => start + (i * (end - start)) / Math.max(1, count - 1));
}

function squaresOfEven(start: number, end: number, count: number): Float64Array {
  return evenly(Math.sqrt(start), Math.sqrt(end), count).map((root) => root * root);
}

function sigmoidOf(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** The betas that step through `alphaBar(u)`, u = 0, 1/T, .. 1, none above `maxBeta`. */
function steppingThrough(alphaBar: (u: number) => number, count: number, maxBeta: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), maxBeta),
  );
}

/** The table of a configuration, rescaled where the configuration says so. */
function table(config: PathConfig & { readonly zeroTerminalSnr?: boolean }, values: Float64Array): Betas {
  return { config, values: config.zeroTerminalSnr ? rescaled(values, config.name) : values };
}

/** Betas of zero terminal SNR: sqrt(alphaBar) moved to end at 0, and scaled to begin where it began. */
function rescaled(values: Float64Array, name: string): Float64Array {
  if (values.length < 2) {
    throw new ConfigError(`${name}: zeroTerminalSnr needs at least 2 timesteps, not ${values.length}`);
  }
  const roots = values.slice(); // [T], sqrt(alphaBar)
  values.reduce((alphaBar, value, t) => {
    roots[t] = Math.sqrt(alphaBar * (1 - value));
    return alphaBar * (1 - value);
  }, 1);
  const [first, last] = [roots[0], roots[roots.length - 1]];
  const moved = roots.map((root) => ((root - last) * first) / (first - last));
  return moved.map((root, t) => (t === 0 ? values[0] : 1 - (root / moved[t - 1]) ** 2));
}

/**
 * Betas that rise evenly from `start` to `end`, the schedule of DDPM (defaults 1e-4 and 0.02 over 1000 timesteps).
 * They are used as given for any number of timesteps: nothing is scaled by 1000 / timesteps.
 */
export function linear(options: PathOptions["linear"] = {}): Betas {
  const read = readOptions("linear", linearFields, options);
  return table({ name: "linear", ...read }, evenly(read.start, read.end, read.timesteps));
}

/** Betas whose square roots rise evenly, the schedule of Stable Diffusion (defaults 0.00085 and 0.012). */
export function scaledLinear(options: PathOptions["scaledLinear"] = {}): Betas {
  const read = readOptions("scaledLinear", scaledLinearFields, options);
  return table({ name: "scaledLinear", ...read }, squaresOfEven(read.start, read.end, read.timesteps));
}

/** Betas whose square roots rise evenly between the ends of DDPM (1e-4 and 0.02), "quad" in its code. */
export function quadratic(options: PathOptions["quadratic"] = {}): Betas {
  const read = readOptions("quadratic", linearFields, options);
  return table({ name: "quadratic", ...read }, squaresOfEven(read.start, read.end, read.timesteps));
}

/** One beta for all timesteps (default 0.02), "const" in DDPM's code. */
export function constant(options: PathOptions["constant"] = {}): Betas {
  const read = readOptions("constant", constantFields, options);
  return table({ name: "constant", ...read }, new Float64Array(read.timesteps).fill(read.beta));
}

/** Betas along a sigmoid between `start` and `end` (1e-4 and 0.02), GeoDiff's schedule and "sigmoid" in diffusers. */
export function sigmoid(options: PathOptions["sigmoid"] = {}): Betas {
  const read = readOptions("sigmoid", linearFields, options);
  const values = evenly(-6, 6, read.timesteps).map((u) => read.start + (read.end - read.start) * sigmoidOf(u));
  return table({ name: "sigmoid", ...read }, values);
}

/** The cosine schedule of Improved DDPM. */
export function cosine(options: PathOptions["cosine"] = {}): Betas {
  const read = readOptions("cosine", cosineFields, options);
  const alphaBar = (u: number) => Math.cos(((u + read.s) / (1 + read.s)) * (Math.PI / 2)) ** 2;
  return table({ name: "cosine", ...read }, steppingThrough(alphaBar, read.timesteps, read.maxBeta));
}

/** The schedule whose alphaBar, not its betas, is a sigmoid; more noise for large images with `tau` below 1. */
export function sigmoidAlphaBar(options: PathOptions["sigmoidAlphaBar"] = {}): Betas {
  const read = readOptions("sigmoidAlphaBar", sigmoidAlphaBarFields, options);
  const { timesteps, start, end, tau, maxBeta } = read;
  if (!(start < end)) throw new ConfigError(`sigmoidAlphaBar: start must be below end, not ${start} and ${end}`);
  const s = (u: number) => sigmoidOf((start + u * (end - start)) / tau);
  const alphaBar = (u: number) => (s(1) - s(u)) / (s(1) - s(0));
  return table({ name: "sigmoidAlphaBar", ...read }, steppingThrough(alphaBar, timesteps, maxBeta));
}

const tableField: Field<ArrayLike<number>> = {
  expected: "a list of at least one beta",
  accepts: (value) => (Array.isArray(value) || value instanceof Float64Array) && value.length > 0,
};
const betasFields = { values: tableField, allowFalling: optional(flag()), zeroTerminalSnr: optional(flag()) };

/** How far a beta may be below the one before and count as equal: what is left of rounding. */
const ROUNDING = 1e-9;

/**
 * Betas from a table of one's own; each in (0, 1), the last may be 1. Noise schedules add more and more noise, so betas
 * that fall are a ConfigError, unless `allowFalling` says that they are meant.
 */
export function betas(options: {
  values: ArrayLike<number>;
  allowFalling?: boolean;
  zeroTerminalSnr?: boolean;
}): Betas {
  const { values, ...flags } = readOptions("betas", betasFields, options);
  const given = Array.from(values);
  given.forEach((value, t) => {
    if (!(value > 0 && (value < 1 || (value === 1 && t === given.length - 1)))) {
      throw new ConfigError(`betas: values[${t}] must be above 0 and below 1 (the last may be 1), not ${show(value)}`);
    }
    if (t > 0 && value < given[t - 1] * (1 - ROUNDING) && !flags.allowFalling) {
      throw new ConfigError(
        `betas: the values must rise or stay, but values[${t}] = ${value} is below values[${t - 1}] = ${given[t - 1]}; ` +
          "put them in order, or give allowFalling: true if that is the schedule",
      );
    }
  });
  return table({ name: "betas", values: given, ...flags }, Float64Array.from(given));
}
