/**
 * NCSN on digits: one network for the score at a hundred noise levels, drawn by annealed Langevin dynamics. The first NCSN
 * has ten levels from 1 to 0.01 (data in [0, 1]), which at this length of training draws strokes, not digits; the levels
 * here follow the rules of NCSNv2: the first is the greatest distance between two images (about 32 for digits in [-1, 1]),
 * neighbours overlap (their ratio is 1.08), five Langevin steps at each, of 0.08 of the squared noise level.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const ncsn = defineRecipe({
  name: "ncsn",
  about: "NCSN: score matching at a hundred noise levels, annealed Langevin dynamics, on digits",
  paper: {
    title: "Song, Ermon: Generative Modeling by Estimating Gradients of the Data Distribution (2019)",
    url: "https://arxiv.org/abs/1907.05600",
  },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "ve", sigmaMin: 0.02, sigmaMax: 32, timesteps: 100 },
    prediction: "preconditionedVe",
    weight: "sigmaSquared",
  },
  data: { name: "digits" },
  training: { ...digitsTraining, steps: 2500 },
  sampling: { solver: { name: "annealedLangevin", steps: 100, stepsPerLevel: 5, epsilon: 3.2e-5 } },
});
