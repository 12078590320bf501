/**
 * The random numbers of a training step, functions of (seed, step) alone, so that a resumed run needs no other state:
 *
 *   noise          Random.from(seed, "noise", step)      [N, C, H, W], standard normal
 *   times          Random.from(seed, "time", step)       [N]
 *   null classes   Random.from(seed, "drop", step)       [N], uniform below `labelDrop`
 *   dropout        Random.from(seed, "dropout", step)    two words for each run of the network
 *
 * The numbers of a step are drawn for all its N = batch · accumulate images at once: how they are spread over runs does
 * not change them.
 */
import { Random } from "../core/random.ts";
import { drawObjective, type Objective } from "../diffusion/objective.ts";
import type { Coefficients } from "./step.ts";

export interface StepDraw {
  noise: Float32Array;
  /** Times of the path, [N]. */
  times: Float64Array;
  coefficients: Coefficients;
  dropoutSeeds: Int32Array;
}

/** `imageSize`: numbers of one image; `runs`: runs of the network in the step. */
export function drawStep(
  objective: Objective,
  options: { seed: number; step: number; count: number; imageSize: number; runs: number },
): StepDraw {
  const { seed, step, count, imageSize, runs } = options;
  const { t, networkTime, ...coefficients } = drawObjective(objective, count, Random.from(seed, "time", step));
  const dropout = Random.from(seed, "dropout", step);
  return {
    noise: Random.from(seed, "noise", step).normals(count * imageSize),
    times: t,
    coefficients: { ...coefficients, time: networkTime },
    dropoutSeeds: Int32Array.from({ length: 2 * runs }, () => dropout.uint32() | 0),
  };
}

/** The labels of a step, each replaced by `nullClass` with probability `labelDrop`. */
export function dropLabels(
  labels: Int32Array,
  options: { seed: number; step: number; labelDrop: number; nullClass: number },
): Int32Array {
  const random = Random.from(options.seed, "drop", options.step);
  return labels.map((label) => (random.uniform() < options.labelDrop ? options.nullClass : label));
}
