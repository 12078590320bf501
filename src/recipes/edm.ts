/**
 * EDM on digits: preconditioned network, log-normal noise levels, 18 steps of Heun's method on Karras' levels, 35 calls
 * of the network.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const edm = defineRecipe({
  name: "edm",
  about: "EDM: preconditioned denoiser, 18 Heun steps, on digits",
  paper: {
    title: "Karras et al.: Elucidating the Design Space of Diffusion-Based Generative Models (2022)",
    url: "https://arxiv.org/abs/2206.00364",
  },
  published: { "FID, CIFAR-10, unconditional": 1.97 },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "edm", sigmaMin: 0.002, sigmaMax: 80 },
    prediction: { name: "edm", sigmaData: 0.5 },
    time: { name: "logNormal", mean: -1.2, std: 1.2 },
    weight: { name: "edm", sigmaData: 0.5 },
  },
  data: { name: "digits" },
  training: { ...digitsTraining, steps: 2000 },
  sampling: { solver: { name: "heun", steps: 18, schedule: "karras" } },
});
