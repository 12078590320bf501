/**
 * Euler's method for the flow in the path's own time,
 *
 *   x' = x + (t' - t) (alpha' x0hat + sigma' epshat)        on the straight line x + (t' - t) (epshat - x0hat)
 *
 * the sampler of rectified flow, SiT's ODE and Stable Diffusion 3 (with `shift` 3). It starts at pure noise, where
 * sigma / alpha is infinite and solvers in sigma space cannot. Stochastic: x0hat is noised anew, x' = alpha' x0hat +
 * sigma' z, as few-step students want. Order 1, one evaluation a step.
 *
 * Source: Liu, Gong, Liu, "Flow Straight and Fast" (2022), §2; Esser et al. 2024 (SD3), §3.4 (shift). Tested against
 * independent values on Gaussian data, diffusers' FlowMatchEulerDiscreteScheduler, and for its order.
 */
import { type LevelsOptions, levelFields } from "../levels.ts";
import { flag, readOptions, withDefault } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { eulerIn } from "./euler.ts";
import { type Advance, along, type Move, stateSolver, timeMoves, timeSpace } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface FlowEulerOptions extends LevelsOptions, LimitOptions {
  /** Noise x0hat anew in each step, instead of following the flow. Default false. */
  stochastic?: boolean;
}

const fields = { ...levelFields, ...limitFields, stochastic: withDefault(flag(), false) };

const noisedAnew: Advance<Move> = async (y, { from, to }, tools) => {
  const { sample } = await tools.predict(y, from);
  const clean = Float64Array.from(sample, (value) => to.alpha * value);
  return { y: to.sigma > 0 ? along(clean, to.sigma, tools.noise()) : clean, sample };
};

/** Euler of the flow. */
export function flowEuler(options: FlowEulerOptions): Solver {
  const config = readOptions("flowEuler", fields, options);
  return stateSolver("flowEuler", config, {
    space: timeSpace,
    moves: (path) => timeMoves("flowEuler", path, config).map((move) => ({ ...move, hat: move.from, fresh: 0 })),
    begin: () => (config.stochastic ? noisedAnew : eulerIn(timeSpace)),
  });
}
