/**
 * Exponential integrators in log-SNR, on which DPM-Solver, DPM-Solver++ and UniPC are built. With lambda = ln(alpha /
 * sigma), h = lambda' - lambda and H = (1 + eta) h, a step from (alpha, sigma) to (alpha', sigma') is
 *
 *   "data"    x' = (sigma' / sigma) e^(-eta h) x + alpha' (phi1 D0 + phi2 D1 + phi3 D2) + sigma' sqrt(1 - e^(-2 eta h)) z
 *             phi1 = 1 - e^-H,  phi2 = 1 - phi1 / H,  phi3 = 1/2 - phi2 / H           of the predicted x0
 *   "noise"   x' = (alpha' / alpha) x - (1 + eta) sigma' (psi1 D0 + psi2 D1 + psi3 D2) + sigma' sqrt(eta (e^2h - 1)) z
 *             psi1 = e^h - 1,   psi2 = psi1 / h - 1,  psi3 = psi2 / h - 1/2           of the predicted noise
 *
 * where D0 is the prediction, D1 its derivative times h, D2 its second divided difference times h². eta = 0 is the
 * probability-flow ODE, eta = 1 the reverse SDE.
 *
 * Sources: Lu et al., "DPM-Solver" (2022), eq. 3.4 and appendix B; Lu et al., "DPM-Solver++" (2022), eq. 9, 14 and
 * appendix A, D; eta and the third-order SDE form: Crowson's k-diffusion (2M SDE, 3M SDE). Every step is a linear
 * combination with coefficients in float64; the solvers built on it are tested against golden values on Gaussian data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { choice, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import type { Denoised } from "../prediction.ts";
import { type LimitOptions, limited } from "../thresholding.ts";
import { type Move, type SampleOptions, type SolverStep, type Start, walk } from "./solver.ts";

/** What is integrated: the predicted x0 (DPM-Solver++) or the predicted noise (DPM-Solver). */
export type Form = "data" | "noise";

/** The option `form` of the solvers built on this: the predicted x0 by default. */
export const formField = withDefault(choice("data", "noise"), "data");
export type Place = Pick<Level, "alpha" | "sigma">;

/** Half the log-SNR, ln(alpha / sigma): -Infinity where there is no data, Infinity where there is no noise. */
export function lambdaOf({ alpha, sigma }: Place): number {
  return Math.log(alpha) - Math.log(sigma);
}

/** x' = state x + first D0 + second D1 + third D2 + std z. */
export interface ExponentialStep {
  readonly state: number;
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly std: number;
  /** lambda' - lambda; Infinity where either end is pure, and there `second` and `third` are of no use. */
  readonly h: number;
}

/** The coefficients of a step. A step in place (h = 0) leaves x as it is. */
export function exponentialStep(from: Place, to: Place, form: Form, eta = 0): ExponentialStep {
  const h = lambdaOf(to) - lambdaOf(from);
  if (h === 0) return { state: 1, first: 0, second: 0, third: 0, std: 0, h };
  if (form === "noise") {
    const state = to.alpha / from.alpha;
    const scale = -(1 + eta);
    const first = scale * (state * from.sigma - to.sigma); // sigma' (e^h - 1), also where h is infinite
    const psi2 = Number.isFinite(h) ? Math.expm1(h) / h - 1 : 0;
    return {
      state,
      first,
      second: scale * to.sigma * psi2,
      third: scale * to.sigma * (psi2 / h - 1 / 2),
      std: Math.sqrt(eta) * Math.sqrt((state * from.sigma) ** 2 - to.sigma ** 2),
      h,
    };
  }
  const bigH = (1 + eta) * h;
  const phi1 = -Math.expm1(-bigH);
  const phi2 = 1 - phi1 / bigH;
  return {
    state: (to.sigma / from.sigma) * (eta === 0 ? 1 : Math.exp(-eta * h)),
    first: to.alpha * phi1,
    second: to.alpha * phi2,
    third: to.alpha * (1 / 2 - phi2 / bigH),
    std: eta === 0 ? 0 : to.sigma * Math.sqrt(-Math.expm1(-2 * eta * h)),
    h,
  };
}

/** A linear combination of a state and of predictions, newest first. */
export interface Combination {
  readonly state: number;
  readonly models: readonly number[];
}

/** One step: x' = state · base + Σ models_k · prediction_k + std · z. */
export interface LinearMove extends Move, Combination {
  readonly level: Level;
  /** The step starts from x (and holds it as the base), or again from the base that an earlier step held. */
  readonly base: "here" | "held";
  /** What first replaces x, from the base of the step before and the predictions, the one just made among them. */
  readonly correct?: Combination;
}

function combined({ state, models }: Combination, base: Float32Array, predictions: readonly Float32Array[]) {
  const used = predictions.slice(0, models.length);
  return base.map((value, i) => used.reduce((sum, prediction, k) => sum + models[k] * prediction[i], state * value));
}

/** The noise in x, consistent with a predicted x0 that was limited. */
function predictionOf(form: Form, x: Float32Array, denoised: Denoised, sample: Float32Array, level: Level) {
  if (form === "data") return sample;
  if (sample === denoised.sample) return denoised.noise;
  return x.map((value, i) => (value - level.alpha * sample[i]) / level.sigma);
}

/** The loop of the solvers whose steps are linear in x and in the last few predictions. */
export function walkLinear(
  denoiser: Denoiser,
  sampling: SampleOptions,
  from: Start,
  moves: readonly LinearMove[],
  { form = "data", ...limits }: { form?: Form } & LimitOptions,
): AsyncGenerator<SolverStep> {
  const depth = Math.max(...moves.map((move) => Math.max(move.models.length, move.correct?.models.length ?? 0)));
  const predictions: Float32Array[] = []; // newest first
  let base = from.x;
  return walk(denoiser, sampling, from, moves, (move, x, denoised, noise) => {
    const sample = limited(denoised.sample, limits, sampling.shape[0]);
    predictions.unshift(predictionOf(form, x, denoised, sample, move.level));
    predictions.splice(depth);
    const corrected = move.correct === undefined ? x : combined(move.correct, base, predictions);
    if (move.base === "here") base = corrected;
    const next = combined(move, base, predictions);
    // The prediction is kept for later steps, so what is yielded is a copy.
    return {
      x: noise === undefined ? next : next.map((value, i) => value + move.std * noise[i]),
      sample: sample.slice(),
    };
  });
}

/** Refuses the form "noise" on levels that begin with pure noise, from where noise alone leads nowhere. */
export function checkForm(solver: string, form: Form, levels: readonly Level[]): void {
  if (form === "data" || levels[0].alpha > 0) return;
  throw new ConfigError(
    `${solver}: at t = ${levels[0].t} the path has alpha = 0, from where the noise alone leads nowhere; use form "data", ` +
      `or give sigmaMax`,
  );
}
