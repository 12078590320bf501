/**
 * The classifier whose features and probabilities judge generated digits: four 3×3 convolutions with SiLU, three of them
 * of stride 2, a linear layer of 64 features, and the class logits. 97,802 parameters for 28×28 images:
 *
 *   [N, 1, 28, 28] → 16 × 28×28 → 32 × 14×14 → 64 × 7×7 → 64 × 3×3 → 64 features → 10 logits
 *
 * It has no normalisation and no dropout, so an image's features do not depend on the other images of its batch. Its
 * features are its own: a distance between them is no FID. Trained by `train-classifier.node.ts`; the test of the
 * weights that ship with the package (`assets/digits-classifier`) asserts their accuracy on the whole test split.
 */
import * as z from "zod";
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input, reshape, silu, softmax, transpose } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Conv2d, Linear } from "../nn/layers.ts";
import { Module, traceWith } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";

/** Height and width of the images, pixels. */
export const DIGIT_SIZE = 28;

/** What config.json of a classifier's folder holds. */
export const classifierConfigSchema = z.strictObject({
  _class_name: z.literal("DigitsClassifier").default("DigitsClassifier"),
  /** Channels after each of the four convolutions. */
  channels: z.tuple([z.int().positive(), z.int().positive(), z.int().positive(), z.int().positive()]),
  /** Width of the penultimate layer. */
  features: z.int().positive(),
  classes: z.int().min(2),
  /** How the weights were made: the arguments of the training and what it reached. */
  training: z
    .strictObject({
      data: z.string(),
      epochs: z.number().positive(),
      batch: z.int().positive(),
      learningRate: z.number().positive(),
      seed: z.int().nonnegative(),
      /** Share of the test digits that are classified rightly. */
      testAccuracy: z.number().min(0).max(1),
    })
    .optional(),
});

export type ClassifierConfig = z.output<typeof classifierConfigSchema>;

export const classifierDefaults: ClassifierConfig = {
  _class_name: "DigitsClassifier",
  channels: [16, 32, 64, 64],
  features: 64,
  classes: 10,
};

export interface Classified {
  /** [N, classes], before the softmax. */
  logits: Tensor;
  /** The penultimate layer after its SiLU, [N, features]. */
  features: Tensor;
}

/** Images [N, 1, 28, 28] in [-1, 1] → logits and features. */
export class DigitsClassifier extends Module<[Tensor], Classified> {
  readonly convolutions: readonly Conv2d[];
  readonly linear: Linear;
  readonly head: Linear;

  constructor({ channels, features, classes }: ClassifierConfig = classifierDefaults) {
    super();
    const [a, b, c, d] = channels;
    this.convolutions = [
      new Conv2d(1, a, 3, { padding: 1 }),
      new Conv2d(a, b, 3, { padding: 1, stride: 2 }),
      new Conv2d(b, c, 3, { padding: 1, stride: 2 }),
      new Conv2d(c, d, 3, { stride: 2 }),
    ];
    this.linear = new Linear(9 * d, features);
    this.head = new Linear(features, classes);
  }

  protected override forward(images: Tensor): Classified {
    const [count, channels, height, width] = images.shape;
    if (images.rank !== 4 || channels !== 1 || height !== DIGIT_SIZE || width !== DIGIT_SIZE) {
      throw new ShapeError(`the digits classifier takes images [N, 1, 28, 28], not ${formatShape(images.shape)}`);
    }
    let hidden = transpose(images, [0, 2, 3, 1]); // [N, 28, 28, 1]
    for (const convolution of this.convolutions) hidden = silu(convolution.call(hidden)); // [N, 3, 3, d] in the end
    const features = silu(this.linear.call(reshape(hidden, [count, -1]))); // [N, features]
    return { logits: this.head.call(features), features };
  }
}

/** The graph that classifies: `images` [N, 1, 28, 28] → `features` [N, features] and `probabilities` [N, classes]. */
export function classificationGraph(classifier: DigitsClassifier, weights: Weights, batch: number): Graph {
  const images = input("images", [batch, 1, DIGIT_SIZE, DIGIT_SIZE]);
  const { logits, features } = traceWith({ parameters: weights.constants() }, () => classifier.call(images));
  return graphOf({ features, probabilities: softmax(logits) });
}
