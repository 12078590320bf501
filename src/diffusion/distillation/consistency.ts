/**
 * Consistency models: a function f(x, t) that sends every point of a trajectory of the probability flow to its data end,
 * f(x, t_min) = x (boundary).
 *
 *   f(x, t) = sampleFromX x + sampleFromOutput network(x, t)      what any prediction gives as its sample
 *
 * Predictions whose sample is x itself where there is no noise (v, flow) keep the boundary by themselves where the path
 * ends at sigma = 0; `consistency` (preconditioning.ts) keeps it at its sigmaMin.
 *
 * Distillation compares f at neighbours on a trajectory of a teacher, one step of its flow dx/dt = alpha' x̂ + sigma' ε̂
 * apart. Training without a teacher takes both neighbours from one image and one noise.
 *
 * Source: Song, Dhariwal, Chen, Sutskever, "Consistency Models" (2023), §3 to 5 and appendix C; network time and Heun's
 * step as in their code. Tested on Gaussian data, where f is known: the step has its order, and the loss of the exact f
 * falls with the number of levels as the square of the step's local error.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition } from "../denoiser.ts";
import { levelOfRatio, ratioOf } from "../levels.ts";
import type { Level, Path } from "../path-contract.ts";
import { type Denoised, type Prediction, recovery } from "../prediction.ts";
import { karrasSigmas } from "../sigmas.ts";
import { type BatchDenoiser, imageSize, mixEach } from "./batch-denoiser.ts";

export const gridSpacings = ["karras", "time"] as const;
/** Levels even in s^(1/rho), s = sigma / alpha, or even in time. */
export type GridSpacing = (typeof gridSpacings)[number];

/** Where a path's alpha is less than this, its noise has no finite level in the variance-exploding view. */
const LEAST_ALPHA = 1e-8;

/**
 * `count` levels of a path, from its noise end to its data end, both included. "karras" needs a path whose sigma / alpha
 * is finite at one end and above 0 at the other; another one is a ConfigError.
 */
export function consistencyLevels(path: Path, count: number, spacing: GridSpacing, rho = 7): Level[] {
  const [first, last] = path.span;
  if (spacing === "time") {
    return Array.from({ length: count }, (_, i) => path.at(last + ((first - last) * i) / (count - 1)));
  }
  const [data, noise] = [path.at(first), path.at(last)];
  if (noise.alpha < LEAST_ALPHA || !(data.sigma > 0)) {
    throw new ConfigError(
      `the levels of the path ${path.name} cannot be spaced as karras: sigma / alpha goes from ${ratioOf(data)} to ` +
        `${ratioOf(noise)}; use the spacing "time", or a path such as edm`,
    );
  }
  const sigmas = karrasSigmas(count, { min: ratioOf(data), max: ratioOf(noise) }, rho);
  return sigmas.map((s, i) => {
    if (i === 0) return noise;
    return i === count - 1 ? data : levelOfRatio(path, s);
  });
}

/** f(x, t) = fromX x + fromOutput network: at the data end of the path exactly the boundary, x / alpha. */
export interface ConsistencyScalings {
  readonly fromX: number;
  readonly fromOutput: number;
}

export function consistencyScalings(prediction: Prediction, path: Path, level: Level): ConsistencyScalings {
  if (level.t === path.span[0]) return { fromX: 1 / level.alpha, fromOutput: 0 };
  const { sampleFromX, sampleFromOutput } = recovery(prediction, level);
  return { fromX: sampleFromX, fromOutput: sampleFromOutput };
}

export const flowRules = ["ddim", "heun"] as const;
export type FlowRule = (typeof flowRules)[number];

/**
 * One step of the teacher's probability flow for each image, from `from[n]` to `to[n]`: "ddim", x' = alpha' x̂ + sigma'
 * ε̂, or "heun" in the path's time, x' = x + (t' - t) (v(x, t) + v(x_euler, t')) / 2 with v = d alpha/dt x̂ + d sigma/dt
 * ε̂, which asks the teacher twice. On a path where alpha is 1 and sigma is t both are those of EDM. An image that arrives
 * without noise takes the ddim step, as EDM takes its last.
 */
export async function flowStep(
  teacher: BatchDenoiser,
  x: Float32Array,
  from: readonly Level[],
  to: readonly Level[],
  rule: FlowRule,
  condition?: Condition,
): Promise<Float32Array> {
  const first = await teacher.denoiseEach(x, from, condition);
  const ddim = along(to, first, "alpha", "sigma");
  if (rule === "ddim" || to.every(({ sigma }) => sigma === 0)) return ddim;
  const size = imageSize(x, from);
  const spans = to.map(({ t }, n) => t - from[n].t);
  const velocity = along(from, first, "dAlpha", "dSigma");
  const euler = x.map((value, i) => value + spans[Math.floor(i / size)] * velocity[i]);
  const asked = to.map((level, n) => (level.sigma === 0 ? from[n] : level));
  const second = along(asked, await teacher.denoiseEach(euler, asked, condition), "dAlpha", "dSigma");
  return ddim.map((arrived, i) => {
    const n = Math.floor(i / size);
    return to[n].sigma === 0 ? arrived : x[i] + (spans[n] * (velocity[i] + second[i])) / 2;
  });
}

/** x̂ and ε̂ of each image, each times a number of its level. */
function along(
  levels: readonly Level[],
  { sample, noise }: Denoised,
  ofSample: "alpha" | "dAlpha",
  ofNoise: "sigma" | "dSigma",
): Float32Array {
  const factors = (of: keyof Level) => levels.map((level) => level[of]);
  return mixEach(factors(ofSample), sample, factors(ofNoise), noise);
}
