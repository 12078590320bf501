/**
 * Reflow on digits: the second rectified flow. `flow-matching` draws pairs of noise and digit, and the same loss is trained
 * on those pairs, so that paths no longer cross and few Euler steps follow them.
 */
import { digitsNetwork, digitsTraining } from "./digits-network.ts";
import { defineRecipe } from "./recipe.ts";

export const reflow = defineRecipe({
  name: "reflow",
  about: "the paths of flow-matching straightened: few Euler steps, on digits",
  paper: { title: "Liu, Gong, Liu: Flow Straight and Fast (2022)", url: "https://arxiv.org/abs/2209.03003" },
  published: { "CIFAR-10 FID of 2-rectified flow, distilled, at 1 step": 4.85 },
  network: digitsNetwork({ classes: true }),
  objective: { path: { name: "straightLine" }, prediction: "flow", time: { name: "uniformContinuous" } },
  data: { name: "digits" },
  training: { ...digitsTraining, steps: 1200, learningRate: { peak: 1e-3, warmup: 50, decay: "cosine" } },
  sampling: { solver: { name: "flowEuler", steps: 4 } },
  teacher: { run: "runs/flow-matching", pairs: { count: 8192, solver: { name: "flowEuler", steps: 25 } } },
});
