/**
 * Improved DDPM on digits: cosine betas, learned variances by the hybrid loss, drawn at 25 strided steps. And the same with
 * the variational bound alone, whose times are drawn where the bound is large (importance resampling): fewer bits a
 * dimension, worse pictures, as published.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

const cosine = { name: "cosine", timesteps: 1000, s: 0.008, maxBeta: 0.999 } as const;

const shared = {
  paper: {
    title: "Nichol, Dhariwal: Improved Denoising Diffusion Probabilistic Models (2021)",
    url: "https://arxiv.org/abs/2102.09672",
  },
  network: digitsNetwork({ classes: true, learnedVariance: true }),
  data: { name: "digits" },
  training: digitsTraining,
  sampling: { solver: { name: "ddpm", variance: "learned", steps: 25 } },
} as const;

export const improvedDdpm = defineRecipe({
  ...shared,
  name: "improved-ddpm",
  about: "Improved DDPM: cosine betas and learned variances, 25 steps, on digits",
  published: { "FID, CIFAR-10": 3.19, "bits/dim, CIFAR-10": 3.17 },
  objective: { path: cosine, prediction: "noise", loss: "hybrid" },
});

export const improvedDdpmBound = defineRecipe({
  ...shared,
  name: "improved-ddpm-bound",
  about: "Improved DDPM trained for likelihood: the variational bound with importance-drawn times, on digits",
  published: { "FID, CIFAR-10": 11.47, "bits/dim, CIFAR-10": 2.94 },
  objective: { path: cosine, prediction: "noise", loss: "vlb", time: { name: "lossSecondMoment", timesteps: 1000 } },
});
