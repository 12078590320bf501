/**
 * DDPM on a folder of images of one's own: the network of the paper at half its width, for 64 × 64 pixels; `--size`
 * makes it another size. Few images (below a thousand) are learned by heart rather than understood.
 */
import { defineRecipe } from "./recipe.ts";

export const ddpmFolder = defineRecipe({
  name: "ddpm-folder",
  about: "DDPM on any folder of images: --data path --size 64",
  paper: {
    title: "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models (2020)",
    url: "https://arxiv.org/abs/2006.11239",
  },
  network: {
    unet: {
      sample_size: 64, // 64, 32, 16, 8
      block_out_channels: [64, 128, 128, 128],
      layers_per_block: 2,
      down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"], // at 16 × 16
      up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
      attention_head_dim: null,
      norm_eps: 1e-6,
      downsample_padding: 0,
      flip_sin_to_cos: false,
      freq_shift: 1,
    },
    initialisation: "ddpm",
  },
  objective: { path: { name: "linear", timesteps: 1000 }, prediction: "noise" },
  data: { name: "folder", size: 64, channels: 3, flip: true },
  training: {
    steps: 100_000,
    batch: 16,
    learningRate: { peak: 1e-4, warmup: 1000 },
    clip: 1,
    ema: { decay: 0.9995 },
  },
  sampling: { solver: { name: "ddim", steps: 100, eta: 1 }, count: 16 },
});
