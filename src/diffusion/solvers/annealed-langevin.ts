/**
 * Annealed Langevin dynamics (NCSN): at each of a falling list of noise levels s_i, some Langevin steps towards the data
 * as they look with that noise,
 *
 *   y <- y + a_i score(y, s_i) + sqrt(2 a_i) z,     a_i = epsilon (s_i / s_L)²,     score = -epshat / s_i
 *
 * and at the end, as NCSNv2, y + s_L² score = x0hat. This is the variance-exploding view y = x / alpha, s = sigma / alpha,
 * so that any path will do; the levels of NCSN are geometric. The step is that of the authors' code: the paper writes
 * a_i / 2 and sqrt(a_i).
 *
 * Where noise dominates, a step multiplies the distance to the mean by 1 - a_i / s_i² = 1 - epsilon / s_L², the same at
 * every level: epsilon must be below 2 s_L² or it diverges. NCSN has 0.2 s_L² (2e-5 at s_L = 0.01).
 *
 * Sources: Song and Ermon, "Generative Modeling by Estimating Gradients of the Data Distribution" (2019), algorithm 1;
 * "Improved Techniques for Training Score-Based Generative Models" (2020), §3.4 and 4 (the last denoising). Tested
 * against the exact moments of the chain on Gaussian data, within five standard errors.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { levelsFor, levelsOptions, ratioOf } from "../levels.ts";
import { type Field, flag, integer, optional, readOptions, real, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import type { Denoised } from "../prediction.ts";
import { remaining, type SampleOptions, type Solver, type SolverStep, spreadAt, start } from "./solver.ts";

export interface AnnealedLangevinOptions {
  /** Noise levels, spaced geometrically over the path or from sigmaMax to sigmaMin. Default 10, or as many as `sigmas`. */
  steps?: number;
  /** The noise levels sigma / alpha themselves, falling, in place of a geometric list. */
  sigmas?: readonly number[];
  sigmaMin?: number;
  sigmaMax?: number;
  /** Langevin steps at each level. Default 100, as NCSN; NCSNv2 has 5 at 232 levels. */
  stepsPerLevel?: number;
  /** The size of a Langevin step at the last level, in units of y²; default 0.2 s_L². */
  epsilon?: number;
  /** Take x0hat in the end. Default true; the first NCSN has false. */
  denoise?: boolean;
}

const positive = real(0, Infinity, true);
const list: Field<readonly number[]> = {
  expected: "a list of falling noise levels",
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(positive.accepts),
};
const fields = {
  steps: optional(integer(1)),
  sigmas: optional(list),
  sigmaMin: optional(positive),
  sigmaMax: optional(positive),
  stepsPerLevel: withDefault(integer(1), 100),
  epsilon: optional(positive),
  denoise: withDefault(flag(), true),
};
const usual = 0.2;

interface Rung {
  level: Level;
  /** a_i */
  size: number;
}

/** The levels of a run with their step sizes. */
export function langevinRungs(path: Path, options: AnnealedLangevinOptions): Rung[] {
  const { sigmas, steps, epsilon } = readOptions("annealedLangevin", fields, options);
  const schedule = sigmas === undefined ? { schedule: "exponential" as const, steps: steps ?? 10 } : {};
  const levels = levelsFor(path, { ...levelsOptions(options), ...schedule }).slice(0, -1);
  const last = ratioOf(levels[levels.length - 1]);
  const atLast = epsilon ?? usual * last ** 2;
  if (!(atLast < 2 * last ** 2)) {
    throw new ConfigError(
      `annealedLangevin: epsilon ${atLast} diverges at the last noise level ${last}: it must be below twice its square, ` +
        `${2 * last ** 2}; NCSN takes ${usual} of the square, ${usual * last ** 2}`,
    );
  }
  return levels.map((level) => ({ level, size: atLast * (ratioOf(level) / last) ** 2 }));
}

/** Annealed Langevin dynamics. One report a noise level. */
export function annealedLangevin(options: AnnealedLangevinOptions = {}): Solver {
  const config = readOptions("annealedLangevin", fields, options);
  return Object.freeze({
    name: "annealedLangevin",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const rungs = langevinRungs(denoiser.path, config);
      const from = start(sampling, spreadAt(rungs[0].level));
      const left = remaining(rungs, from.skip);
      async function* run(): AsyncGenerator<SolverStep> {
        let x = from.x;
        let scale = left[0][1].level.alpha;
        for (const [step, { level, size }] of left) {
          const { alpha, sigma } = level;
          x = x.map((value) => (value / scale) * alpha); // y stays, the path's units change
          scale = alpha;
          let denoised: Denoised | undefined;
          for (let inner = 0; inner < config.stepsPerLevel; inner++) {
            sampling.signal?.throwIfAborted();
            denoised = await denoiser.denoise(x, level, sampling.condition);
            const z = from.noise();
            // alpha times the step in y: score in y is -noise alpha / sigma
            const [drift, spread] = [(size * alpha * alpha) / sigma, alpha * Math.sqrt(2 * size)];
            const { noise } = denoised;
            x = x.map((value, i) => value - drift * noise[i] + spread * z[i]);
          }
          const isLast = step === rungs.length;
          if (isLast && config.denoise) {
            denoised = await denoiser.denoise(x, level, sampling.condition);
            x = denoised.sample.slice();
          }
          yield { step, of: rungs.length, t: level.t, x: x.slice(), sample: denoised!.sample };
        }
      }
      return run();
    },
  });
}
