/**
 * DDPM's row of the table on the small digits network, in minutes: 1000 linear betas, noise prediction, the simple loss,
 * ancestral steps. Conditional on the digit, which the paper is not. `ddpm-digits` has the paper's network shape.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const ddpm = defineRecipe({
  name: "ddpm",
  about: "DDPM in minutes: linear betas, noise prediction, 1000 ancestral steps, on digits",
  paper: {
    title: "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models (2020)",
    url: "https://arxiv.org/abs/2006.11239",
  },
  network: digitsNetwork({ classes: true }),
  objective: { path: { name: "linear", timesteps: 1000, start: 1e-4, end: 0.02 }, prediction: "noise" },
  data: { name: "digits" },
  training: { ...digitsTraining, steps: 2000 },
  sampling: { solver: { name: "ddpm", variance: "large" } },
});
