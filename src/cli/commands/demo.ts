/**
 * `langevin demo`: what langevin does, in five minutes. Draws digits with the weights that come with the package, then trains
 * a fresh model before the user's eyes, and leaves its run folder with pictures.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeSamples } from "../../pipelines/pictures.node.ts";
import { sample } from "../../pipelines/sample.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { recipes } from "../../recipes/registry.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { freeFolder } from "../arguments.ts";
import { exitCodes } from "../exit.ts";
import { openForDrawing } from "../model.ts";
import { command, shipped } from "../package.ts";
import { bold, note, print, show } from "../show.ts";
import { formatDuration } from "../terminal/format.ts";
import { tableLines } from "../terminal/table.ts";
import { trainWithProgress } from "./train.ts";

export interface DemoCommandOptions {
  out?: string;
  seconds?: number;
  seed?: number;
  device: string;
  threads?: number;
}

/** Seconds that starting up, grids and pictures take beside the training itself. */
const AROUND = 30;

export async function demoCommand(options: DemoCommandOptions): Promise<number> {
  const runtime = nodeRuntime(options.device);
  const folder = options.out ?? freeFolder(join("runs", "demo"));
  const files: [string, string][] = [];

  const weights = shipped("digits");
  if (existsSync(weights)) {
    const { request } = await openForDrawing(weights, options);
    const { images, shape } = await sample(request);
    const written = await writeSamples(join(folder, "shipped.png"), images, shape);
    show(written);
    note(`${shape[0]} digits drawn with the weights that come with langevin: ${written.path}`);
    files.push([written.path, "digits from the weights that come with langevin"]);
  } else note("this copy of langevin comes without trained weights, so it begins with training");

  const recipe = demoRecipe(options);
  note(`now a fresh model learns them, for ${formatDuration(recipe.training.budgetSeconds!)} (Ctrl-C stops and saves)`);
  const onPicture = (written: Parameters<typeof show>[0]) => show(written);
  const result = await trainWithProgress({ recipe, folder, runtime, onPicture });
  if (result.interrupted) {
    print(`stopped after step ${result.step}; go on with: ${command} train --resume ${folder}`);
    return exitCodes.interrupted;
  }

  const about: Record<string, string> = {
    "samples.png": "digits from the model that was just trained",
    "denoising.webp": "how they come out of noise (left) and what the model expects (right)",
    "forward.png": "how digits become noise: what the model learns to undo",
  };
  for (const [name, text] of Object.entries(about)) files.push([join(folder, name), text]);
  files.push([`${folder}/`, "the run: weights, ONNX model, metrics, everything needed to go on"]);
  print();
  print(bold(`${result.step} steps in ${formatDuration(result.seconds)}. Written:`));
  for (const line of tableLines(files, { indent: 2 })) print(line);
  print();
  print(bold("Next:"));
  print(`  ${command} sample ${folder} --count 100 --seed 1`);
  print(`  ${command} evaluate ${folder}`);
  return exitCodes.ok;
}

/** The recipe `digits`, in the time that was given for all of it. */
function demoRecipe({ seconds, seed = 0, threads }: DemoCommandOptions): Recipe {
  const { digits } = recipes;
  const most = digits.training.budgetSeconds!;
  const budgetSeconds = seconds === undefined ? most : Math.max(seconds / 2, seconds - AROUND);
  return { ...digits, training: { ...digits.training, budgetSeconds, seed, threads } };
}
