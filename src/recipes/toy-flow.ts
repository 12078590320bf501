/**
 * Rectified flow on a checkerboard, whose sharp edges show how well a model knows its data. Training takes seconds.
 */
import { defineRecipe } from "./recipe.ts";
import { toyMlp, toyTraining } from "./toy.ts";

export const toyFlow = defineRecipe({
  name: "toy-flow",
  about: "rectified flow on a checkerboard, in seconds",
  paper: { title: "Liu, Gong, Liu: Flow Straight and Fast (2022)", url: "https://arxiv.org/abs/2209.03003" },
  network: { mlp: toyMlp },
  objective: { path: { name: "straightLine" }, prediction: "flow" },
  data: { name: "checkerboard" },
  training: toyTraining,
  sampling: { solver: { name: "ddim", steps: 50 }, count: 1000 },
});
