/**
 * Euler's method with ancestral noise: a step down to `down`, further than the next level, and noise `up` on top,
 *
 *   y' = y + (down - s) (y - x0hat) / s + up z,   up = eta s' sqrt(1 - s'² / s²),   down = sqrt(s'² - up²)
 *
 * With eta 1 it is DDPM's ancestral sampling in sigma space, with eta 0 Euler.
 *
 * Source: Crowson, k-diffusion (sample_euler_ancestral), after Song et al. 2021, eq. 47. Tested against diffusers'
 * EulerAncestralDiscreteScheduler, and against the moments of its chain on Gaussian data.
 */
import { type LevelsOptions, levelFields, ratioOf } from "../levels.ts";
import { readOptions } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { type AncestralOptions, ancestralFields, ancestralSplit, renewed } from "./churn.ts";
import { along, sigmaMoves, sigmaSpace, stateSolver } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface EulerAncestralOptions extends LevelsOptions, LimitOptions, AncestralOptions {}

const fields = { ...levelFields, ...limitFields, ...ancestralFields };

/** Euler ancestral. */
export function eulerAncestral(options: EulerAncestralOptions): Solver {
  const config = readOptions("eulerAncestral", fields, options);
  return stateSolver("eulerAncestral", config, {
    space: sigmaSpace,
    moves: (path) => sigmaMoves("eulerAncestral", path, config),
    begin:
      () =>
      async (y, { from, to }, tools) => {
        const { down, up } = ancestralSplit(ratioOf(from), ratioOf(to), config.eta);
        const { sample, rate } = await tools.predict(y, from);
        return { y: renewed(along(y, down - ratioOf(from), rate), up * config.sNoise, tools), sample };
      },
  });
}
