/**
 * Numbers that change with the step: learning rates and the decay of the weight average.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";

export const learningRateSchema = z.strictObject({
  /** The highest learning rate. */
  peak: z.number().positive(),
  /** Steps of linear rise from 0. */
  warmup: z.int().nonnegative().default(0),
  /** What follows: constant, half a cosine to `final`, or a line to `final`, over the remaining steps. */
  decay: z.enum(["constant", "cosine", "linear"]).default("constant"),
  /** The learning rate at the last step, as a share of the peak. */
  final: z.number().min(0).max(1).default(0),
});

export type LearningRateOptions = z.input<typeof learningRateSchema>;

/** The learning rate of update `step` (1 for the first) of `steps`. */
export function learningRate(options: LearningRateOptions, step: number, steps: number): number {
  const { peak, warmup, decay, final } = parseConfig(learningRateSchema, options, "learning rate");
  if (step <= warmup) return (peak * step) / warmup;
  if (decay === "constant") return peak;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  const share = decay === "cosine" ? (1 + Math.cos(Math.PI * progress)) / 2 : 1 - progress;
  return peak * (final + (1 - final) * share);
}

export const emaSchema = z.strictObject({
  /** The decay that is reached in the end. */
  decay: z.number().min(0).lt(1),
  /**
   * `ramp`: min(decay, (1 + k) / (10 + k)) at update k (diffusers, TensorFlow), so that the average forgets the
   * beginning; `none`: `decay` from the first update on.
   */
  warmup: z.enum(["ramp", "none"]).default("ramp"),
});

export type EmaOptions = z.input<typeof emaSchema>;

/** The decay of the average at update `step` (1 for the first): average ← decay · average + (1 − decay) · weights. */
export function emaDecay(options: EmaOptions, step: number): number {
  const { decay, warmup } = parseConfig(emaSchema, options, "EMA");
  return warmup === "none" ? decay : Math.min(decay, (1 + step) / (10 + step));
}
