/**
 * Handwritten digits in five minutes on two cores: what `npm start` trains. Rectified flow on a small class-conditional
 * U-Net that works on patches of 2 × 2 pixels, drawn with classifier-free guidance. Not a published system: the row of the
 * table that draws best in this budget.
 */
import { defineRecipe } from "./recipe.ts";

export const digits = defineRecipe({
  name: "digits",
  about: "handwritten digits in five minutes on two cores",
  paper: { title: "Liu, Gong, Liu: Flow Straight and Fast (2022)", url: "https://arxiv.org/abs/2209.03003" },
  network: {
    patch: 2, // 28 × 28 pixels become 14 × 14 patches of 4 channels
    unet: {
      sample_size: 14,
      in_channels: 4,
      out_channels: 4,
      block_out_channels: [32, 64],
      layers_per_block: 1,
      down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
      up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
      attention_head_dim: 32,
      norm_num_groups: 8,
      num_class_embeds: 11, // ten digits and the null class
    },
    initialisation: "ddpm", // residual branches that begin at zero: quicker in the first hundred steps
  },
  objective: {
    path: { name: "straightLine" },
    prediction: "flow",
    time: { name: "logitNormal" }, // the middle of the path is the hard part
  },
  data: { name: "digits" },
  training: {
    steps: 4000, // at most; lowered to what fits
    budgetSeconds: 270, // sample grids and start-up come on top: five minutes in all
    batch: 64,
    optimiser: { beta1: 0.9, beta2: 0.99 },
    learningRate: { peak: 2e-3, warmup: 50, decay: "cosine" },
    ema: { decay: 0.997 },
    labelDrop: 0.1, // for guidance
  },
  // Guidance pushes x0 out of its range; without the noise of the clipped x0, strokes would swell.
  sampling: { solver: { name: "ddim", steps: 50, noiseFromClipped: true }, guidance: 1.5 },
});
