/**
 * DDPM as published, at the size of handwritten digits: 1000 linear betas, noise prediction, the simple loss, ancestral
 * steps. The paper has no digits; network and batch are scaled down from its CIFAR-10 ones.
 */
import { defineRecipe } from "./recipe.ts";

export const ddpmDigits = defineRecipe({
  name: "ddpm-digits",
  about: "DDPM on handwritten digits: linear betas, noise prediction, 1000 ancestral steps",
  paper: {
    title: "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models (2020)",
    url: "https://arxiv.org/abs/2006.11239",
  },
  network: {
    unet: {
      sample_size: 28, // 28, 14, 7
      in_channels: 1,
      out_channels: 1,
      block_out_channels: [32, 64, 64],
      layers_per_block: 2,
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
      up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      attention_head_dim: null, // one head
      norm_num_groups: 8,
      norm_eps: 1e-6,
      downsample_padding: 0,
      flip_sin_to_cos: false,
      freq_shift: 1,
      dropout: 0.1,
    },
    initialisation: "ddpm",
  },
  objective: { path: { name: "linear", timesteps: 1000 }, prediction: "noise" },
  data: { name: "digits" },
  training: {
    steps: 20_000,
    batch: 64,
    learningRate: { peak: 2e-4, warmup: 1000 },
    clip: 1,
    ema: { decay: 0.999 },
  },
  sampling: { solver: { name: "ddpm", variance: "large" } },
});
