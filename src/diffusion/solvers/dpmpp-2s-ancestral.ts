/**
 * DPM-Solver++(2S) with ancestral noise: the exponential integrator, exact for an x0hat that does not change over the
 * step, with x0hat from half way in ln s,
 *
 *   m = sqrt(s down)    e = (m / s) y + (1 - m / s) x0hat(y, s)    y' = (down / s) y + (1 - down / s) x0hat(e, m) + up z
 *
 * with `down` and `up` of churn.ts; eta 0 is DPM-Solver++(2S) itself. The step to 0 takes x0hat. Order 2, 2 N - 1
 * evaluations in N steps.
 *
 * Source: Lu et al., "DPM-Solver++" (2022), algorithm 1 with r = 1/2; ancestral form of Crowson, k-diffusion
 * (sample_dpmpp_2s_ancestral). Tested against independent values on Gaussian data (to 1e-6), for its order, and against
 * the moments of its chain.
 */
import { type LevelsOptions, levelFields, ratioOf } from "../levels.ts";
import { readOptions } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { type AncestralOptions, ancestralFields, ancestralSplit, renewed } from "./churn.ts";
import { halfWay } from "./dpm2.ts";
import { sigmaMoves, sigmaSpace, stateSolver, towards } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface Dpmpp2sAncestralOptions extends LevelsOptions, LimitOptions, AncestralOptions {}

const fields = { ...levelFields, ...limitFields, ...ancestralFields };

/** DPM++ 2S ancestral. */
export function dpmpp2sAncestral(options: Dpmpp2sAncestralOptions): Solver {
  const config = readOptions("dpmpp2sAncestral", fields, options);
  return stateSolver("dpmpp2sAncestral", config, {
    space: sigmaSpace,
    moves: (path) =>
      sigmaMoves("dpmpp2sAncestral", path, config).map(({ from, to }) => {
        const { down, up } = ancestralSplit(ratioOf(from), ratioOf(to), config.eta);
        return { from, to, down, up, middle: halfWay(path, from, down) };
      }),
    begin:
      () =>
      async (y, { from, middle, down, up }, tools) => {
        const s = ratioOf(from);
        const { sample } = await tools.predict(y, from);
        if (middle === undefined) return { y: towards(y, 0, sample), sample };
        const half = await tools.predict(towards(y, ratioOf(middle) / s, sample), middle);
        return { y: renewed(towards(y, down / s, half.sample), up * config.sNoise, tools), sample };
      },
  });
}
