/** A recipe as the `run.json` of its run, and back. */
import { ConfigError } from "../core/errors.ts";
import type { RunDescription } from "../train/runs.ts";
import { parseRecipe, type Recipe } from "./recipe.ts";

/** What stands in the `run.json` of a run of a recipe; `version`: of langevin. */
export function describeRecipe(recipe: Recipe, version: string): RunDescription {
  const { name, network, objective, data, training, sampling, teacher, phases } = recipe;
  const { seed } = training;
  const own = { network, objective: { ...objective }, data, training, sampling };
  return { langevin: version, recipe: name, seed, ...own, ...(teacher && { teacher }), ...(phases && { phases }) };
}

/** The recipe that a `run.json` describes; `run` and `file`: what messages call them. Raises a ConfigError. */
export function recipeOfDescription(described: RunDescription, run: string, file: string): Recipe {
  const { langevin: _, seed, recipe: name, training, ...rest } = described;
  if (name === undefined) {
    throw new ConfigError(`${run} was trained by a program, not by a recipe: go on with it there (train({ from }))`);
  }
  return parseRecipe({ ...rest, name, training: { ...training, seed } }, file);
}
