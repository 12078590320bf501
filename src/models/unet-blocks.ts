/**
 * The blocks of the DDPM and ADM U-Nets, with the parameter names of diffusers' `UNet2DModel`.
 *
 * Residual block (Ho et al. 2020, Appendix B; Dhariwal, Nichol 2021, §3 for scale-shift):
 *   h = conv1(silu(norm1(x)));  h = h + W silu(temb)  or  norm2(h)(1 + s) + b;  h = conv2(dropout(silu(norm2(h))))
 *   out = (shortcut(x) + h) / scale
 */
import { add, concat, div, mul, reshape, silu, split } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Attention } from "../nn/attention.ts";
import { type Initialiser, varianceScaling } from "../nn/initialise.ts";
import { Conv2d, Downsample, Dropout, GroupNorm, Linear, Upsample } from "../nn/layers.ts";
import { Module } from "../nn/module.ts";
import type { UNetConfig } from "./unet-config.ts";

/** How the weights of a U-Net begin. */
export interface UNetInitialisation {
  /** All weights but those below; PyTorch's defaults when absent. */
  weights?: Initialiser;
  /** The last layer of every residual branch and of the network. */
  branchEnds?: Initialiser;
}

export const unetInitialisations = {
  /** As a fresh diffusers `UNet2DModel`. */
  torch: {},
  /** DDPM: variance scaling (fan average, uniform), residual branches end in zeros (scale 1e-10). */
  ddpm: { weights: varianceScaling(1), branchEnds: varianceScaling(1e-10) },
} satisfies Record<string, UNetInitialisation>;

export type BlockOptions = Pick<
  UNetConfig,
  "attention_head_dim" | "downsample_padding" | "dropout" | "norm_eps" | "norm_num_groups" | "resnet_time_scale_shift"
> & { timeChannels: number; initialisation: UNetInitialisation };

export class ResnetBlock extends Module<[Tensor, Tensor], Tensor> {
  readonly norm1: GroupNorm;
  readonly conv1: Conv2d;
  readonly time_emb_proj: Linear;
  readonly norm2: GroupNorm;
  readonly conv2: Conv2d;
  readonly conv_shortcut?: Conv2d;
  readonly #dropout: Dropout;
  readonly #scaleShift: boolean;
  readonly #outputScale: number;

  constructor(inputs: number, outputs: number, options: BlockOptions, outputScale = 1) {
    super();
    const { norm_num_groups: groups, norm_eps: epsilon, initialisation } = options;
    const { weights: initialise, branchEnds = initialise } = initialisation;
    this.#scaleShift = options.resnet_time_scale_shift === "scale_shift";
    this.#dropout = new Dropout(options.dropout);
    this.#outputScale = outputScale;
    this.norm1 = new GroupNorm(groups, inputs, epsilon);
    this.conv1 = new Conv2d(inputs, outputs, 3, { padding: 1, initialise });
    this.time_emb_proj = new Linear(options.timeChannels, this.#scaleShift ? 2 * outputs : outputs, { initialise });
    this.norm2 = new GroupNorm(groups, outputs, epsilon);
    this.conv2 = new Conv2d(outputs, outputs, 3, { padding: 1, initialise: branchEnds });
    if (inputs !== outputs) this.conv_shortcut = new Conv2d(inputs, outputs, 1, { initialise });
  }

  /** x [N, H, W, inputs], activated time embedding [N, timeChannels] → [N, H, W, outputs] */
  protected override forward(x: Tensor, time: Tensor): Tensor {
    const projected = this.time_emb_proj.call(time);
    const bias = reshape(projected, [x.shape[0], 1, 1, -1]); // [N, 1, 1, outputs or 2 outputs]
    let hidden = this.conv1.call(silu(this.norm1.call(x)));
    if (this.#scaleShift) {
      const [scale, shift] = split(bias, 2, 3);
      hidden = add(mul(this.norm2.call(hidden), add(scale, 1)), shift);
    } else {
      hidden = this.norm2.call(add(hidden, bias));
    }
    hidden = this.conv2.call(this.#dropout.call(silu(hidden)));
    const shortcut = this.conv_shortcut ? this.conv_shortcut.call(x) : x;
    const out = add(shortcut, hidden);
    return this.#outputScale === 1 ? out : div(out, this.#outputScale);
  }
}

/** Self-attention over the positions of a map [N, H, W, C]. */
export class SpatialAttention extends Attention {
  constructor(channels: number, options: BlockOptions, groups: number | null = options.norm_num_groups) {
    const { weights: initialise, branchEnds } = options.initialisation;
    super({
      channels,
      heads: Math.floor(channels / (options.attention_head_dim ?? channels)),
      headChannels: options.attention_head_dim ?? channels,
      norm: groups === null ? undefined : { groups, epsilon: options.norm_eps },
      residual: true,
      initialise,
      initialiseOutput: branchEnds,
    });
  }

  protected override forward(x: Tensor): Tensor {
    const sequence = reshape(x, [x.shape[0], -1, x.shape[3]]); // [N, H · W, C]
    return reshape(super.forward(sequence), x.shape);
  }
}

/** Residual blocks of one level on the way down, then half the size. Returns every map that the way up reads. */
export class DownBlock extends Module<[Tensor, Tensor], { out: Tensor; skips: Tensor[] }> {
  readonly attentions?: readonly SpatialAttention[];
  readonly resnets: readonly ResnetBlock[];
  readonly downsamplers?: readonly [Downsample];

  constructor(inputs: number, outputs: number, layers: number, attend: boolean, last: boolean, options: BlockOptions) {
    super();
    const each = <T>(make: (layer: number) => T) => Array.from({ length: layers }, (_, layer) => make(layer));
    if (attend) this.attentions = each(() => new SpatialAttention(outputs, options));
    this.resnets = each((layer) => new ResnetBlock(layer === 0 ? inputs : outputs, outputs, options));
    const initialise = options.initialisation.weights;
    if (!last) this.downsamplers = [new Downsample(outputs, options.downsample_padding, { initialise })];
  }

  protected override forward(x: Tensor, time: Tensor): { out: Tensor; skips: Tensor[] } {
    const skips: Tensor[] = [];
    let out = x;
    for (const [layer, resnet] of this.resnets.entries()) {
      out = resnet.call(out, time);
      if (this.attentions) out = this.attentions[layer].call(out);
      skips.push(out);
    }
    if (this.downsamplers) {
      out = this.downsamplers[0].call(out); // [N, H/2, W/2, outputs]
      skips.push(out);
    }
    return { out, skips };
  }
}

/** Residual block, attention, residual block at the smallest size. */
export class MidBlock extends Module<[Tensor, Tensor], Tensor> {
  readonly attentions: readonly SpatialAttention[];
  readonly resnets: readonly [ResnetBlock, ResnetBlock];

  constructor(channels: number, config: UNetConfig, options: BlockOptions) {
    super();
    // With scale-shift blocks, diffusers leaves the attention of the middle without a normalisation.
    const fallback = config.resnet_time_scale_shift === "default" ? config.norm_num_groups : null;
    const groups = config.attn_norm_num_groups ?? fallback;
    this.attentions = config.add_attention ? [new SpatialAttention(channels, options, groups)] : [];
    const scale = config.mid_block_scale_factor;
    this.resnets = [
      new ResnetBlock(channels, channels, options, scale),
      new ResnetBlock(channels, channels, options, scale),
    ];
  }

  protected override forward(x: Tensor, time: Tensor): Tensor {
    let out = this.resnets[0].call(x, time);
    for (const attention of this.attentions) out = attention.call(out);
    return this.resnets[1].call(out, time);
  }
}

/** Channels that meet in one level on the way up. */
export interface UpChannels {
  /** Of the level below, where the way up comes from. */
  previous: number;
  outputs: number;
  /** Of the level above on the way down: the last skip of this level. */
  lastSkip: number;
}

/** Residual blocks of one level on the way up, each joined by one skip of the way down, then twice the size. */
export class UpBlock extends Module<[Tensor, Tensor[], Tensor], Tensor> {
  readonly attentions?: readonly SpatialAttention[];
  readonly resnets: readonly ResnetBlock[];
  readonly upsamplers?: readonly [Upsample];

  constructor(channels: UpChannels, layers: number, attend: boolean, last: boolean, options: BlockOptions) {
    super();
    const { previous, outputs, lastSkip } = channels;
    const each = <T>(make: (layer: number) => T) => Array.from({ length: layers }, (_, layer) => make(layer));
    if (attend) this.attentions = each(() => new SpatialAttention(outputs, options));
    this.resnets = each((layer) => {
      const skip = layer === layers - 1 ? lastSkip : outputs;
      return new ResnetBlock((layer === 0 ? previous : outputs) + skip, outputs, options);
    });
    if (!last) this.upsamplers = [new Upsample(outputs, { initialise: options.initialisation.weights })];
  }

  /** `skips`: the maps of the way down, the newest last; those that this level reads are taken off. */
  protected override forward(x: Tensor, skips: Tensor[], time: Tensor): Tensor {
    let out = x;
    for (const [layer, resnet] of this.resnets.entries()) {
      out = resnet.call(concat([out, skips.pop()!], 3), time);
      if (this.attentions) out = this.attentions[layer].call(out);
    }
    return this.upsamplers ? this.upsamplers[0].call(out) : out; // [N, 2H, 2W, outputs]
  }
}
