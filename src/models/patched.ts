/**
 * A network that works on patches: r × r pixels become r² channels before it and pixels again after it. A quarter of
 * the positions for r = 2, at the price of the finest detail. The order is PyTorch's pixel_unshuffle: channel
 * c · r² + i · r + j holds pixel (i, j) of the patch.
 */
import { ConfigError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { reshape, transpose } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Module } from "../nn/module.ts";
import { ImageNetwork, type NetworkInputs } from "./network.ts";

/** [N, C, H, W] → [N, C · r², H/r, W/r] */
export function toPatches(x: Tensor, r: number): Tensor {
  const [batch, channels, height, width] = x.shape;
  const split = reshape(x, [batch, channels, height / r, r, width / r, r]);
  return reshape(transpose(split, [0, 1, 3, 5, 2, 4]), [batch, channels * r * r, height / r, width / r]);
}

/** [N, C · r², H, W] → [N, C, H · r, W · r] */
export function fromPatches(x: Tensor, r: number): Tensor {
  const [batch, channels, height, width] = x.shape;
  const split = reshape(x, [batch, channels / (r * r), r, r, height, width]);
  return reshape(transpose(split, [0, 1, 4, 2, 5, 3]), [batch, channels / (r * r), height * r, width * r]);
}

/** Wraps a network of patches as a network of pixels. Its files hold the inner network, under the inner names. */
export class Patched extends ImageNetwork {
  readonly inner: ImageNetwork;
  readonly patch: number;

  /** `patch`: pixels on a side of a patch. */
  constructor(inner: ImageNetwork, patch: number) {
    super();
    const [channels] = inner.imageShape;
    if (!Number.isInteger(patch) || patch < 1 || channels % (patch * patch) !== 0) {
      throw new ConfigError(`patches of ${patch} × ${patch} pixels do not give ${channels} channels`);
    }
    this.inner = inner;
    this.patch = patch;
  }

  override get imageShape(): Shape {
    const [channels, height, width] = this.inner.imageShape;
    return [channels / this.patch ** 2, height * this.patch, width * this.patch];
  }

  override get outputChannels(): number {
    return this.inner.outputChannels / this.patch ** 2;
  }

  override get classes(): number | undefined {
    return this.inner.classes;
  }

  override get segments(): readonly Module<never[], unknown>[] {
    return this.inner.segments;
  }

  protected override forward(inputs: NetworkInputs): Tensor {
    return fromPatches(this.inner.call({ ...inputs, sample: toPatches(inputs.sample, this.patch) }), this.patch);
  }
}
