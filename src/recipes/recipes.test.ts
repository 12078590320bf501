import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { countParameters } from "../nn/module.ts";
import { networkFrom } from "../train/network-config.ts";
import { withData, withField, withFields, withSize } from "./change.ts";
import { openData } from "./open-data.node.ts";
import { parseRecipe, type RecipeOptions, solverOf } from "./recipe.ts";
import { type RecipeName, recipeNamed, recipes } from "./registry.ts";

const digits = recipes.digits;
/** The recipe as a user might write it, to be broken by a test. */
const plain = (): RecipeOptions => structuredClone(digits) as RecipeOptions;

describe("the recipes", () => {
  it.each(Object.keys(recipes) as RecipeName[])("%s is registered by its name and survives JSON", (name) => {
    const recipe = recipeNamed(name);
    expect(recipe.name).toBe(name);
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)), "again")).toEqual(recipe);
    expect(solverOf(recipe.sampling.solver).name).toBe(recipe.sampling.solver.name);
  });

  it("ddpm-cifar10 has the 35.7 M parameters of the paper, and its other numbers", () => {
    // Ho et al. 2020, appendix B; 35,746,307 is the size of the checkpoint google/ddpm-cifar10-32 in diffusers.
    const { network, training, objective } = recipes["ddpm-cifar10"];
    expect(countParameters(networkFrom(network))).toBe(35_746_307);
    expect(training).toMatchObject({ steps: 800_000, batch: 128, clip: 1, ema: { decay: 0.9999 } });
    expect(training.learningRate).toMatchObject({ peak: 2e-4, warmup: 5000, decay: "constant" });
    expect(objective).toMatchObject({ prediction: "noise", path: { name: "linear", start: 1e-4, end: 0.02 } });
  });

  it("digits and its long form differ in training alone", () => {
    const { network, objective, data, sampling } = recipes["digits-long"];
    expect({ network, objective, data, sampling }).toEqual({
      network: digits.network,
      objective: digits.objective,
      data: digits.data,
      sampling: digits.sampling,
    });
    expect(recipes["digits-long"].training.budgetSeconds).toBeUndefined();
    expect(networkFrom(digits.network).imageShape).toEqual([1, 28, 28]);
  });

  it("offers the nearest names for a recipe that is not there", () => {
    expect(() => recipeNamed("ddpm-cifar")).toThrow(/no such recipe: "ddpm-cifar".*Did you mean ddpm-cifar10/);
    expect(recipeNamed("mine", { mine: digits })).toBe(digits);
    expect(() => recipeNamed("mina", { mine: digits })).toThrow(/mine/);
    expect(() => recipeNamed("toString")).toThrow(ConfigError);
  });
});

describe("a recipe that is wrong", () => {
  const broken: [string, (recipe: Record<string, never>) => void, RegExp][] = [
    ["an unknown field", (r) => Object.assign(r, { trainning: {} }), /unknown field trainning\. Did you mean training/],
    ["an unknown inner field", (r) => Object.assign(r.training, { bach: 3 }), /training\.bach\. Did you mean batch/],
    ["a mistyped field", (r) => Object.assign(r.training, { batch: "64" }), /training\.batch.*given "64"/],
    ["no batch", (r) => Object.assign(r.training, { batch: 0 }), /training\.batch: .*from 1.*given 0/],
    ["no steps", (r) => Object.assign(r.training, { steps: 0 }), /training\.steps: .*from 1.*given 0/],
    ["an unknown path", (r) => Object.assign(r.objective, { path: { name: "streightLine" } }), /straightLine/],
    ["a time sampler of another path", (r) => Object.assign(r.objective, { path: { name: "linear" } }), /logitNormal/],
    ["an unknown solver", (r) => Object.assign(r.sampling, { solver: { name: "dimm" } }), /unknown solver.*ddim/],
    ["a solver of other paths", (r) => Object.assign(r.sampling, { solver: { name: "ddpm" } }), /ddpm.*straightLine/],
    [
      "guidance without classes",
      (r) => Object.assign(r.network, { unet: { ...digits.network.unet, num_class_embeds: null } }),
      /guidance.*no classes/,
    ],
    ["a solver's option", (r) => Object.assign(r.sampling, { solver: { name: "ddim", step: 5 } }), /"step".*steps/],
    ["unknown data", (r) => Object.assign(r, { data: { name: "digit" } }), /data\.name.*Did you mean digits/],
    ["a field of the data", (r) => Object.assign(r, { data: { name: "folder", sise: 8 } }), /sise\. Did you mean size/],
    ["a field of the network", (r) => Object.assign((r.network as { unet: object }).unet, { dropot: 1 }), /dropout/],
    [
      "levels that do not agree",
      (r) => Object.assign((r.network as { unet: object }).unet, { block_out_channels: [8] }),
      /levels/,
    ],
    ["a name that is no folder's", (r) => Object.assign(r, { name: "../x" }), /name/],
  ];
  it.each(broken)("%s is a ConfigError that says so", (_, breakIt, message) => {
    const recipe = plain();
    breakIt(recipe as never);
    expect(() => parseRecipe(recipe, "langevin.config.ts: recipe digits")).toThrow(ConfigError);
    expect(() => parseRecipe(recipe, "langevin.config.ts: recipe digits")).toThrow(message);
    expect(() => parseRecipe(recipe, "langevin.config.ts: recipe digits")).toThrow(/^langevin\.config\.ts/);
  });
});

describe("changing a recipe", () => {
  it("sets a field by its path, from JSON or text", () => {
    expect(withField(digits, "training.batch", "32").training.batch).toBe(32);
    expect(withField(digits, "training.learningRate.decay", "linear").training.learningRate.decay).toBe("linear");
    expect(withField(digits, "training.clip", "1").training.clip).toBe(1);
    expect(withField(digits, "training.budgetSeconds", "null").training.budgetSeconds).toBeUndefined();
    expect(withField(digits, "network.unet.dropout", "0.1").network.unet!.dropout).toBe(0.1);
    expect(withFields(digits, ["training.batch=8", "training.steps = 9"]).training).toMatchObject({
      batch: 8,
      steps: 9,
    });
    expect(digits.training.batch).toBe(64);
  });

  it("refuses fields that do not exist, and values that do not fit", () => {
    expect(() => withField(digits, "batch", "3")).toThrow(/no field batch\. Did you mean training\.batch\?/);
    expect(() => withField(digits, "training.bach", "3")).toThrow(/Did you mean batch/);
    expect(() => withField(digits, "trainig.batch", "3")).toThrow(/training\.batch/);
    expect(() => withField(digits, "training.batch", "many")).toThrow(/given "many"/);
    expect(() => withField(digits, "training.batch", "null")).toThrow(ConfigError);
    expect(() => withFields(digits, ["training.batch"])).toThrow(/field=value/);
  });

  it("moves attention along with the size, so that it stays at 16 × 16", () => {
    const { network, data } = withSize(recipes["ddpm-folder"], 32);
    expect(network.unet!.sample_size).toBe(32);
    expect(data).toMatchObject({ size: 32 });
    expect(network.unet!.down_block_types.indexOf("AttnDownBlock2D")).toBe(1); // 32, 16
    expect(network.unet!.up_block_types.indexOf("AttnUpBlock2D")).toBe(2);
    const larger = withSize(recipes["ddpm-folder"], 128).network.unet!;
    expect(larger.down_block_types.indexOf("AttnDownBlock2D")).toBe(3); // 128, 64, 32, 16
    expect(() => withSize(recipes["ddpm-folder"], 60)).toThrow(/multiple of 8, not 60; try 56 or 64/);
    expect(() => withSize(digits, 32)).toThrow(/folder/);
  });

  it("takes other data: a name, or a folder in the size of the network", () => {
    expect(withData(digits, "fashion").data).toEqual({ name: "fashion", split: "train" });
    expect(withData(digits, "pictures/").data).toMatchObject({
      name: "folder",
      path: "pictures/",
      size: 28,
      channels: 1,
    });
    const cifar = withData(recipes["ddpm-cifar10"], "cifar/").data;
    expect(cifar).toMatchObject({ path: "cifar/", flip: true, labels: "none", size: 32 });
  });

  it("keeps points for a network of points", () => {
    const points = parseRecipe({ ...digits, network: { mlp: {} }, data: { name: "moons" }, sampling: {} }, "points");
    expect(withData(points, "swissRoll").data).toEqual({ name: "swissRoll", points: 100_000, seed: 0 });
    expect(withField(points, "network.mlp.width", "64").network.mlp?.width).toBe(64);
    expect(() => withData(points, "pictures/")).toThrow(/takes points of the plane.*one of moons, swissRoll/);
    expect(() => withSize(points, 32)).toThrow(/has no pixels/);
  });

  it("asks for the folder that a recipe needs", async () => {
    await expect(openData(recipes["ddpm-cifar10"].data)).rejects.toThrow(/--data/);
  });
});
