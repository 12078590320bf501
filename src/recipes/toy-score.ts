/**
 * Score matching on a Swiss roll, drawn by Langevin dynamics, after which this project is called: ten noise levels, from
 * one that joins all arms of the roll to one below its own thickness, a hundred small steps uphill with noise at each.
 */
import { defineRecipe } from "./recipe.ts";
import { toyMlp, toyTraining } from "./toy.ts";

export const toyScore = defineRecipe({
  name: "toy-score",
  about: "score matching and annealed Langevin dynamics on a Swiss roll, in seconds",
  paper: {
    title: "Song, Ermon: Generative Modeling by Estimating Gradients of the Data Distribution (2019)",
    url: "https://arxiv.org/abs/1907.05600",
  },
  network: { mlp: { ...toyMlp, timeScale: 4, maxPeriod: 40 } }, // it is fed ln(sigma / 2)
  objective: {
    path: { name: "ve", sigmaMin: 0.01, sigmaMax: 1, timesteps: 10 },
    prediction: "preconditionedVe",
    weight: "sigmaSquared",
  },
  data: { name: "swissRoll" },
  training: toyTraining,
  sampling: { solver: { name: "annealedLangevin" }, count: 1000 },
});
