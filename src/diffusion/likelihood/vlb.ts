/**
 * The variational bound of a diffusion model, term by term, in bits per dimension:
 *
 *   -log p(x0) <= KL(q(x_T | x0) | prior) + sum over steps of KL(q(x_s | x_t, x0) | p(x_s | x_t)) - log p(x0 | x_1)
 *
 * p(x_s | x_t) is the ancestral step (reverse-step.ts): the posterior mean at x0hat, and a variance that is the smaller or
 * larger of the two fixed ones, learned (the network's v between their logarithms), or a function of the step. The term of
 * a step is that for one x_t drawn from q(x_t | x0). The last step has no posterior to compare with; its term is the
 * decoder: the discretised Gaussian of 256 pixel levels, or the density of the Gaussian itself. Its variance is the
 * smaller one of the step before, where its own is 0 (also in place of the larger one: DDPM's table). The prior is what
 * solvers start from, N(0, (alpha² + sigma²) I) at the noise end: N(0, I) on VP paths.
 *
 * For Gaussian data with the exact denoiser and the exact reverse variance, small + sampleFactor² Var(x0 | x_t), the chain
 * is the true one reversed: the bound with the density decoder equals -log p(x0) for every number of steps, up to the
 * prior's own mismatch, which vanishes with alpha_T. With a fixed variance the steps' terms come down to that as they divide
 * the log-SNR ever more finely.
 *
 * Sources: Ho, Jain, Abbeel (2020), eq. 5 and §3.3; Nichol and Dhariwal (2021), eq. 3 to 7, 14 and 15. Tested against
 * these closed forms: each term of Gaussian data within five standard errors, L_T of the linear schedule to its digits.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { choice, clipLimit, type Field, integer, optional, readOptions, show, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { type ReverseStep, reverseStep } from "../reverse-step.ts";
import { clipped, spreadAt } from "../solvers/solver.ts";
import { type Spacing, spacings, timesOn } from "../times.ts";
import { type CdfName, discretisedGaussian } from "./discretised-gaussian.ts";
import { checkImages, type ImageBatch } from "./images.ts";

export interface VlbOptions extends ImageBatch {
  /** Of the reverse steps; a function gives it for each step. */
  variance: "small" | "large" | "learned" | ((step: ReverseStep) => number);
  /** Steps of a respaced chain, whose own bound this then is. Default: all timesteps; paths of continuous time need it. */
  steps?: number;
  /** Which timesteps a respaced chain keeps. Default "linspace" on discrete paths. */
  spacing?: Spacing;
  /** x0hat is clipped to [-clip, clip]. Default 1, for images in [-1, 1]; false for none. */
  clip?: number | false;
  /** Default "discretised", for images of 256 levels in [-1, 1]; "density" for data that is continuous. */
  decoder?: "discretised" | "density";
  /** The form of the normal distribution function in the decoder. Default "exact". */
  cdf?: CdfName;
  condition?: Condition;
  /** Called after each term. */
  onTerm?: (done: number, of: number) => void;
  signal?: AbortSignal;
}

/** One term of the bound, bits per dimension of each image. */
export interface VlbTerm {
  /** The time of x_t. */
  readonly t: number;
  readonly kind: "prior" | "step" | "decoder";
  readonly bits: Float64Array; // [N]
}

export interface Vlb {
  /** The whole bound of each image, bits per dimension. */
  readonly bits: Float64Array; // [N]
  /** Its mean over the images. */
  readonly mean: number;
  /** The prior, then the steps from noise to data, then the decoder: steps + 1 terms, which sum up to `bits`. */
  readonly terms: readonly VlbTerm[];
}

const anyVariance: Field<VlbOptions["variance"]> = {
  expected: '"small", "large", "learned", or a function of the step',
  accepts: (value: unknown) => typeof value === "function" || choice("small", "large", "learned").accepts(value),
};
const fields = {
  steps: optional(integer(1)),
  spacing: optional(choice(...spacings)),
  clip: withDefault(clipLimit(), 1),
  decoder: withDefault(choice("discretised", "density"), "discretised"),
  cdf: withDefault(choice("exact", "tanh"), "exact"),
  variance: anyVariance,
};

/** The Kullback-Leibler divergence of two Gaussians of one dimension, by their means and log variances, in nats. */
export function gaussianKl(mean1: number, logVariance1: number, mean2: number, logVariance2: number): number {
  const difference = logVariance1 - logVariance2;
  return 0.5 * (-1 - difference + Math.exp(difference) + (mean1 - mean2) ** 2 * Math.exp(-logVariance2));
}

/** The steps of the chain, from noise to data. */
function chainOf(path: Path, { steps, spacing }: Pick<VlbOptions, "steps" | "spacing">): ReverseStep[] {
  const count = steps ?? path.timesteps;
  if (count === undefined) {
    throw new ConfigError(`the bound on ${path.name}, whose time is continuous, needs a number of steps`);
  }
  const whole = count === path.timesteps || path.timesteps === undefined; // one list in every spacing
  const times = timesOn(path, count, whole ? "trailing" : (spacing ?? "linspace"));
  const levels: Level[] = times.map((t) => path.at(t));
  const end: Level = { ...path.at(path.span[0]), alpha: 1, sigma: 0 };
  return levels.map((level, i) => reverseStep(level, levels[i + 1] ?? end));
}

/** ln variance of p(x_s | x_t), for each element of an image. */
type LogVariance = (i: number) => number;

function logVarianceOf(
  chain: readonly ReverseStep[],
  index: number,
  variance: VlbOptions["variance"],
  denoised: Denoised,
): LogVariance {
  const step = chain[index];
  const constant = (value: number): LogVariance => {
    if (value > 0) return () => Math.log(value);
    throw new ConfigError(
      `the variance of the reverse step at t = ${step.level.t} must be above 0, not ${show(value)}`,
    );
  };
  if (typeof variance === "function") return constant(variance(step));
  const isLast = index === chain.length - 1;
  if (isLast && chain.length === 1) {
    throw new ConfigError(
      `a bound of one step has no step before the last to take its ${variance} variance from; take more steps, or give ` +
        `variance as a function`,
    );
  }
  const small = isLast ? chain[index - 1].small : step.small;
  if (variance === "small") return constant(small);
  if (variance === "large") return constant(isLast ? small : step.large);
  const v = denoised.variance;
  if (v === undefined) {
    throw new ConfigError(
      'the network predicts no variances, which variance "learned" asks for; train it with learned variances, or take ' +
        '"small" or "large"',
    );
  }
  const [low, high] = [Math.log(small), Math.log(step.large)];
  return (i) => low + ((v[i] + 1) / 2) * (high - low);
}

/** The bound on -log p of each image. */
export async function variationalBound(denoiser: Denoiser, options: VlbOptions): Promise<Vlb> {
  const { images, shape, seed, firstImage, condition, onTerm, signal, ...rest } = options;
  const { count, size } = checkImages("variationalBound", { images, shape, seed, firstImage });
  const { variance, clip, decoder, cdf, ...spaced } = readOptions("variationalBound", fields, rest);
  const chain = chainOf(denoiser.path, spaced);
  const streams = Array.from({ length: count }, (_, i) => Random.from(seed, "bound", (firstImage ?? 0) + i));
  const bitsOf = (nats: (i: number) => number) =>
    Float64Array.from({ length: count }, (_, n) => {
      let sum = 0;
      for (let i = n * size; i < (n + 1) * size; i++) sum += nats(i);
      return sum / (size * Math.LN2);
    });
  const first = chain[0].level;
  const priorLog = 2 * Math.log(spreadAt(first));
  const prior = bitsOf((i) => gaussianKl(first.alpha * images[i], 2 * Math.log(first.sigma), 0, priorLog));
  const terms: VlbTerm[] = [{ t: first.t, kind: "prior", bits: prior }];

  for (const [index, step] of chain.entries()) {
    signal?.throwIfAborted();
    const { level, sampleFactor, small } = step;
    const x = new Float32Array(images.length); // x_t ~ q(x_t | x0)
    streams.forEach((stream, n) => {
      stream.fillNormal(x.subarray(n * size, (n + 1) * size));
    });
    for (let i = 0; i < x.length; i++) x[i] = level.alpha * images[i] + level.sigma * x[i];
    const denoised = await denoiser.denoise(x, level, condition);
    const sample = clipped(denoised.sample, clip);
    const logVariance = logVarianceOf(chain, index, variance, denoised);
    const isLast = index === chain.length - 1;
    const bits = isLast
      ? bitsOf((i) => decoded(images[i], sample[i], logVariance(i), decoder, cdf))
      : bitsOf((i) => {
          // Of the two means only the difference matters, which keeps its digits this way.
          const difference = sampleFactor * (images[i] - sample[i]);
          return gaussianKl(difference, Math.log(small), 0, logVariance(i));
        });
    terms.push({ t: level.t, kind: isLast ? "decoder" : "step", bits });
    onTerm?.(index + 1, chain.length);
  }
  const bits = Float64Array.from({ length: count }, (_, n) => terms.reduce((sum, term) => sum + term.bits[n], 0));
  return { bits, mean: bits.reduce((sum, value) => sum + value, 0) / count, terms };
}

/** -ln p(x0 | x_1) of one element, in nats. */
function decoded(
  x0: number,
  mean: number,
  logVariance: number,
  decoder: "discretised" | "density",
  cdf: CdfName,
): number {
  if (decoder === "discretised") return discretisedGaussian(x0, mean, logVariance / 2, cdf);
  return 0.5 * (Math.log(2 * Math.PI) + logVariance + (x0 - mean) ** 2 * Math.exp(-logVariance));
}
