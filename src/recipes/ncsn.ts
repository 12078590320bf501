/**
 * NCSN on digits: one network for the score at ten noise levels, drawn by annealed Langevin dynamics, 100 steps a level.
 * The paper's levels 1 to 0.01 and its step 2e-5 are for data in [0, 1]; here data are in [-1, 1], so levels are doubled
 * and the step is four times as large. The output is scaled by 1 / sigma as in NCSNv2.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const ncsn = defineRecipe({
  name: "ncsn",
  about: "NCSN: score matching at ten noise levels, annealed Langevin dynamics, on digits",
  paper: {
    title: "Song, Ermon: Generative Modeling by Estimating Gradients of the Data Distribution (2019)",
    url: "https://arxiv.org/abs/1907.05600",
  },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "ve", sigmaMin: 0.02, sigmaMax: 2, timesteps: 10 },
    prediction: "preconditionedVe",
    weight: "sigmaSquared",
  },
  data: { name: "digits" },
  training: digitsTraining,
  sampling: { solver: { name: "annealedLangevin", stepsPerLevel: 100, epsilon: 8e-5 } },
});
