/**
 * Predictor-corrector sampling of the reverse SDE dx = (f x - g² score) dt + g dw: at each level first some Langevin steps
 * at that noise (the corrector), then one step to the next level (the predictor). With a = alpha / alpha',
 * G² = sigma² - a² sigma'² (reverse-step.ts: VP a = sqrt(1 - beta), G² = beta; VE a = 1, G² = sigma² - sigma'²):
 *
 *   reverseDiffusion  x' = (2 - a) x + G² score + G z                          eq. 46
 *   ancestral         x' = (x + G² score) / a + G z (VP), + G sigma' / sigma z (other paths)   eq. 4 and 47
 *   eulerMaruyama     x' = x - (f x - g² score) dt + g sqrt(dt) z              of the SDE itself, continuous paths
 *
 *   langevin          x' = x + e score + sqrt(2 e) z,   e = 2 a² (snr |z| / |score|)²    norms are means over the batch
 *   annealed          the same with e = 2 a² (snr sigma)²
 *
 * The last step adds no noise. With the langevin corrector an image depends on the others of its batch; "annealed" has the
 * step that one expects where |score| = |z| / sigma, and does not.
 *
 * Source: Song et al., "Score-Based Generative Modeling through SDEs" (2021), §4.2, appendices E, F and G, algorithms 2 to
 * 5; the second corrector is the authors' "ald". Their settings: 1000 steps, linspace, timeMin 1e-3 (VP) or 1e-5 (VE), snr
 * 0.16. Tested against the exact moments of the chain on Gaussian data, within five standard errors, on VP, sub-VP, VE.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { type LevelsOptions, levelFields, levelsFor, levelsOptions } from "../levels.ts";
import { choice, integer, readOptions, real, withDefault } from "../options.ts";
import type { Path } from "../path-contract.ts";
import { type ReverseStep, reverseStep } from "../reverse-step.ts";
import { type Moved, remaining, type SampleOptions, type Solver, type SolverStep, spreadAt, start } from "./solver.ts";

export interface PredictorCorrectorOptions extends LevelsOptions {
  /** How a step goes to the next level. Default "reverseDiffusion". */
  predictor?: "reverseDiffusion" | "ancestral" | "eulerMaruyama";
  /** How x is corrected at a level before the step. Default "langevin". */
  corrector?: "langevin" | "annealed" | "none";
  /** Corrections at each level. Default 1. */
  correctorSteps?: number;
  /** The ratio of noise to score in a correction. Default 0.16. */
  snr?: number;
}

const fields = {
  ...levelFields,
  predictor: withDefault(choice("reverseDiffusion", "ancestral", "eulerMaruyama"), "reverseDiffusion"),
  corrector: withDefault(choice("langevin", "annealed", "none"), "langevin"),
  correctorSteps: withDefault(integer(1), 1),
  snr: withDefault(real(0, Infinity, true), 0.16),
};

type Predictor = NonNullable<PredictorCorrectorOptions["predictor"]>;

/** A step of a predictor: x' = xFactor x + noiseFactor epshat + std z. */
export interface PredictorMove extends ReverseStep {
  readonly xFactor: number;
  readonly noiseFactor: number;
  /** 0 in the last step. */
  readonly std: number;
}

function factors(path: Path, predictor: Predictor, step: ReverseStep): Omit<PredictorMove, keyof ReverseStep> {
  const { level, next, kept, large } = step;
  const { sigma } = level;
  const added = Math.sqrt(large);
  switch (predictor) {
    case "reverseDiffusion":
      return { xFactor: 2 - kept, noiseFactor: -large / sigma, std: added };
    case "ancestral": {
      const preserving = Math.abs(level.alpha ** 2 + sigma ** 2 - 1) < 1e-9;
      const std = preserving ? added : (added * next.sigma) / sigma;
      return { xFactor: 1 / kept, noiseFactor: -large / (kept * sigma), std };
    }
    case "eulerMaruyama": {
      const dt = level.t - next.t;
      const g2 = path.diffusion(level.t);
      return { xFactor: 1 - path.drift(level.t) * dt, noiseFactor: (-g2 * dt) / sigma, std: Math.sqrt(g2 * dt) };
    }
  }
}

/** The steps of a run. A path that the predictor cannot follow is a ConfigError. */
export function predictorMoves(path: Path, options: PredictorCorrectorOptions): PredictorMove[] {
  const config = readOptions("predictorCorrector", fields, options);
  const { predictor } = config;
  if (predictor === "eulerMaruyama" && path.timesteps !== undefined) {
    throw new ConfigError(
      `the predictor eulerMaruyama needs a path of continuous time, not ${path.name}; reverseDiffusion and ancestral take ` +
        `discrete ones`,
    );
  }
  const levels = levelsFor(path, levelsOptions(config));
  if (!(levels[0].alpha > 0)) {
    throw new ConfigError(
      `the predictors of predictorCorrector need data in x from the start: at t = ${levels[0].t} the path ${path.name} has ` +
        `alpha = 0; start below it with timeMax or times`,
    );
  }
  return levels.slice(0, -1).map((level, i) => {
    const step = reverseStep(level, levels[i + 1]);
    const move = factors(path, predictor, step);
    return { ...step, ...move, std: i + 2 === levels.length ? 0 : move.std };
  });
}

/** The mean over the images of their Euclidean norms. */
function meanNorm(values: Float32Array, images: number): number {
  const size = values.length / images;
  let total = 0;
  for (let n = 0; n < images; n++) {
    let sum = 0;
    for (let i = n * size; i < (n + 1) * size; i++) sum += values[i] ** 2;
    total += Math.sqrt(sum);
  }
  return total / images;
}

/** Predictor-corrector sampling. */
export function predictorCorrector(options: PredictorCorrectorOptions): Solver {
  const config = readOptions("predictorCorrector", fields, options);
  const { corrector, snr } = config;
  const corrections = corrector === "none" ? 0 : config.correctorSteps;
  return Object.freeze({
    name: "predictorCorrector",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const moves = predictorMoves(denoiser.path, config);
      const from = start(sampling, spreadAt(moves[0].level, config.startNoise));
      const left = remaining(moves, from.skip);
      const [images] = sampling.shape;

      const correct = async (x: Float32Array, { level, kept }: PredictorMove): Promise<Float32Array> => {
        const { noise } = await denoiser.denoise(x, level, sampling.condition);
        const z = from.noise();
        // |score| = |noise| / sigma, and 1 / sigma on average where x is mostly noise
        const share = corrector === "annealed" ? 1 : meanNorm(z, images) / meanNorm(noise, images);
        const size = 2 * (kept * snr * level.sigma * share) ** 2;
        const spread = Math.sqrt(2 * size);
        return x.map((value, i) => value - (size / level.sigma) * noise[i] + spread * z[i]);
      };

      const predict = async (x: Float32Array, { level, xFactor, noiseFactor, std }: PredictorMove): Promise<Moved> => {
        const { sample, noise } = await denoiser.denoise(x, level, sampling.condition);
        const z = std > 0 ? from.noise() : undefined;
        const mean = (i: number) => xFactor * x[i] + noiseFactor * noise[i];
        return { x: x.map((_, i) => (z === undefined ? mean(i) : mean(i) + std * z[i])), sample };
      };

      async function* run(): AsyncGenerator<SolverStep> {
        let x = from.x;
        for (const [step, move] of left) {
          for (let k = 0; k < corrections; k++) {
            sampling.signal?.throwIfAborted();
            x = await correct(x, move);
          }
          sampling.signal?.throwIfAborted();
          const moved = await predict(x, move);
          x = moved.x;
          yield { step, of: moves.length, t: move.level.t, x: x.slice(), sample: moved.sample };
        }
      }
      return run();
    },
  });
}
