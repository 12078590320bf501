/**
 * UniPC, orders 1 to 3: a predictor over the last predictions, and a corrector that also takes in the prediction at the
 * new level, which the next step needs anyway, so that it costs no evaluation. From (alpha, sigma), with m_0 there, m_k
 * at older levels, r_k = (lambda_k - lambda) / h and d_k = (m_k - m_0) / r_k,
 *
 *   x' = (sigma' / sigma) x - alpha' (e^-h - 1) m_0 - alpha' B sum_k rho_k d_k                        (form "data")
 *   B = -h ("bh1") or e^-h - 1 ("bh2")
 *
 * The rho solve sum_k r_k^(i-1) rho_k = b_i, b_i = i! phi_(i+1)(-h) / B, i = 1 .. p: the predictor over the p - 1 older
 * points (rho = 1/2 for p = 2), the corrector over these and the new one, with r = 1 (rho = 1/2 for p = 1). The form
 * "noise" has (alpha' / alpha) x, sigma' in place of alpha', and h in place of -h.
 *
 * The order is 1 into the data and out of pure noise; those steps are not corrected.
 *
 * Source: Zhao, Bai, Rao, Zhou, Lu, "UniPC" (2023), algorithms 1 and 2, theorem 3.1, eq. 8. Tested against golden values
 * on Gaussian data to 1e-6, for its order, and against the sums that diffusers' tests of UniPCMultistepScheduler hold;
 * without the corrector order 2 with bh2 is DPM-Solver++ 2M.
 */
import type { Denoiser } from "../denoiser.ts";
import { type LevelsOptions, levelFields, levelsFor, levelsOptions } from "../levels.ts";
import { choice, type Field, flag, readOptions, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { orderField, usablePast } from "./dpmpp-multistep.ts";
import {
  type Combination,
  checkForm,
  exponentialStep,
  type Form,
  formField,
  type LinearMove,
  lambdaOf,
  walkLinear,
} from "./exponential.ts";
import { type SampleOptions, type Solver, spreadAt, start } from "./solver.ts";

export interface UnipcOptions extends LevelsOptions, LimitOptions {
  /** 1, 2 (default) or 3. */
  order?: 1 | 2 | 3;
  /** Which B(h). Default "bh2". */
  variant?: "bh1" | "bh2";
  /** End with falling orders. Default true. */
  lowerOrderFinal?: boolean;
  /** The steps that are not corrected, counted from 0, or "all". Default: none. */
  correctorOff?: "all" | readonly number[];
  /** What is integrated: the predicted x0 (default), or the noise. */
  form?: Form;
}

const stepList: Field<"all" | readonly number[]> = {
  expected: '"all" or a list of steps, integers from 0',
  accepts: (value) =>
    value === "all" || (Array.isArray(value) && value.every((step) => Number.isInteger(step) && Number(step) >= 0)),
};
const fields = {
  ...levelFields,
  ...limitFields,
  order: withDefault(orderField(), 2),
  variant: withDefault(choice("bh1", "bh2"), "bh2"),
  lowerOrderFinal: withDefault(flag(), true),
  correctorOff: withDefault(stepList, []),
  form: formField,
};
type Config = ReturnType<typeof read>;
const read = (options: UnipcOptions) => readOptions("unipc", fields, options);

/** Solves sum_k r_k^(i-1) rho_k = b_i, i = 1 .. r.length, by elimination with pivots. */
function solveVandermonde(r: readonly number[], b: readonly number[]): number[] {
  const n = r.length;
  const rows = Array.from({ length: n }, (_, i) => [...r.map((value) => value ** i), b[i]]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(rows[i][column]) > Math.abs(rows[pivot][column])) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let i = column + 1; i < n; i++) {
      const factor = rows[i][column] / rows[column][column];
      for (let j = column; j <= n; j++) rows[i][j] -= factor * rows[column][j];
    }
  }
  const rho = new Array<number>(n);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i][n];
    for (let j = i + 1; j < n; j++) rest -= rows[i][j] * rho[j];
    rho[i] = rest / rows[i][i];
  }
  return rho;
}

/** b_1 .. b_p, with H = -h (data) or h (noise). */
function rightSide(bigH: number, b: number, p: number): number[] {
  const values: number[] = [];
  let phi = Math.expm1(bigH) / bigH - 1; // H^i phi_(i+1)(H) of i = 1
  let factorial = 1;
  for (let i = 1; i <= p; i++) {
    values.push((phi * factorial) / b);
    factorial *= i + 1;
    phi = phi / bigH - 1 / factorial;
  }
  return values;
}

/**
 * A step as a combination of x and of predictions. `past`: the lambdas of the older predictions, newest first;
 * `corrects`: with the prediction at the new level, as the first.
 */
export function unipcStep(
  from: Level,
  to: Level,
  past: readonly number[],
  { form, variant }: Pick<Config, "form" | "variant">,
  corrects: boolean,
): Combination {
  const { state, first, h } = exponentialStep(from, to, form);
  if (h === 0 || (past.length === 0 && !corrects)) return { state, models: [first] };
  const bigH = form === "data" ? -h : h;
  const b = variant === "bh1" ? bigH : Math.expm1(bigH);
  const scale = -(form === "data" ? to.alpha : to.sigma) * b; // of sum rho_k d_k
  const r = past.map((lambda) => (lambda - lambdaOf(from)) / h);
  const points = corrects ? [...r, 1] : r;
  const rho = points.length === 1 ? [1 / 2] : solveVandermonde(points, rightSide(bigH, b, points.length));
  const weights = rho.map((value, k) => (scale * value) / points[k]); // of m_k - m_0
  const here = first - weights.reduce((sum, weight) => sum + weight, 0);
  const older = weights.slice(0, r.length);
  return { state, models: corrects ? [weights[r.length], here, ...older] : [here, ...older] };
}

/** The steps of a run over levels, that leaves out its first `skip` steps. */
export function unipcMoves(levels: readonly Level[], skip: number, config: Config): LinearMove[] {
  const { order, lowerOrderFinal, correctorOff } = config;
  const steps = levels.length - 1;
  const hasFinite = (i: number) => levels[i].alpha > 0 && levels[i + 1].sigma > 0;
  const pastOf = (i: number) => {
    const atMost = lowerOrderFinal ? Math.min(order, steps - i) : order;
    return hasFinite(i) ? usablePast(levels, i, skip, atMost - 1) : [];
  };
  const corrected = (i: number) => correctorOff !== "all" && !correctorOff.includes(i) && hasFinite(i);
  return levels.slice(0, steps).map((level, i) => {
    const predictor = unipcStep(level, levels[i + 1], pastOf(i), config, false);
    const correct =
      i > skip && corrected(i - 1) ? unipcStep(levels[i - 1], level, pastOf(i - 1), config, true) : undefined;
    return { t: level.t, level, base: "here", ...predictor, std: 0, correct };
  });
}

/** UniPC. */
export function unipc(options: UnipcOptions): Solver {
  const config = read(options);
  return Object.freeze({
    name: "unipc",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const levels = levelsFor(denoiser.path, levelsOptions(config));
      checkForm("unipc", config.form, levels);
      const from = start(sampling, spreadAt(levels[0], config.startNoise));
      return walkLinear(denoiser, sampling, from, unipcMoves(levels, from.skip, config), config);
    },
  });
}
