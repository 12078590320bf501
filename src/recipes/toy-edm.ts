/**
 * EDM on eight Gaussians, with the numbers of the paper: its preconditioning at sigmaData 0.5, which is about the deviation of
 * these points too, its noise levels and its weight, and Heun on its schedule.
 * 18 steps draw well, 40 leave no more than the chance of the start in how many points each cluster gets.
 */
import { defineRecipe } from "./recipe.ts";
import { toyMlp, toyTraining } from "./toy.ts";

export const toyEdm = defineRecipe({
  name: "toy-edm",
  about: "EDM on eight Gaussians, in seconds: forty Heun steps",
  paper: {
    title: "Karras, Aittala, Aila, Laine: Elucidating the Design Space of Diffusion-Based Generative Models (2022)",
    url: "https://arxiv.org/abs/2206.00364",
  },
  network: { mlp: { ...toyMlp, timeScale: 16, maxPeriod: 40 } }, // it is fed ln(sigma) / 4
  objective: {
    path: { name: "edm" },
    prediction: { name: "edm", sigmaData: 0.5 },
    time: { name: "logNormal", mean: -1.2, std: 1.2 },
    weight: { name: "edm", sigmaData: 0.5 },
  },
  data: { name: "eightGaussians" },
  training: toyTraining,
  sampling: { solver: { name: "heun", steps: 40, schedule: "karras" }, count: 1000 },
});
