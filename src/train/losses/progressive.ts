/**
 * Progressive distillation: one DDIM step of a student of N steps is two of its teacher's. Images and noise are those of
 * the data, the target is the teacher's (`diffusion/distillation/progressive.ts`), the weight the objective's.
 *
 * Source: Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), algorithm 2.
 * Tested on Gaussian data: a student trained by it takes the steps of its closed-form teacher.
 */
import { Random } from "../../core/random.ts";
import type { BatchDenoiser } from "../../diffusion/distillation/batch-denoiser.ts";
import { progressiveTarget, studentStep } from "../../diffusion/distillation/progressive.ts";
import type { Objective } from "../../diffusion/objective.ts";
import { drawPart, type Loss } from "./loss.ts";
import { checkTellsSample, conditionOf, matchingFeeds, matchingGraph, noisedEach, teacherFor } from "./matching.ts";

/** The loss of an objective: the student takes `steps`, the teacher twice as many. Misfits are ConfigErrors. */
export function progressiveLoss(objective: Objective, { steps }: { steps: number }, given?: BatchDenoiser): Loss {
  const { path, prediction } = objective;
  const teacher = teacherFor("progressive", path, given);
  checkTellsSample("progressive", prediction, path);
  const places = Array.from({ length: steps }, (_, i) => studentStep(path, steps, i));
  return {
    ...matchingGraph,
    name: "progressive",
    async draw(step) {
      const random = Random.from(step.seed, "time", step.step);
      const drawn = drawPart(step, (length) => Array.from({ length }, () => places[random.integer(steps)])); // [N]
      const levels = drawn.map(({ from }) => from);
      const x = noisedEach(step, levels); // [N, C, H, W]
      const target = await progressiveTarget(teacher, x, drawn, conditionOf(step));
      return {
        times: Float64Array.from(levels, ({ t }) => t),
        feeds: matchingFeeds(objective, levels, x, target),
      };
    },
  };
}
