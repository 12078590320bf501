/** Objectives in recipes: losses, weightings, samplers of times, and networks that do not fit them. */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { parseRecipe, type RecipeOptions } from "./recipe.ts";
import { recipes } from "./registry.ts";

/** The digits recipe with another objective, and other output channels. */
function changed(objective: object, outputs = 1): RecipeOptions {
  const recipe = structuredClone(recipes["ddpm-digits"]) as RecipeOptions & {
    network: { unet: { out_channels: number } };
  };
  recipe.network.unet.out_channels = outputs;
  return { ...recipe, objective: { ...recipe.objective, ...objective }, sampling: { solver: { name: "ddpm" } } };
}
const parse = (objective: object, outputs?: number) => parseRecipe(changed(objective, outputs), "mine").objective;

describe("a recipe's objective", () => {
  it("fills in what is left out", () => {
    const given = {
      path: { name: "cosine" },
      prediction: "noise",
      time: { name: "lossSecondMoment", timesteps: 1000 },
      weight: { name: "minSnr" },
      offsetNoise: 0.05,
    };
    expect(parse({ ...given, loss: "hybrid" }, 2)).toMatchObject({
      time: { name: "lossSecondMoment", timesteps: 1000, length: 10, uniform: 0.001 },
      weight: { name: "minSnr", gamma: 5 },
      loss: { name: "hybrid", bound: 0.001 },
      offsetNoise: 0.05,
    });
    expect(parse(given)).toMatchObject({ loss: "simple" });
  });

  it.each([
    [{ loss: "hybrid" }, 1, /the hybrid loss learns variances too; set out_channels to 2/],
    [{}, 2, /the simple loss does not train variances; set out_channels to 1/],
    [{ loss: "hybird" }, 1, /mine: unknown loss "hybird"\. Did you mean hybrid/],
    [{ weight: { name: "minSnr", gama: 1 } }, 1, /Did you mean gamma/],
    [{ offsetNoise: "0.1" }, 1, /offsetNoise must be a finite number from 0 to 1, not "0.1"/],
    [{ loss: "vdm" }, 1, /vdm loss is of continuous time/],
  ])("%j with %i output channels is refused", (objective, outputs, message) => {
    expect(() => parse(objective, outputs)).toThrow(ConfigError);
    expect(() => parse(objective, outputs)).toThrow(message);
  });
});
