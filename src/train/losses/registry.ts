/** The registry of losses: the loss that an objective names. */
import { ConfigError } from "../../core/errors.ts";
import type { CheckedLoss, LossName } from "../../diffusion/loss-config.ts";
import type { Objective } from "../../diffusion/objective.ts";
import type { ImageNetwork } from "../../models/network.ts";
import { hybridLoss, vlbLoss } from "./hybrid.ts";
import type { Loss } from "./loss.ts";
import { simpleLoss } from "./simple.ts";
import { slicedScoreLoss } from "./sliced-score.ts";
import { vdmLoss } from "./vdm.ts";

type Options<K extends LossName> = Extract<CheckedLoss, { name: K }>;

/** Every loss by its name. */
export const losses: { readonly [K in LossName]: (objective: Objective, options: Options<K>) => Loss } = {
  simple: simpleLoss,
  hybrid: hybridLoss,
  vlb: vlbLoss,
  slicedScore: slicedScoreLoss,
  vdm: vdmLoss,
};

/** The loss of an objective. Raises a ConfigError where its path, prediction or times do not fit that loss. */
export function lossOf(objective: Objective): Loss {
  const config = objective.loss ?? { name: "simple" };
  return (losses[config.name] as (objective: Objective, options: CheckedLoss) => Loss)(objective, config);
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
