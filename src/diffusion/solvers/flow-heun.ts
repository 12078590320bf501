/**
 * Heun's method for the flow in the path's own time: with u(x, t) = alpha' x0hat + sigma' epshat,
 *
 *   e = x + (t' - t) u(x, t)        x' = x + (t' - t) (u(x, t) + u(e, t')) / 2
 *
 * The step to the data is Euler's. Order 2, 2 N - 1 evaluations in N steps. It is not Heun's method in sigma space: on
 * the straight line that averages epshat, this epshat - x0hat.
 *
 * Source: Ma et al., "SiT" (2024), §2 and appendix D (Heun's method for its ODE). Tested against diffusers'
 * FlowMatchHeunDiscreteScheduler, and for its order.
 */
import { type LevelsOptions, levelFields } from "../levels.ts";
import { readOptions } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { heunIn } from "./heun.ts";
import { stateSolver, timeMoves, timeSpace } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface FlowHeunOptions extends LevelsOptions, LimitOptions {}

const fields = { ...levelFields, ...limitFields };

/** Heun of the flow. */
export function flowHeun(options: FlowHeunOptions): Solver {
  const config = readOptions("flowHeun", fields, options);
  return stateSolver("flowHeun", config, {
    space: timeSpace,
    moves: (path) => timeMoves("flowHeun", path, config).map((move) => ({ ...move, hat: move.from, fresh: 0 })),
    begin: () => heunIn(timeSpace),
  });
}
