/**
 * Flow matching on digits: the straight line, its velocity, uniform times, Euler steps. `reflow` straightens what this has
 * learned.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const flowMatching = defineRecipe({
  name: "flow-matching",
  about: "flow matching on the straight line, 50 Euler steps, on digits",
  paper: {
    title: "Lipman et al.: Flow Matching for Generative Modeling (2022)",
    url: "https://arxiv.org/abs/2210.02747",
  },
  network: digitsNetwork({ classes: true }),
  objective: { path: { name: "straightLine" }, prediction: "flow", time: { name: "uniformContinuous" } },
  data: { name: "digits" },
  training: digitsTraining,
  sampling: { solver: { name: "flowEuler", steps: 50 } },
});
