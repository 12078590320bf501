import { networkFrom, recipes } from "langevin/browser";
import { expect, test } from "vitest";
import { digitsRecipes, freeName, gridSeconds, lengthOf, pictureSizes, picturesRecipe, planned } from "./recipes.ts";

test("recipes that need a teacher, a folder or points are left out", () => {
  const names = digitsRecipes.map(({ name }) => name);
  expect(names).toContain("digits");
  expect(names).toContain("edm");
  for (const name of ["progressive-distillation", "reflow", "ddpm-folder", "toy-flow"])
    expect(names).not.toContain(name);
});

test.each(pictureSizes.flatMap((size) => ([1, 3] as const).map((channels) => [size, channels] as const)))(
  "pictures of %i pixels and %i channels fit their network",
  (size, channels) => {
    const recipe = picturesRecipe(size, channels);
    expect(networkFrom(recipe.network).imageShape).toEqual([channels, size, size]);
    expect(recipe.data).toMatchObject({ size, channels });
  },
);

test("minutes and steps take each other's place", () => {
  const timed = planned(recipes.ddpm, { seed: 7, length: { unit: "minutes", value: 2 } });
  expect(timed.training).toMatchObject({ seed: 7, budgetSeconds: 120 });
  expect(lengthOf(timed)).toEqual({ unit: "minutes", value: 2 });
  const counted = planned(recipes.digits, { seed: 0, length: { unit: "steps", value: 20 } });
  expect(counted.training.steps).toBe(20);
  expect(counted.training.budgetSeconds).toBeUndefined();
  expect(counted.training.learningRate).toMatchObject({ warmup: 2 });
});

test("a name that is taken gets a number", () => {
  expect(freeName("digits", [])).toBe("digits");
  expect(freeName("digits", ["digits", "digits-2"])).toBe("digits-3");
});

test("grids come an eighth of the run apart, within limits", () => {
  const timed = (value: number) => planned(recipes.digits, { seed: 0, length: { unit: "minutes", value } });
  expect([1, 4, 60].map((minutes) => gridSeconds(timed(minutes)))).toEqual([20, 30, 120]);
  expect(gridSeconds(recipes.ddpm)).toBe(30);
});
