/**
 * `langevin recipes`: what can be trained.
 */
import { predictionFrom } from "../../diffusion/prediction.ts";
import { recipes } from "../../recipes/registry.ts";
import { projectRecipes } from "../config-file.ts";
import { exitCodes } from "../exit.ts";
import { command } from "../package.ts";
import { bold, print, printJson } from "../show.ts";
import { tableLines } from "../terminal/table.ts";

export async function recipesCommand({ json }: { json?: boolean }): Promise<number> {
  const all = { ...recipes, ...(await projectRecipes(process.cwd())) };
  if (json) {
    printJson(Object.values(all));
    return exitCodes.ok;
  }
  const rows = Object.values(all).map(({ name, about, objective, sampling, training }) => [
    name,
    `${predictionFrom(objective.prediction).name} on ${objective.path.name}, ${sampling.solver.name}`,
    training.steps,
    about,
  ]);
  const options = { header: ["recipe", "method", "steps", "about"], styleHeader: bold };
  for (const line of tableLines(rows, { ...options, maxWidth: process.stdout.columns })) print(line);
  print();
  print(`${command} inspect <recipe> shows one, ${command} train <recipe> trains it.`);
  return exitCodes.ok;
}
