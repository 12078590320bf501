/**
 * DDPM on two moons: the whole of the paper, with points of the plane for images. Training takes seconds.
 */
import { defineRecipe } from "./recipe.ts";
import { toyMlp, toyTraining } from "./toy.ts";

export const toyDdpm = defineRecipe({
  name: "toy-ddpm",
  about: "DDPM on two moons, in seconds: points of the plane come out of noise",
  paper: {
    title: "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models (2020)",
    url: "https://arxiv.org/abs/2006.11239",
  },
  network: { mlp: toyMlp },
  objective: { path: { name: "linear", timesteps: 1000 }, prediction: "noise" },
  data: { name: "moons" },
  training: toyTraining,
  sampling: { solver: { name: "ddpm" }, count: 1000 },
});
