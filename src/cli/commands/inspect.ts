/**
 * `langevin inspect`: what a recipe or a run is made of, and whether a folder is fit for use.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FileAccessError } from "../../core/errors.ts";
import { didYouMean } from "../../core/suggest.ts";
import { predictionFrom } from "../../diffusion/prediction.ts";
import type { ImageNetwork } from "../../models/network.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { recipes } from "../../recipes/registry.ts";
import { loadCheckpoint, loadModel, RUN_FILE, readRun, STATE_FILE } from "../../train/index.node.ts";
import { networkFrom } from "../../train/index.ts";
import { projectRecipes } from "../config-file.ts";
import { exitCodes } from "../exit.ts";
import { type Block, blocksOf, type GraphFigures, samplingFigures, trainingFigures } from "../footprint.ts";
import { checkImageFolder } from "../image-check.ts";
import { command } from "../package.ts";
import { bold, print, printJson } from "../show.ts";
import { formatBytes, formatInteger } from "../terminal/format.ts";
import { tableLines } from "../terminal/table.ts";
import { recipeFrom } from "../training-run.ts";

export interface InspectCommandOptions {
  all?: boolean;
  batch?: number;
  json?: boolean;
}

export async function inspectCommand(what: string, options: InspectCommandOptions): Promise<number> {
  const known: Record<string, Recipe> = { ...recipes, ...(await projectRecipes(process.cwd())) };
  if (Object.hasOwn(known, what)) return inspectNetwork(known[what], networkFrom(known[what].network), options);
  if (!existsSync(what)) {
    throw new ConfigError(`${what} is neither a folder nor a recipe. ${didYouMean(what, Object.keys(known))}`);
  }
  if (existsSync(join(what, RUN_FILE))) return await inspectRun(what, options);
  if (existsSync(join(what, "config.json"))) return await inspectModel(what, options);
  return await inspectImages(what, options);
}

async function inspectImages(folder: string, { json }: InspectCommandOptions): Promise<number> {
  const check = await checkImageFolder(folder);
  const usable = check.problems.length === 0 && check.images > 0;
  if (json) {
    printJson(check);
    return usable ? exitCodes.ok : exitCodes.error;
  }
  const { images, grey, colour, smallest, largest, classes, problems } = check;
  print(`${formatInteger(images)} images in ${folder}: ${formatInteger(colour)} colour, ${formatInteger(grey)} grey`);
  if (smallest && largest) print(`from ${smallest.join("×")} to ${largest.join("×")} pixels`);
  if (classes.length > 0) print(`${classes.length} classes: ${classes.join(", ")}`);
  for (const problem of problems) print(problem);
  if (usable) print(`ready: ${command} train ddpm-folder --data ${folder}`);
  else print(`not ready: ${problems.length} bad; repair or remove them, or train with --skip-bad`);
  return usable ? exitCodes.ok : exitCodes.error;
}

/** Loads all that a run holds, so that damage shows. */
async function inspectRun(folder: string, options: InspectCommandOptions): Promise<number> {
  const run = await readRun(folder);
  const recipe = run.recipe === undefined ? undefined : recipeFrom(run, folder);
  const network = networkFrom(run.network);
  const found: Record<string, string> = {};
  if (existsSync(join(folder, STATE_FILE))) {
    const { step, steps } = await loadCheckpoint(folder, network);
    found.state = `${STATE_FILE}, step ${step} of ${steps}`;
  }
  try {
    found.weights = (await loadModel(folder)).file;
  } catch (error) {
    if (!(error instanceof FileAccessError)) throw error;
    found.weights = "none yet";
  }
  return inspectNetwork(recipe, network, options, found);
}

async function inspectModel(folder: string, options: InspectCommandOptions): Promise<number> {
  const { network, file } = await loadModel(folder);
  return inspectNetwork(undefined, network, options, { weights: file });
}

function inspectNetwork(
  recipe: Recipe | undefined,
  network: ImageNetwork,
  { all, batch, json }: InspectCommandOptions,
  found: Record<string, string> = {},
): number {
  const blocks = blocksOf(network, all);
  const parameters = blocks.reduce((sum, block) => sum + block.parameters, 0);
  const { optimiser = {}, clip } = recipe?.training ?? {};
  const trainingBatch = batch ?? recipe?.training.batch ?? 1;
  const samplingBatch = batch ?? Math.min(64, recipe?.sampling.count ?? 1);
  const sampling = samplingFigures(network, samplingBatch);
  // A network with learned variances can be sampled from, not trained yet.
  const trainable = network.outputChannels === network.imageShape[0];
  const training = trainable ? trainingFigures(network, { batch: trainingBatch, optimiser, clip }) : undefined;
  if (json) {
    printJson({ ...found, recipe, imageShape: network.imageShape, parameters, blocks, training, sampling });
    return exitCodes.ok;
  }
  if (recipe) printRecipe(recipe);
  for (const [name, text] of Object.entries(found)) print(`${name}: ${text}`);
  print();
  printBlocks(blocks, parameters);
  print();
  printGraphs(training, sampling);
  return exitCodes.ok;
}

function printRecipe({ name, about, paper, published, objective, data, training, sampling, network }: Recipe): void {
  const { name: solver, ...solverOptions } = sampling.solver;
  const options = (values: object) => Object.entries(values).map(([key, value]) => `${key} ${value}`);
  const rate = training.learningRate;
  const ends = Object.entries(published).map(([measure, value]) => `${measure} ${value}`);
  const rows = [
    ["path", objective.path.name, ...options(rest(objective.path))],
    ["predicts", predictionFrom(objective.prediction).name],
    ["times", objective.time.name, ...options(rest(objective.time)), `weight ${objective.weight}`],
    ["network", ...networkWords(network)],
    ["solver", solver, ...options(solverOptions)],
    ["data", data.name, ...options(rest(data))],
    ["training", `${formatInteger(training.steps)} steps of ${training.batch}`, `Adam ${rate.peak}, ${rate.decay}`],
  ];
  print(bold(name) + (about ? `: ${about}` : ""));
  if (paper) print(`${paper.title}, ${paper.url}`);
  if (ends.length > 0) print(`published: ${ends.join(", ")}`);
  print();
  for (const line of tableLines(rows.map(([column, ...values]) => [column, values.join(", ")]))) print(line);
}

function networkWords({ unet, mlp, patch }: Recipe["network"]): string[] {
  if (mlp) return [`MLP ${mlp.width}`, `${mlp.blocks} blocks`];
  return [`U-Net ${unet!.block_out_channels.join(", ")}`, ...(patch ? [`patches of ${patch}`] : [])];
}

function rest(named: { name: string }): object {
  const { name: _, ...others } = named;
  return others;
}

function printBlocks(blocks: readonly Block[], parameters: number): void {
  const share = (count: number) => `${((100 * count) / parameters).toFixed(1)} %`;
  const rows = blocks.map(({ name, tensors, parameters: count }) => [name, tensors, count, share(count)]);
  const tensors = blocks.reduce((sum, block) => sum + block.tensors, 0);
  rows.push(["total", tensors, parameters, formatBytes(4 * parameters)]);
  const align = [undefined, undefined, undefined, "right"] as const;
  const header = ["block", "tensors", "parameters", ""];
  for (const line of tableLines(rows, { header, align, styleHeader: bold })) print(line);
}

function printGraphs(training: GraphFigures | undefined, sampling: GraphFigures): void {
  const ops = [...new Set([...Object.keys(training?.ops ?? {}), ...Object.keys(sampling.ops)])];
  const total = (figures?: GraphFigures) =>
    figures && Object.values(figures.ops).reduce((sum, count) => sum + count, 0);
  const rows = ops.map((op) => [op, training?.ops[op], sampling.ops[op]]);
  rows.push(["total", total(training), total(sampling)]);
  const header = ["operation", "training", "sampling"];
  for (const line of tableLines(rows, { header, styleHeader: bold })) print(line);
  print();
  const memory = ({ batch, bytes }: GraphFigures) => `${formatBytes(bytes)} at batch ${batch}`;
  const parts = [...(training ? [`training ${memory(training)}`] : []), `sampling ${memory(sampling)}`];
  print(`memory of the arrays of a step, estimated (the runtime's own comes on top): ${parts.join(", ")}`);
}
