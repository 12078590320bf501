/**
 * What training and sampling expect of an image network: images, times and perhaps class labels in, images out.
 */
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Module } from "../nn/module.ts";

export interface NetworkInputs {
  /** [N, C, H, W] */
  sample: Tensor;
  /** [N], in the unit of the network's time embedding. */
  time: Tensor;
  /** int32 [N] */
  classLabels?: Tensor;
}

export abstract class ImageNetwork extends Module<[NetworkInputs], Tensor> {
  /** [C, H, W] of one image. */
  abstract get imageShape(): Shape;
  /** Channels of the output: those of the image, or twice as many for learned variances. */
  abstract get outputChannels(): number;
  /** Rows of the class table, the null class included; undefined without class conditioning. */
  abstract get classes(): number | undefined;

  /** The parts between which gradient checkpointing keeps values, and inside of which it does not. */
  get segments(): readonly Module<never[], unknown>[] {
    return [];
  }
}
