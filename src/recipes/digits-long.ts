/**
 * `digits` with more steps: the run that made the weights which come with the package. A longer run wants a longer
 * average.
 */
import { digits } from "./digits.ts";
import { defineRecipe } from "./recipe.ts";

const { budgetSeconds: _, ...training } = digits.training;

export const digitsLong = defineRecipe({
  ...digits,
  name: "digits-long",
  about: "handwritten digits as the shipped weights were trained: a quarter of an hour on two cores",
  training: { ...training, steps: 4000, ema: { decay: 0.999 } },
});
