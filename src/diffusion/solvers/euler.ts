/**
 * Euler's method in sigma space, with churn:
 *
 *   y' = y + (s' - sHat) (y - x0hat) / sHat
 *
 * Order 1, one evaluation a step; without churn it is DDIM with eta 0.
 *
 * Source: Karras et al. 2022, algorithm 2 without its correction. Tested against independent values on Gaussian data (to
 * 1e-6), diffusers' EulerDiscreteScheduler, and for its order.
 */
import { type LevelsOptions, levelFields } from "../levels.ts";
import { readOptions } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { type ChurnedMove, type ChurnOptions, churned, churnFields, shaken } from "./churn.ts";
import { type Advance, along, type Space, sigmaMoves, sigmaSpace, stateSolver } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface EulerOptions extends LevelsOptions, LimitOptions, ChurnOptions {}

const fields = { ...levelFields, ...limitFields, ...churnFields };

/** The Euler step in a space. */
export function eulerIn(space: Space): Advance<ChurnedMove> {
  return async (y, move, tools) => {
    const raised = shaken(y, move, tools);
    const { sample, rate } = await tools.predict(raised, move.hat);
    return { y: along(raised, space.place(move.to) - space.place(move.hat), rate), sample };
  };
}

/** Euler. */
export function euler(options: EulerOptions): Solver {
  const config = readOptions("euler", fields, options);
  return stateSolver<ChurnedMove>("euler", config, {
    space: sigmaSpace,
    moves: (path) => churned(path, sigmaMoves("euler", path, config), config),
    begin: () => eulerIn(sigmaSpace),
  });
}
