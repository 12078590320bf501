/**
 * What is checked before a training begins, that its parts fit together, and after each of its steps.
 */
import { ConfigError, NotFiniteError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Loss } from "./losses/loss.ts";
import { checkOutputs } from "./losses/registry.ts";
import type { TrainingSettings } from "./settings.ts";

/** Raises a ConfigError unless the network, the data set and the settings fit together. */
export function checkFit(network: ImageNetwork, data: Dataset, loss: Loss, { labelDrop }: TrainingSettings): void {
  const images = [data.channels, data.height, data.width];
  if (!sameShape(images, network.imageShape)) {
    throw new ConfigError(
      `${data.name} has images ${formatShape(images)}, but the network expects ${formatShape(network.imageShape)} ` +
        "(channels, height, width); change the network's size and channels, or how the data are read",
    );
  }
  checkOutputs(network, loss);
  if (loss.pairs && !data.paired) {
    throw new ConfigError(
      `the loss ${loss.name} learns from pairs of noise and image, and ${data.name} has images alone; make pairs with a ` +
        "teacher: teacherPairs(…), or teacher.pairs in a recipe",
    );
  }
  if (network.classes === undefined) {
    if (labelDrop === 0) return;
    throw new ConfigError(
      `labelDrop is ${labelDrop}, but the network has no classes; set num_class_embeds, or leave it out`,
    );
  }
  if (!data.classes) {
    throw new ConfigError(
      `the network has ${network.classes} classes, but ${data.name} has no labels; set num_class_embeds to null, or use ` +
        "data with classes",
    );
  }
  const rows = data.classes.length + (labelDrop > 0 ? 1 : 0);
  if (network.classes < rows) {
    const nullClass = labelDrop > 0 ? " and the null class" : "";
    throw new ConfigError(
      `the network has ${network.classes} rows for classes, but ${data.name} has ${data.classes.length}${nullClass}; set ` +
        `num_class_embeds to ${rows}`,
    );
  }
}

/** Raises a NotFiniteError that names the step and what was not finite. */
export function checkFinite(loss: number, gradientNorm: number, step: number, rate: number): void {
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  const what = Number.isFinite(loss)
    ? `gradient norm of step ${step} is ${gradientNorm}`
    : `loss of step ${step} is ${loss}`;
  throw new NotFiniteError(
    `the ${what}; the weights are still those of step ${step - 1}. Lower the learning rate (now ${rate}), lengthen its ` +
      "warm-up, or clip the gradients (clip: 1)",
  );
}
