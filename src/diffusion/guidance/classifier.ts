/**
 * Classifier guidance: the gradient of a classifier of noised images, log p(y | x_t), is added to the score. Two forms:
 *
 *   noise   epshat <- epshat - sigma sum_k scale_k grad_k       the score itself; for every solver
 *   mean    the mean of an ancestral step <- mean + variance sum_k scale_k grad_k       for the ddpm solver alone
 *
 * The first is Bayes' rule: with the true gradient and scale 1 it turns the model of all data into that of class y. The
 * second is its limit for small steps; it knows the variance of the step and hence is a form of that solver.
 *
 * Source: Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis" (2021), algorithms 1 (mean) and 2 (noise).
 * Tested on two Gaussian classes, where unconditional, conditional and gradient are known in closed form.
 */
import { ConfigError, NotFiniteError, ShapeError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { readOptions, real, show } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { type DdpmOptions, ddpmWith } from "../solvers/ddpm.ts";
import type { Solver } from "../solvers/solver.ts";
import { type GuidanceInterval, insideOf, intervalField } from "./interval.ts";

/** The gradient of log p(y | x) with respect to x, in the shape of x, at a level of the path. y stands in `condition`. */
export type ClassifierGradient = (x: Float32Array, level: Level, condition?: Condition) => Promise<Float32Array>;

/** One classifier with its scale, from 0. */
export interface Guide {
  gradient: ClassifierGradient;
  scale: number;
}

export interface ClassifierGuidanceOptions {
  /** The classifiers whose gradients are added up. */
  guides: Guide | readonly Guide[];
  /** Whether the denoiser is fed the condition too (a class-conditional model). Default false: only the classifiers see it. */
  conditional?: boolean;
  /** The levels at which it acts. Default: all. */
  interval?: GuidanceInterval;
}

type Sum = (x: Float32Array, level: Level, condition?: Condition) => Promise<Float32Array | undefined>;

function read(options: ClassifierGuidanceOptions): { total: Sum; conditional: boolean } {
  const {
    guides,
    interval,
    conditional = false,
  } = readOptions(
    "classifierGuided",
    {
      guides: {
        expected: "{ gradient, scale }, or a list of at least one of them",
        accepts: (value: unknown) =>
          typeof value === "object" && value !== null && !(Array.isArray(value) && !value.length),
      },
      interval: intervalField,
      conditional: {
        expected: "true or false",
        accepts: (value: unknown) => typeof value === "boolean",
        optional: true,
      },
    },
    options,
  ) as ClassifierGuidanceOptions;
  const acts = insideOf(interval);
  const list = (Array.isArray(guides) ? guides : [guides]).map((guide) =>
    readOptions(
      "classifierGuided, guides",
      {
        gradient: { expected: "a function", accepts: (value: unknown) => typeof value === "function" },
        scale: real(0),
      },
      guide,
    ),
  ) as readonly Guide[];
  return {
    conditional,
    async total(x, level, condition) {
      if (!acts(level)) return undefined;
      const sum = new Float32Array(x.length);
      for (const { gradient, scale } of list) {
        if (scale === 0) continue;
        const found = await gradient(x, level, condition);
        if (found.length !== x.length) {
          throw new ShapeError(
            `a classifier's gradient has ${found.length} numbers for an x of ${x.length}; it has x's shape`,
          );
        }
        for (let i = 0; i < sum.length; i++) sum[i] += scale * found[i];
      }
      const wrong = sum.findIndex((value) => !Number.isFinite(value));
      if (wrong < 0) return sum;
      throw new NotFiniteError(`the classifier's gradient at t = ${level.t} holds ${sum[wrong]} (element ${wrong})`);
    },
  };
}

/** The noise form: a denoiser guided by classifiers, for any solver. */
export function classifierGuided(denoiser: Denoiser, options: ClassifierGuidanceOptions): Denoiser {
  const { total, conditional } = read(options);
  return Object.freeze({
    path: denoiser.path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      const level = typeof at === "number" ? denoiser.path.at(at) : at;
      const denoised = await denoiser.denoise(x, level, conditional ? condition : undefined);
      const sum = await total(x, level, condition);
      if (sum === undefined) return denoised;
      const { alpha, sigma } = level;
      if (!(alpha > 0)) {
        throw new ConfigError(
          `classifier guidance has no sample at t = ${show(level.t)}, where alpha = 0; give an interval that leaves out the ` +
            `noise end, such as { t: [${denoiser.path.span[0]}, …] }`,
        );
      }
      return {
        ...denoised,
        noise: denoised.noise.map((value, i) => value - sigma * sum[i]),
        sample: denoised.sample.map((value, i) => value + ((sigma * sigma) / alpha) * sum[i]),
      };
    },
  });
}

/**
 * The mean form: the ddpm solver whose steps go up the classifiers' gradient, by the variance of each step (with learned
 * variances, of each element). Its name and configuration are those of the ddpm solver.
 */
export function classifierGuidedAncestral(solver: DdpmOptions, options: ClassifierGuidanceOptions): Solver {
  const { total, conditional } = read(options);
  return ddpmWith(solver, {
    conditional,
    meanShift: total,
  });
}
