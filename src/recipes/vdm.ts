/**
 * Variational diffusion on digits: trained for likelihood alone, with a learned schedule whose ends follow the bound and
 * whose interior lowers the variance of the loss; drawn by ancestral steps.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const vdm = defineRecipe({
  name: "vdm",
  about: "variational diffusion: likelihood and a learned schedule, on digits",
  paper: {
    title: "Kingma et al.: Variational Diffusion Models (2021)",
    url: "https://arxiv.org/abs/2107.00630",
  },
  published: { "bits/dim, CIFAR-10": 2.65 },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "learned", offset: -13.3, slope: 18.3 },
    prediction: "noise",
    loss: { name: "vdm", gamma: "network" },
    time: { name: "stratified" },
  },
  data: { name: "digits" },
  training: digitsTraining,
  sampling: { solver: { name: "ddim", steps: 250, eta: 1 } },
});
