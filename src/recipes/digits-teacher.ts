/**
 * The teacher of the recipes with few steps: v prediction on the cosine path of progressive distillation, which tells the
 * sample even where there is nothing but noise. Conditional on the digit, with a null class for guidance.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const digitsTeacher = defineRecipe({
  name: "digits-teacher",
  about: "the teacher of the recipes with few steps: v prediction on a cosine, on digits",
  paper: {
    title: "Salimans, Ho: Progressive Distillation for Fast Sampling of Diffusion Models (2022)",
    url: "https://arxiv.org/abs/2202.00512",
  },
  network: digitsNetwork({ classes: true }),
  objective: { path: { name: "continuousCosine" }, prediction: "v" }, // the plain error of v is SNR + 1
  data: { name: "digits" },
  training: { ...digitsTraining, labelDrop: 0.1 },
  sampling: { solver: { name: "ddim", steps: 64, noiseFromClipped: true }, guidance: 1.5 },
});
