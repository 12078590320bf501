/**
 * Progressive distillation on digits: `digits-teacher` and its 64 steps of DDIM, guided, halved four times, to 4 steps
 * without guidance. Each phase is a run of its own in the run folder, and may be sampled.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

const phase = (steps: number) => ({ "objective.loss.steps": steps, "sampling.solver.steps": steps });

export const progressiveDistillation = defineRecipe({
  name: "progressive-distillation",
  about: "64 steps of digits-teacher, halved four times to 4, on digits",
  paper: {
    title: "Salimans, Ho: Progressive Distillation for Fast Sampling of Diffusion Models (2022)",
    url: "https://arxiv.org/abs/2202.00512",
  },
  published: { "CIFAR-10 FID at 8 steps": 2.57, "CIFAR-10 FID at 4 steps": 3.0, "CIFAR-10 FID at 1 step": 9.12 },
  network: digitsNetwork({ classes: true }),
  objective: {
    path: { name: "continuousCosine" },
    prediction: "v",
    weight: "truncatedSnr",
    loss: { name: "progressive", steps: 4 },
  },
  data: { name: "digits" },
  training: {
    ...digitsTraining,
    steps: 400, // of each phase
    learningRate: { peak: 5e-4, warmup: 20, decay: "linear" },
    ema: { decay: 0.98 },
  },
  sampling: { solver: { name: "ddim", steps: 4, noiseFromClipped: true } },
  teacher: { run: "runs/digits-teacher", guidance: 1.5 },
  phases: [phase(32), phase(16), phase(8), phase(4)],
});
