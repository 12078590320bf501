/**
 * The solver of the grids that are drawn while a recipe trains: its own where that takes few steps, else 25 steps of DDIM, so
 * that looking costs little.
 */
import { isToyName } from "../data/toy.ts";
import type { Objective } from "../diffusion/objective.ts";
import { ddim } from "../diffusion/solvers/ddim.ts";
import type { Solver } from "../diffusion/solvers/solver.ts";
import { type Recipe, solverOf } from "./recipe.ts";

const STEPS = 25;
/** Steps of the recipe's solver that a grid may take: points cost next to nothing. */
const OWN = { images: 50, points: 1000 };

export function quickSolver({ sampling, data }: Pick<Recipe, "sampling" | "data">, { path }: Objective): Solver {
  const { steps = path.timesteps } = sampling.solver as { steps?: number };
  const most = isToyName(data.name) ? OWN.points : OWN.images;
  const unitTime = path.timesteps !== undefined || (path.span[0] === 0 && path.span[1] === 1);
  if ((steps !== undefined && steps <= most) || !unitTime) return solverOf(sampling.solver);
  return ddim({ steps: Math.min(STEPS, path.timesteps ?? STEPS) });
}
