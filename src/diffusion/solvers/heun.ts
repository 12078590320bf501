/**
 * Heun's method in sigma space, with churn, the sampler of EDM: an Euler step, then the average of both ends' slopes,
 *
 *   d = (y - x0hat(y, sHat)) / sHat          e = y + (s' - sHat) d
 *   d' = (e - x0hat(e, s')) / s'             y' = y + (s' - sHat) (d + d') / 2
 *
 * The step to s' = 0 is Euler's. Order 2, 2 N - 1 evaluations in N steps.
 *
 * Source: Karras et al. 2022, algorithms 1 and 2. Tested against independent values on Gaussian data (to 1e-6), diffusers'
 * HeunDiscreteScheduler, for its order, and with churn against the moments of its chain.
 */
import { type LevelsOptions, levelFields } from "../levels.ts";
import { readOptions } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { type ChurnedMove, type ChurnOptions, churned, churnFields, shaken } from "./churn.ts";
import { type Advance, along, type Space, sigmaMoves, sigmaSpace, stateSolver } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface HeunOptions extends LevelsOptions, LimitOptions, ChurnOptions {}

const fields = { ...levelFields, ...limitFields, ...churnFields };

/** The Heun step in a space. */
export function heunIn(space: Space): Advance<ChurnedMove> {
  return async (y, move, tools) => {
    const raised = shaken(y, move, tools);
    const length = space.place(move.to) - space.place(move.hat);
    const { sample, rate } = await tools.predict(raised, move.hat);
    const ahead = along(raised, length, rate);
    if (move.to.sigma === 0) return { y: ahead, sample };
    const next = await tools.predict(ahead, move.to);
    const average = rate.map((value, i) => (value + next.rate[i]) / 2);
    return { y: along(raised, length, average), sample };
  };
}

/** Heun, as in EDM. */
export function heun(options: HeunOptions): Solver {
  const config = readOptions("heun", fields, options);
  return stateSolver<ChurnedMove>("heun", config, {
    space: sigmaSpace,
    moves: (path) => churned(path, sigmaMoves("heun", path, config), config),
    begin: () => heunIn(sigmaSpace),
  });
}
