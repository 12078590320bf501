/**
 * What can be trained in a tab: the recipes on digits that need no teacher, and one for pictures that are dropped on the
 * page, with the network of `digits` in the size and the channels of the pictures.
 */
import { defineRecipe, type Recipe, recipes, withFields } from "langevin/browser";

/** Recipes on digits, by name. */
export const digitsRecipes: readonly Recipe[] = Object.values(recipes as Record<string, Recipe>).filter(
  ({ data, teacher, phases }) => data.name === "digits" && teacher === undefined && phases === undefined,
);

export const pictureSizes = [16, 28, 32] as const;
export type PictureSize = (typeof pictureSizes)[number];

/** Steps of a run that is to end by its minutes: more than fit. */
const MOST_STEPS = 100_000;

/**
 * Rectified flow on pictures of `size` × `size` pixels, cut into patches of 2 × 2: half as many pixels across, four times
 * the channels. 0.7 M parameters. Below a thousand pictures the network learns them by heart.
 */
export function picturesRecipe(size: PictureSize, channels: 1 | 3): Recipe {
  const { digits } = recipes;
  const { num_class_embeds: _, ...unet } = digits.network.unet!;
  return defineRecipe({
    name: "pictures",
    about: "pictures of your own, in this tab",
    paper: digits.paper,
    network: {
      ...digits.network,
      unet: { ...unet, sample_size: size / 2, in_channels: 4 * channels, out_channels: 4 * channels },
    },
    objective: digits.objective,
    data: { name: "folder", size, channels, labels: "none" },
    training: { ...digits.training, batch: 32, labelDrop: 0 },
    sampling: { solver: digits.sampling.solver, count: 64 },
  });
}

export interface Length {
  unit: "minutes" | "steps";
  value: number;
}

/** The length that a recipe has by itself. */
export function lengthOf({ training: { budgetSeconds, steps } }: Recipe): Length {
  return budgetSeconds === undefined ? { unit: "steps", value: steps } : { unit: "minutes", value: budgetSeconds / 60 };
}

/** The recipe with another seed and another length. A short run warms up in at most a tenth of its steps. */
export function planned(recipe: Recipe, { seed, length }: { seed: number; length: Length }): Recipe {
  const { warmup = 0 } = recipe.training.learningRate as { warmup?: number };
  const changes = [`training.seed=${seed}`];
  if (length.unit === "minutes") {
    changes.push(`training.budgetSeconds=${length.value * 60}`, `training.steps=${MOST_STEPS}`);
  } else {
    changes.push(`training.steps=${length.value}`);
    if (recipe.training.budgetSeconds !== undefined) changes.push("training.budgetSeconds=null");
    const most = Math.floor(length.value / 10);
    if (warmup > most) changes.push(`training.learningRate.warmup=${most}`);
  }
  return withFields(recipe, changes);
}

/** The name of a new run: that of its recipe, with a number where that is taken. */
export function freeName(recipe: string, taken: readonly string[]): string {
  if (!taken.includes(recipe)) return recipe;
  let number = 2;
  while (taken.includes(`${recipe}-${number}`)) number++;
  return `${recipe}-${number}`;
}

/**
 * Seconds between two grids of samples: an eighth of the run where its time is set, but from 20 s to 2 minutes, since a grid
 * takes some seconds itself; half a minute for a number of steps.
 */
export function gridSeconds({ training: { budgetSeconds } }: Recipe): number {
  return budgetSeconds === undefined ? 30 : Math.min(120, Math.max(20, Math.round(budgetSeconds / 8)));
}
