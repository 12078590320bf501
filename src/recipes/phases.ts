/**
 * Recipes that distil: with another teacher, and phase by phase.
 */
import { ConfigError } from "../core/errors.ts";
import { withField } from "./change.ts";
import { parseRecipe, type Recipe } from "./recipe.ts";

/** The recipe with its teacher in another folder. Raises a ConfigError for a recipe that needs none. */
export function withTeacher(recipe: Recipe, run: string): Recipe {
  if (recipe.teacher === undefined) {
    throw new ConfigError(
      `the recipe ${recipe.name} has no teacher to be named; recipes that distil do, such as progressive-distillation`,
    );
  }
  return parseRecipe({ ...recipe, teacher: { ...recipe.teacher, run } }, `recipe ${recipe.name}`);
}

/**
 * The recipes of the phases, in order: each with its own fields, and without `phases`. The teacher of all but the first is
 * the phase before, as it is: what guidance drew, it has learned. A recipe without phases is its only one. Raises a
 * ConfigError that names the phase and the field that does not fit.
 *
 * `folderOf`: the run folder of a phase, from 0.
 */
export function phaseRecipes(recipe: Recipe, folderOf: (phase: number) => string): Recipe[] {
  const { phases, ...rest } = recipe;
  if (phases === undefined) return [recipe];
  return phases.map((fields, phase) => {
    const before = phase === 0 ? rest.teacher : { ...rest.teacher, run: folderOf(phase - 1), guidance: 1 };
    const alone = parseRecipe({ ...rest, teacher: before }, `recipe ${recipe.name}, phase ${phase + 1}`);
    return Object.entries(fields).reduce(
      (changed, [field, value]) => withField(changed, field, JSON.stringify(value)),
      alone,
    );
  });
}
