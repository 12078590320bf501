/** The registry of losses: the loss that an objective names. */
import { ConfigError } from "../../core/errors.ts";
import type { BatchDenoiser } from "../../diffusion/distillation/batch-denoiser.ts";
import type { CheckedLoss, LossName } from "../../diffusion/loss-config.ts";
import type { Objective } from "../../diffusion/objective.ts";
import type { ImageNetwork } from "../../models/network.ts";
import { consistencyDistillationLoss, consistencyTrainingLoss } from "./consistency.ts";
import { hybridLoss, vlbLoss } from "./hybrid.ts";
import { knowledgeLoss } from "./knowledge.ts";
import type { Loss } from "./loss.ts";
import { progressiveLoss } from "./progressive.ts";
import { simpleLoss } from "./simple.ts";
import { slicedScoreLoss } from "./sliced-score.ts";
import { vdmLoss } from "./vdm.ts";

type Options<K extends LossName> = Extract<CheckedLoss, { name: K }>;

type MakeLoss<K extends LossName> = (objective: Objective, options: Options<K>, teacher?: BatchDenoiser) => Loss;

/** Every loss by its name. */
export const losses: { readonly [K in LossName]: MakeLoss<K> } = {
  simple: simpleLoss,
  hybrid: hybridLoss,
  vlb: vlbLoss,
  slicedScore: slicedScoreLoss,
  vdm: vdmLoss,
  knowledge: knowledgeLoss,
  progressive: progressiveLoss,
  consistencyDistillation: consistencyDistillationLoss,
  consistencyTraining: consistencyTrainingLoss,
};

/**
 * The loss of an objective. `teacher`: for those that distil one. Raises a ConfigError where its path, prediction or times
 * do not fit that loss, or a teacher is missing.
 */
export function lossOf(objective: Objective, teacher?: BatchDenoiser): Loss {
  const config = objective.loss ?? { name: "simple" };
  return (losses[config.name] as (...given: Parameters<MakeLoss<LossName>>) => Loss)(objective, config, teacher);
}

/** Raises a ConfigError unless a network has the output channels that a loss needs. */
export function checkOutputs(network: ImageNetwork, loss: Pick<Loss, "name" | "outputs">): void {
  const [channels] = network.imageShape;
  if (network.outputChannels !== loss.outputs * channels) {
    const given = `the network has ${network.outputChannels} output channels for images of ${channels}`;
    throw new ConfigError(
      loss.outputs === 1
        ? `${given}, and the ${loss.name} loss does not train variances; set out_channels to ${channels}, or the ` +
            'objective\'s loss to "hybrid"'
        : `${given}, but the ${loss.name} loss learns variances too; set out_channels to ${2 * channels}`,
    );
  }
}
