/**
 * Probability-flow lines: the ways of a grid of starts along the flow, without any chance. The starts are the corners of cells
 * of equal probability of the noise, so where lines run close together, the model has put much of it.
 *
 *   start (i, j) = spread · (q_i, q_j),   q_i = the (i + 1/2) / n quantile of N(0, 1)
 */

import { radiusOf } from "../../../diffusion/angle.ts";
import type { Denoiser } from "../../../diffusion/denoiser.ts";
import { erf } from "../../../diffusion/distillation/consistency-schedules.ts";
import { probabilityFlow } from "../../../diffusion/solvers/probability-flow.ts";
import { type Trajectory, trajectory } from "./trajectory.ts";

/** Parts in which the lines are told; and the error that a step may have, far below a pixel. */
const PARTS = 48;
const TOLERANCE = 1e-3;

/** The lines of `side`² starts. */
export async function flowLines(denoiser: Denoiser, side: number, signal?: AbortSignal): Promise<Trajectory> {
  const spread = radiusOf(denoiser.path.at(denoiser.path.span[1]));
  const quantiles = Float64Array.from({ length: side }, (_, i) => normalQuantile((i + 0.5) / side));
  const initial = Float32Array.from(
    { length: 2 * side * side },
    (_, n) => spread * quantiles[n % 2 === 0 ? (n >> 1) % side : Math.floor((n >> 1) / side)],
  );
  const solver = probabilityFlow({ steps: PARTS, rtol: TOLERANCE, atol: TOLERANCE });
  const steps = trajectory(solver, denoiser, { count: side * side, seed: 0, frames: PARTS + 1, initial, signal });
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
  }
}

/** The number below which a standard normal one is with probability p, by bisection of its distribution function. */
export function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (0.5 + 0.5 * erf(middle / Math.SQRT2) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
