/**
 * DPM-Solver++ multistep, orders 1, 2 ("2M") and 3 ("3M"), and the older DPM-Solver (form "noise"). With the last
 * predictions m0, m1, m2 (newest first) at lambda_0, lambda_-1, lambda_-2, r0 = (lambda_0 - lambda_-1) / h, r1 =
 * (lambda_-1 - lambda_-2) / h, a step of exponential.ts takes
 *
 *   D0 = m0     order 2: D1 = (m0 - m1) / r0, weighed by phi2 ("heun") or by phi1 / 2 ("midpoint")
 *   order 3:    d0 = (m0 - m1) / r0, d1 = (m1 - m2) / r1, D1 = d0 + r0 / (r0 + r1) (d0 - d1), D2 = (d0 - d1) / (r0 + r1)
 *
 * The order grows from 1 as the history does. It falls again at the end (`lowerOrderFinal`, `eulerAtFinal`), and is 1
 * wherever h is infinite: into the data, and out of pure noise. "midpoint" of order 2 is k-diffusion's DPM++ 2M.
 *
 * Order 3 is as published; its D2 has half the weight that a quadratic through the three predictions would give it, so
 * it converges with order two.
 *
 * Sources: Lu et al., "DPM-Solver++" (2022), algorithm 2; Lu et al., "DPM-Solver" (2022). Tested against golden values on
 * Gaussian data to 1e-6 in variance-exploding and variance-preserving variables, for its order, and against the sums that
 * diffusers' tests of DPMSolverMultistepScheduler hold.
 */
import type { Denoiser } from "../denoiser.ts";
import { type LevelsOptions, levelFields, levelsFor, levelsOptions } from "../levels.ts";
import { choice, type Field, flag, readOptions, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import {
  checkForm,
  type ExponentialStep,
  exponentialStep,
  type Form,
  formField,
  type LinearMove,
  lambdaOf,
  walkLinear,
} from "./exponential.ts";
import { type SampleOptions, type Solver, spreadAt, start } from "./solver.ts";

/** Options that DPM-Solver's solvers share. */
export interface DpmOptions extends LevelsOptions, LimitOptions {
  /** 1, 2 (default) or 3. */
  order?: 1 | 2 | 3;
  /** How the derivative is weighed in order 2. Default "midpoint". */
  variant?: "midpoint" | "heun";
}

export interface MultistepOptions extends DpmOptions {
  /** With fewer than 15 steps, end with order 1, and order 3 with 2 and 1. Default true. */
  lowerOrderFinal?: boolean;
  /** End with order 1 however many steps there are. Default false. */
  eulerAtFinal?: boolean;
}

export interface DpmppMultistepOptions extends MultistepOptions {
  /** What is integrated: the predicted x0 (DPM-Solver++, default), or the noise (DPM-Solver). */
  form?: Form;
}

/** 1, 2 or 3. */
export function orderField(): Field<1 | 2 | 3> {
  return { expected: "1, 2 or 3", accepts: (value) => value === 1 || value === 2 || value === 3 };
}

export const dpmFields = {
  ...levelFields,
  ...limitFields,
  order: withDefault(orderField(), 2),
  variant: withDefault(choice("midpoint", "heun"), "midpoint"),
};
export const multistepFields = {
  ...dpmFields,
  lowerOrderFinal: withDefault(flag(), true),
  eulerAtFinal: withDefault(flag(), false),
};
const fields = { ...multistepFields, form: formField };

/** Fewer steps than this end with lower orders, where they may. */
const FEW_STEPS = 15;

/** The weights of the predictions, newest first; `past`: the lambdas of the older ones, newest first. */
export function multistepWeights(
  { first, second, third, h }: ExponentialStep,
  variant: "midpoint" | "heun",
  lambda: number,
  past: readonly number[],
): number[] {
  if (past.length === 0) return [first];
  const r0 = (lambda - past[0]) / h;
  if (past.length === 1) {
    const slope = (variant === "midpoint" ? first / 2 : second) / r0;
    return [first + slope, -slope];
  }
  const r1 = (past[0] - past[1]) / h;
  const part = (second * r0 + third) / (r0 + r1);
  const [newer, older] = [(second + part) / r0, part / r1];
  return [first + newer, -newer - older, older];
}

/** How many of the predictions before step `index` count, of a run that began at step `begin`: those out of pure noise do not. */
export function usablePast(levels: readonly Level[], index: number, begin: number, atMost: number): number[] {
  const past: number[] = [];
  for (let i = index - 1; i >= begin && past.length < atMost && levels[i].alpha > 0; i--)
    past.push(lambdaOf(levels[i]));
  return past;
}

/** The steps of a run over levels, that leaves out its first `skip` steps. */
export function multistepMoves(
  levels: readonly Level[],
  skip: number,
  options: Required<Pick<MultistepOptions, "order" | "variant" | "lowerOrderFinal" | "eulerAtFinal">>,
  form: Form,
  eta = 0,
): LinearMove[] {
  const { order, variant, lowerOrderFinal, eulerAtFinal } = options;
  const steps = levels.length - 1;
  const lowers = lowerOrderFinal && steps < FEW_STEPS;
  return levels.slice(0, steps).map((level, i) => {
    const next = levels[i + 1];
    const atMost =
      i === steps - 1 && (lowers || eulerAtFinal) ? 1 : i === steps - 2 && lowers ? Math.min(order, 2) : order;
    const step = exponentialStep(level, next, form, eta);
    const past = Number.isFinite(step.h) && step.h !== 0 ? usablePast(levels, i, skip, atMost - 1) : [];
    const models = multistepWeights(step, variant, lambdaOf(level), past);
    return { t: level.t, level, base: "here", state: step.state, models, std: step.std };
  });
}

/** DPM-Solver++ multistep, deterministic. */
export function dpmppMultistep(options: DpmppMultistepOptions): Solver {
  const config = readOptions("dpmppMultistep", fields, options);
  return Object.freeze({
    name: "dpmppMultistep",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const levels = levelsFor(denoiser.path, levelsOptions(config));
      checkForm("dpmppMultistep", config.form, levels);
      const from = start(sampling, spreadAt(levels[0], config.startNoise));
      return walkLinear(denoiser, sampling, from, multistepMoves(levels, from.skip, config, config.form), config);
    },
  });
}
