/**
 * DDPM on CIFAR-10 as published: Ho, Jain, Abbeel 2020, §4 and appendix B; `scripts/run_cifar.py` of its code.
 *
 * The data are not in the package: `--data` takes a folder of the 50,000 training images, as image files.
 */
import { defineRecipe } from "./recipe.ts";

export const ddpmCifar10 = defineRecipe({
  name: "ddpm-cifar10",
  about: "DDPM on CIFAR-10 as published; give the 50,000 training images as a folder with --data",
  paper: {
    title: "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models (2020)",
    url: "https://arxiv.org/abs/2006.11239",
  },
  published: { FID: 3.17, "Inception score": 9.46, "bits/dim": "≤ 3.75", parameters: "35.7 M" },
  network: {
    unet: {
      sample_size: 32,
      block_out_channels: [128, 256, 256, 256],
      layers_per_block: 2,
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"], // at 16 × 16
      up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      attention_head_dim: null, // one head
      norm_eps: 1e-6,
      downsample_padding: 0,
      flip_sin_to_cos: false,
      freq_shift: 1,
      dropout: 0.1,
    },
    initialisation: "ddpm",
  },
  objective: { path: { name: "linear", timesteps: 1000, start: 1e-4, end: 0.02 }, prediction: "noise" },
  data: { name: "folder", size: 32, channels: 3, flip: true, labels: "none" },
  training: {
    steps: 800_000,
    batch: 128,
    optimiser: { beta1: 0.9, beta2: 0.999 },
    learningRate: { peak: 2e-4, warmup: 5000, decay: "constant" },
    clip: 1,
    ema: { decay: 0.9999, warmup: "none" },
  },
  sampling: { solver: { name: "ddpm", variance: "large" } },
});
