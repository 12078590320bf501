/**
 * The registry of recipes: a new recipe is one file and one entry here.
 */
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { consistency, consistencyTraining } from "./consistency.ts";
import { ddpm } from "./ddpm.ts";
import { ddpmCifar10 } from "./ddpm-cifar10.ts";
import { ddpmDigits } from "./ddpm-digits.ts";
import { ddpmFolder } from "./ddpm-folder.ts";
import { digits } from "./digits.ts";
import { digitsLong } from "./digits-long.ts";
import { digitsTeacher } from "./digits-teacher.ts";
import { edm } from "./edm.ts";
import { flowMatching } from "./flow-matching.ts";
import { improvedDdpm, improvedDdpmBound } from "./improved-ddpm.ts";
import { knowledgeDistillation } from "./knowledge-distillation.ts";
import { ncsn } from "./ncsn.ts";
import { progressiveDistillation } from "./progressive-distillation.ts";
import type { Recipe } from "./recipe.ts";
import { reflow } from "./reflow.ts";
import { scoreSdeSubVp, scoreSdeVe, scoreSdeVp } from "./score-sde.ts";
import { toyDdpm } from "./toy-ddpm.ts";
import { toyEdm } from "./toy-edm.ts";
import { toyFlow } from "./toy-flow.ts";
import { toyScore } from "./toy-score.ts";
import { vdm } from "./vdm.ts";

/** Every recipe that comes with langevin, by its name. */
export const recipes = {
  digits,
  "digits-long": digitsLong,
  ddpm,
  "improved-ddpm": improvedDdpm,
  "improved-ddpm-bound": improvedDdpmBound,
  ncsn,
  "score-sde-vp": scoreSdeVp,
  "score-sde-sub-vp": scoreSdeSubVp,
  "score-sde-ve": scoreSdeVe,
  edm,
  vdm,
  "flow-matching": flowMatching,
  "digits-teacher": digitsTeacher,
  "progressive-distillation": progressiveDistillation,
  consistency,
  "consistency-training": consistencyTraining,
  "knowledge-distillation": knowledgeDistillation,
  reflow,
  "ddpm-digits": ddpmDigits,
  "ddpm-cifar10": ddpmCifar10,
  "ddpm-folder": ddpmFolder,
  "toy-ddpm": toyDdpm,
  "toy-score": toyScore,
  "toy-flow": toyFlow,
  "toy-edm": toyEdm,
} as const satisfies Record<string, Recipe>;

export type RecipeName = keyof typeof recipes;

/** The recipe of a name. An unknown name is a ConfigError with the nearest names; `own`: recipes of a project. */
export function recipeNamed(name: string, own: Readonly<Record<string, Recipe>> = {}): Recipe {
  const all: Readonly<Record<string, Recipe>> = { ...recipes, ...own };
  if (Object.hasOwn(all, name)) return all[name];
  throw new ConfigError(`no such recipe: ${JSON.stringify(name)}. ${didYouMean(name, Object.keys(all))}`);
}
