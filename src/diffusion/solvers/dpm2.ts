/**
 * DPM-Solver-2 in sigma space: the midpoint method, with the midpoint in ln s,
 *
 *   m = sqrt(s s')     e = y + (m - s) (y - x0hat(y, s)) / s     y' = y + (s' - s) (e - x0hat(e, m)) / m
 *
 * from sHat with churn (`dpm2`), or to `down` with noise `up` on top (`dpm2Ancestral`, see churn.ts). The step to s' = 0
 * is Euler's. Order 2, 2 N - 1 evaluations in N steps.
 *
 * Source: Lu et al., "DPM-Solver" (2022), algorithm 1 with r1 = 1/2, in the form of Crowson, k-diffusion (sample_dpm_2,
 * sample_dpm_2_ancestral), which takes Euler's steps within it. Tested against independent values on Gaussian data (to
 * 1e-6), diffusers' KDPM2 schedulers, and for its order.
 */
import { type LevelsOptions, levelFields, levelOfRatio, ratioOf } from "../levels.ts";
import { readOptions } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import {
  type AncestralOptions,
  ancestralFields,
  ancestralSplit,
  type ChurnOptions,
  churned,
  churnFields,
  renewed,
  shaken,
} from "./churn.ts";
import { type Advanced, along, sigmaMoves, sigmaSpace, stateSolver, type Tools } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface Dpm2Options extends LevelsOptions, LimitOptions, ChurnOptions {}
export interface Dpm2AncestralOptions extends LevelsOptions, LimitOptions, AncestralOptions {}

const fields = { ...levelFields, ...limitFields, ...churnFields };
const ancestral = { ...levelFields, ...limitFields, ...ancestralFields };

/** The level half way in ln s; none on the way to 0. */
export function halfWay(path: Path, from: Level, to: number): Level | undefined {
  return to > 0 ? levelOfRatio(path, Math.sqrt(ratioOf(from) * to)) : undefined;
}

async function midpoint(
  y: Float64Array,
  from: Level,
  middle: Level | undefined,
  to: number,
  tools: Tools,
): Promise<Advanced> {
  const s = ratioOf(from);
  const { sample, rate } = await tools.predict(y, from);
  if (middle === undefined) return { y: along(y, to - s, rate), sample };
  const half = await tools.predict(along(y, ratioOf(middle) - s, rate), middle);
  return { y: along(y, to - s, half.rate), sample };
}

/** DPM2. */
export function dpm2(options: Dpm2Options): Solver {
  const config = readOptions("dpm2", fields, options);
  return stateSolver("dpm2", config, {
    space: sigmaSpace,
    moves: (path) =>
      churned(path, sigmaMoves("dpm2", path, config), config).map((move) => ({
        ...move,
        middle: halfWay(path, move.hat, ratioOf(move.to)),
      })),
    begin: () => (y, move, tools) => midpoint(shaken(y, move, tools), move.hat, move.middle, ratioOf(move.to), tools),
  });
}

/** DPM2 ancestral. */
export function dpm2Ancestral(options: Dpm2AncestralOptions): Solver {
  const config = readOptions("dpm2Ancestral", ancestral, options);
  return stateSolver("dpm2Ancestral", config, {
    space: sigmaSpace,
    moves: (path) =>
      sigmaMoves("dpm2Ancestral", path, config).map(({ from, to }) => {
        const { down, up } = ancestralSplit(ratioOf(from), ratioOf(to), config.eta);
        return { from, to, down, up, middle: halfWay(path, from, down) };
      }),
    begin:
      () =>
      async (y, { from, middle, down, up }, tools) => {
        const { y: lower, sample } = await midpoint(y, from, middle, down, tools);
        return { y: renewed(lower, up * config.sNoise, tools), sample };
      },
  });
}
