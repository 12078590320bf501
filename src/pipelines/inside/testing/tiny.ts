/** A small network with attention, classes and a skip of another width, for tests of what is inside. */
import { UNet } from "../../../models/unet.ts";
import { Weights } from "../../../nn/weights.ts";

/** 8 × 8 pixels, levels of 8 and 12 channels, attention of 3 heads at 4 × 4, two classes and the null class. */
export function tinyNetwork() {
  const network = new UNet({
    sample_size: 8,
    in_channels: 1,
    out_channels: 1,
    block_out_channels: [8, 12],
    layers_per_block: 1,
    down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
    up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
    attention_head_dim: 4,
    norm_num_groups: 4,
    num_class_embeds: 3,
  });
  return { network, weights: Weights.initial(network, 0) };
}

export const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
};
