/**
 * What the recipes on points of the plane share: the network, and a training of 4,000 small steps, about ten seconds on one
 * core. More threads would only wait for each other.
 */
import type { MlpOptions } from "../models/mlp.ts";
import type { RecipeOptions } from "./recipe.ts";

export const toyMlp = { width: 64, blocks: 3, octaves: 5 } as const satisfies MlpOptions;

export const toyTraining = {
  steps: 4000,
  batch: 256,
  threads: 1,
  replicas: 1,
  learningRate: { peak: 4e-3, warmup: 100, decay: "cosine" },
  ema: { decay: 0.998 },
} as const satisfies RecipeOptions["training"];
