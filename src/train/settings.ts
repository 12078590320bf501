/**
 * The settings of a training run that are plain JSON: what stands under `training` in a run folder's `run.json`.
 */
import * as z from "zod";
import { adamDefaults } from "../optim/adam.ts";
import { emaSchema, learningRateSchema } from "../optim/schedules.ts";

const whole = (least: number) => {
  const error = `expected a whole number from ${least}`;
  return z.int({ error }).min(least, { error });
};
const positive = z.number().positive({ error: "expected a number above 0" });
const share = z.number().min(0).lt(1);

const adamSchema = z.strictObject({
  beta1: share.default(adamDefaults.beta1),
  beta2: share.default(adamDefaults.beta2),
  epsilon: positive.default(adamDefaults.epsilon),
  weightDecay: z.number().nonnegative().default(adamDefaults.weightDecay),
});

export const trainingSchema = z.strictObject({
  /** Updates of the weights. */
  steps: whole(1),
  /** Images of one run of the network. */
  batch: whole(1),
  /** Runs of `batch` images whose gradients are averaged into one update. */
  accumulate: whole(1).default(1),
  optimiser: adamSchema.default(adamDefaults),
  learningRate: learningRateSchema,
  /** Limit of the global gradient norm; no clipping when absent. */
  clip: positive.optional(),
  /** The average of the weights, from which one samples. */
  ema: emaSchema.default({ decay: 0.9999, warmup: "ramp" }),
  /** Probability that an image is shown with the null class, the last row of the class table. */
  labelDrop: z.number().min(0).max(1).default(0),
  /** All randomness of the run follows from it. */
  seed: whole(0),
  /** Threads; all cores when absent. */
  threads: whole(1).optional(),
  /**
   * Parts into which a batch is cut, each worked on in a thread of its own: quicker on several cores where images are
   * small (docs/decisions/0003). As many as there are threads, but with no less than 16 images each, when absent. Another
   * number gives the same run but for the last bits.
   */
  replicas: whole(1).optional(),
  /**
   * Gradient checkpointing: keeps the values between the blocks of the network alone and computes what is inside of a block
   * once more for the gradients. Less memory for about a third more time, the same numbers.
   */
  checkpointing: z.boolean().optional(),
  /**
   * Seconds that training may take, checkpoints and samples not counted: `steps` is lowered so that it fits, and the
   * learning rate follows. The number of steps then depends on the machine.
   */
  budgetSeconds: positive.optional(),
});

/** Settings with all defaults filled in. */
export type TrainingSettings = z.output<typeof trainingSchema>;

/** Settings as a user writes them. */
export type TrainingOptions = z.input<typeof trainingSchema>;
