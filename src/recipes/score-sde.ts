/**
 * Score SDEs on digits: the variance-preserving, the sub-variance-preserving and the variance-exploding one, each drawn by
 * predictor and corrector. Weighted so that the error of the noise counts, as in the paper.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe, type RecipeOptions } from "./recipe.ts";

function scoreSde(
  name: string,
  about: string,
  row: Pick<RecipeOptions, "objective" | "sampling"> & Partial<Pick<RecipeOptions, "training">>,
) {
  return defineRecipe({
    name,
    about: `${about}, predictor-corrector steps, on digits`,
    paper: {
      title: "Song et al.: Score-Based Generative Modeling through Stochastic Differential Equations (2021)",
      url: "https://arxiv.org/abs/2011.13456",
    },
    network: digitsNetwork({ classes: true }),
    data: { name: "digits" },
    training: digitsTraining,
    ...row,
  });
}

export const scoreSdeVp = scoreSde("score-sde-vp", "score SDE, variance preserving", {
  objective: { path: { name: "continuousVp" }, prediction: "noise" },
  sampling: { solver: { name: "predictorCorrector", steps: 250 } },
});

export const scoreSdeSubVp = scoreSde("score-sde-sub-vp", "score SDE, sub-variance preserving", {
  objective: { path: { name: "subVp" }, prediction: "noise" },
  sampling: { solver: { name: "predictorCorrector", steps: 250 } },
});

export const scoreSdeVe = scoreSde("score-sde-ve", "score SDE, variance exploding", {
  objective: {
    path: { name: "ve", sigmaMin: 0.02, sigmaMax: 50 },
    prediction: "preconditionedVe",
    weight: "sigmaSquared",
  },
  training: { ...digitsTraining, steps: 2500 },
  sampling: { solver: { name: "predictorCorrector", steps: 250 } },
});
