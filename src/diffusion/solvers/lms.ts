/**
 * The linear multistep method in sigma space: the slopes d = (y - x0hat) / s of the last levels, interpolated by a
 * polynomial in s and integrated over the step,
 *
 *   y' = y + sum_j c_j d_{i-j},    c_j = ∫_{s_i}^{s_{i+1}} prod_{k != j} (u - s_{i-k}) / (s_{i-j} - s_{i-k}) du
 *
 * Adams-Bashforth for uneven steps: one evaluation a step, order `order` once so many slopes are known; the first step
 * is Euler's.
 *
 * Source: Crowson, k-diffusion (sample_lms). Tested against independent values on Gaussian data (to 1e-6), diffusers'
 * LMSDiscreteScheduler, and for its order.
 */
import { type LevelsOptions, levelFields, ratioOf } from "../levels.ts";
import { integer, readOptions, withDefault } from "../options.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { along, sigmaMoves, sigmaSpace, stateSolver } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface LmsOptions extends LevelsOptions, LimitOptions {
  /** How many slopes are combined, 1 to 4. Default 4. */
  order?: number;
}

const fields = { ...levelFields, ...limitFields, order: withDefault(integer(1, 4), 4) };

/** The weights c_j of the slopes at `places` (newest first) for a step from places[0] to `next`; the integral is exact. */
export function lmsWeights(places: readonly number[], next: number): number[] {
  const origin = places[0];
  const length = next - origin;
  return places.map((own, j) => {
    // The coefficients of the Lagrange polynomial in v = u - origin, constant term first.
    let polynomial = [1];
    places.forEach((other, k) => {
      if (k === j) return;
      const root = other - origin;
      polynomial = [...polynomial, 0].map(
        (coefficient, n) =>
          ((polynomial[n - 1] ?? 0) - root * (n < polynomial.length ? coefficient : 0)) / (own - other),
      );
    });
    return polynomial.reduce((sum, coefficient, n) => sum + (coefficient * length ** (n + 1)) / (n + 1), 0);
  });
}

/** LMS. */
export function lms(options: LmsOptions): Solver {
  const config = readOptions("lms", fields, options);
  return stateSolver("lms", config, {
    space: sigmaSpace,
    moves: (path) => sigmaMoves("lms", path, config),
    begin: () => {
      let history: { place: number; rate: Float64Array }[] = []; // newest first
      return async (y, { from, to }, tools) => {
        const { sample, rate } = await tools.predict(y, from);
        history = [{ place: ratioOf(from), rate }, ...history].slice(0, config.order);
        const weights = lmsWeights(
          history.map(({ place }) => place),
          ratioOf(to),
        );
        return { y: weights.reduce((sum, weight, j) => along(sum, weight, history[j].rate), y), sample };
      };
    },
  });
}
