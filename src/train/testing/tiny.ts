/**
 * The smallest run that has everything that a run can have: classes, a null class, dropout, attention, augmentation and
 * an epoch that ends in the middle of a batch. A step takes a few milliseconds.
 */

import { Random } from "../../core/random.ts";
import type { Dataset } from "../../data/dataset.ts";
import { objectiveFrom } from "../../diffusion/index.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { networkFrom } from "../network-config.ts";
import type { TrainOptions } from "../train.ts";

/** Images of random numbers with three labels; reading with `draws` adds noise, as augmentation. */
export function tinyData(size = 13): Dataset {
  const images = Random.from(5, "tiny").normals(size * 64);
  return {
    name: "tiny",
    size,
    channels: 1,
    height: 8,
    width: 8,
    classes: ["a", "b", "c"],
    async read(indices, draws) {
      const batch = new Float32Array(indices.length * 64);
      for (let n = 0; n < indices.length; n++) {
        const random = draws?.(n);
        for (let i = 0; i < 64; i++) {
          batch[n * 64 + i] = images[indices[n] * 64 + i] + 0.1 * (random?.normal() ?? 0);
        }
      }
      return { images: batch, labels: Int32Array.from(indices, (index) => index % 3) };
    },
  };
}

export const tinyUNet = {
  sample_size: 8,
  in_channels: 1,
  out_channels: 1,
  block_out_channels: [4, 8],
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  layers_per_block: 1,
  norm_num_groups: 2,
  attention_head_dim: 4,
  num_class_embeds: 4,
  dropout: 0.1,
} as const;

type UNetFields = { [K in keyof typeof tinyUNet]?: unknown } & Record<string, unknown>;

/** The tiny network, with some fields replaced. */
export function tinyNetwork(fields: UNetFields = {}) {
  return networkFrom({ unet: { ...tinyUNet, ...fields } as never });
}

export const tinyObjective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });

/** Options of a tiny run; those given replace or add. */
export function tinyRun(options: Partial<TrainOptions> = {}): TrainOptions {
  return {
    network: tinyNetwork(),
    objective: tinyObjective,
    data: tinyData(),
    runtime: nodeRuntime(),
    steps: 12,
    batch: 4,
    learningRate: { peak: 5e-3, warmup: 3, decay: "cosine" },
    optimiser: { weightDecay: 0.01 },
    clip: 1,
    ema: { decay: 0.9 },
    labelDrop: 0.3,
    seed: 3,
    threads: 1,
    ...options,
  };
}
