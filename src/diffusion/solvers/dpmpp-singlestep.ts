/**
 * DPM-Solver++ singlestep, orders 1 (DDIM), 2 ("2S") and 3 ("3S"), and their SDE forms. The levels are taken in groups of
 * `order`: within a group the steps have orders 1, 2, 3, each from the state at the start of the group, so that the last
 * one is the step that counts and those before it are its stages. From the start (prediction m_s) over the stages to
 * lambda', h = lambda' - lambda_s, r = (lambda_stage - lambda_s) / h, a step of exponential.ts takes D0 = m_s and
 *
 *   order 2   D1 = (m_1 - m_s) / r1, weighed by phi2 ("heun") or phi1 / 2 ("midpoint")
 *   order 3   d1 = (m_1 - m_s) / r1, d2 = (m_2 - m_s) / r2
 *             "midpoint": D1 = d2;  "heun": D1 = (r2 d1 - r1 d2) / (r2 - r1), D2 = 2 (d2 - d1) / (r2 - r1)
 *
 * Every level is asked once, so `steps` are evaluations. A group whose last step goes into the data, and the steps that
 * are left over, have lower orders. DPM++ 2S of k-diffusion is order 2 on `sigmas` with the geometric means between.
 *
 * Sources: Lu et al., "DPM-Solver++" (2022), algorithm 1; Lu et al., "DPM-Solver" (2022), algorithms 1, 2 and 4. Tested
 * against golden values on Gaussian data to 1e-6, for its order, and against the sums that diffusers' tests of
 * DPMSolverSinglestepScheduler hold.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { levelsFor, levelsOptions } from "../levels.ts";
import { flag, readOptions, real, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { type DpmOptions, dpmFields } from "./dpmpp-multistep.ts";
import {
  checkForm,
  type ExponentialStep,
  exponentialStep,
  type Form,
  formField,
  type LinearMove,
  lambdaOf,
  walkLinear,
} from "./exponential.ts";
import { type SampleOptions, type Solver, spreadAt, start } from "./solver.ts";

export interface DpmppSinglestepOptions extends DpmOptions {
  /**
   * End in steps of lower order (true), or in a whole group wherever the steps fill groups and do not end in the data
   * (false, the default).
   */
  lowerOrderFinal?: boolean;
  /** What is integrated: the predicted x0 (DPM-Solver++, default), or the noise (DPM-Solver). */
  form?: Form;
  /** The share of the reverse SDE's noise, for the form "data": 0 (default) to 1. */
  eta?: number;
}

const fields = {
  ...dpmFields,
  lowerOrderFinal: withDefault(flag(), false),
  form: formField,
  eta: withDefault(real(0), 0),
};
type Config = ReturnType<typeof read>;
const read = (options: DpmppSinglestepOptions) => readOptions("dpmppSinglestep", fields, options);

/** The order of each of `steps` steps: groups 1 .. order, and at the end what is left. `lower`: no whole group at the end. */
export function singlestepOrders(steps: number, order: number, lower: boolean): number[] {
  const orders = Array.from({ length: steps }, (_, i) => (i % order) + 1);
  if (lower && order > 1 && steps % order === 0) orders[steps - 1] = 1;
  return orders;
}

/** The weights of the predictions, newest first. `stages`: their lambdas, newest first, the start of the group last. */
function singlestepWeights(step: ExponentialStep, variant: "midpoint" | "heun", stages: readonly number[]): number[] {
  const { first, second, third, h } = step;
  if (stages.length === 1) return [first];
  const begin = stages[stages.length - 1];
  if (stages.length === 2) {
    const slope = (variant === "midpoint" ? first / 2 : second) / ((stages[0] - begin) / h);
    return [slope, first - slope];
  }
  const [far, near] = [(stages[0] - begin) / h, (stages[1] - begin) / h];
  if (variant === "midpoint") return [second / far, 0, first - second / far];
  const nearWeight = (second * far - 2 * third) / (far - near) / near;
  const farWeight = (2 * third - second * near) / (far - near) / far;
  return [farWeight, nearWeight, first - nearWeight - farWeight];
}

/** The steps of a run over levels, that leaves out its first `skip` steps. */
export function singlestepMoves(levels: readonly Level[], skip: number, config: Config): LinearMove[] {
  const { order, variant, lowerOrderFinal, form, eta } = config;
  const steps = levels.length - 1;
  const intoData = levels[steps].sigma === 0;
  const orders = singlestepOrders(steps, order, lowerOrderFinal || intoData);
  return levels.slice(0, steps).map((level, i) => {
    const next = levels[i + 1];
    let own = next.sigma === 0 ? 1 : Math.min(orders[i], Math.max(0, i - skip) + 1);
    while (own > 1 && !(levels[i - own + 1].alpha > 0)) own--; // no group starts in pure noise
    const step = exponentialStep(levels[i - own + 1], next, form, eta);
    const stages = Array.from({ length: own }, (_, k) => lambdaOf(levels[i - k]));
    const models = singlestepWeights(step, variant, stages);
    return { t: level.t, level, base: own === 1 ? "here" : "held", state: step.state, models, std: step.std };
  });
}

/** DPM-Solver++ singlestep. */
export function dpmppSinglestep(options: DpmppSinglestepOptions): Solver {
  const config = read(options);
  if (config.eta > 0 && config.form === "noise") {
    throw new ConfigError(`dpmppSinglestep: eta is for the form "data"; with "noise" it must be 0, not ${config.eta}`);
  }
  return Object.freeze({
    name: "dpmppSinglestep",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const levels = levelsFor(denoiser.path, levelsOptions(config));
      checkForm("dpmppSinglestep", config.form, levels);
      const from = start(sampling, spreadAt(levels[0], config.startNoise));
      return walkLinear(denoiser, sampling, from, singlestepMoves(levels, from.skip, config), config);
    },
  });
}
