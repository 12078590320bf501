/**
 * Consistency models on digits: one step from noise to a digit, or a few. `consistency` distils `digits-teacher` along its
 * trajectories, guided; `consistency-training` needs no teacher. Against the published form, both compare with the weights
 * themselves in place of an average and use the pseudo-Huber distance, as the improved training does, for there is no
 * perceptual distance here.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const consistency = defineRecipe({
  name: "consistency",
  about: "digits in one step: consistency distillation of digits-teacher",
  paper: {
    title: "Song, Dhariwal, Chen, Sutskever: Consistency Models (2023)",
    url: "https://arxiv.org/abs/2303.01469",
  },
  published: { "CIFAR-10 FID at 1 step": 3.55, "CIFAR-10 FID at 2 steps": 2.93 },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "continuousCosine" },
    prediction: "v",
    loss: {
      name: "consistencyDistillation",
      growth: "double",
      firstLevels: 8,
      levels: 64,
      spacing: "time", // even angles: the cosine's noise end holds no data
      targetDecay: 0,
      distance: "pseudoHuber",
      weight: "inverseStep",
      rule: "ddim",
    },
  },
  data: { name: "digits" },
  training: {
    ...digitsTraining,
    steps: 1200,
    learningRate: { peak: 5e-4, warmup: 50, decay: "cosine" },
    ema: { decay: 0.99 },
  },
  sampling: { solver: { name: "consistency", steps: 1, spacing: "time" } },
  teacher: { run: "runs/digits-teacher", guidance: 1.5 },
});

export const consistencyTraining = defineRecipe({
  name: "consistency-training",
  about: "digits in one step, without a teacher: improved consistency training",
  paper: {
    title: "Song, Dhariwal: Improved Techniques for Training Consistency Models (2023)",
    url: "https://arxiv.org/abs/2310.14189",
  },
  published: { "CIFAR-10 FID at 1 step": 2.83, "CIFAR-10 FID at 2 steps": 2.46 },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "edm" },
    prediction: "consistency",
    loss: { name: "consistencyTraining", levels: 160 }, // 10 doubled four times: the paper's 1280 suits longer runs
  },
  data: { name: "digits" },
  training: {
    ...digitsTraining,
    steps: 2000,
    learningRate: { peak: 1e-3, warmup: 50, decay: "cosine" },
    ema: { decay: 0.995 },
  },
  sampling: { solver: { name: "consistency", steps: 2 } },
});
