/**
 * A U-Net by its size, width and attention resolutions, as papers name them, in the words of diffusers' configuration.
 */
import { ConfigError } from "../core/errors.ts";
import type { UNetOptions } from "../models/unet-config.ts";

export interface UNetShape {
  /** Width and height of the images, pixels. */
  size: number;
  /** Of the images: 1 or 3, or those of latents. */
  channels: number;
  /** Channels of the first level. */
  width: number;
  /** Channels of each level, as multiples of `width`; each level has half the size of the one before. */
  multipliers: readonly number[];
  /** Sizes at which there is attention, pixels. Default: only in the middle. */
  attentionAt?: readonly number[];
  /** Residual blocks of a level on the way down. Default 2. */
  blocks?: number;
  /** Classes of the images; a null class for guidance is added. Default: none. */
  classes?: number;
  /** From 0 to below 1. Default 0. */
  dropout?: number;
}

/** Channels of an attention head, where they divide those of every level that has attention. */
const HEAD = 64;
/** Groups of the normalisations: as many as these, and as divide every level with at least two channels in each. */
const GROUPS = 32;

/** The configuration of a shape. Raises a ConfigError for sizes that cannot be halved so often, or that no level has. */
export function unetOptions(shape: UNetShape): UNetOptions {
  const { size, channels, width, multipliers, attentionAt = [], blocks = 2, classes, dropout = 0 } = shape;
  const sizes = multipliers.map((_, level) => size / 2 ** level);
  const smallest = sizes.at(-1) ?? 0;
  if (!Number.isInteger(smallest) || smallest < 1) {
    throw new ConfigError(
      `images of ${size} pixels cannot be halved ${multipliers.length - 1} times for ${multipliers.length} levels; ` +
        `take fewer multipliers, or a size that is a multiple of ${2 ** Math.max(0, multipliers.length - 1)}`,
    );
  }
  const missing = attentionAt.find((at) => !sizes.includes(at));
  if (missing !== undefined) {
    throw new ConfigError(`attentionAt has ${missing}, but the levels have the sizes ${sizes.join(", ")}`);
  }
  const widths = multipliers.map((multiplier) => width * multiplier);
  const attends = sizes.map((at) => attentionAt.includes(at));
  const attended = widths.filter((_, level) => attends[level] || level === widths.length - 1);
  return {
    sample_size: size,
    in_channels: channels,
    out_channels: channels,
    block_out_channels: widths,
    layers_per_block: blocks,
    down_block_types: attends.map((attend) => (attend ? "AttnDownBlock2D" : "DownBlock2D")),
    up_block_types: attends.toReversed().map((attend) => (attend ? "AttnUpBlock2D" : "UpBlock2D")),
    attention_head_dim: attended.every((count) => count % HEAD === 0) ? HEAD : null,
    norm_num_groups: widths.reduce(commonDivisor, Math.min(GROUPS, Math.max(1, Math.floor(width / 2)))),
    num_class_embeds: classes === undefined ? null : classes + 1,
    dropout,
  };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
