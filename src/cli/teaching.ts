/**
 * What a recipe with a teacher needs before it trains: the teacher itself, the weights to begin with, and pairs in place of
 * the data. Pairs are made once and stay in the run folder, so a resumed run has them without its teacher.
 */
import { existsSync } from "node:fs";
import { ConfigError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { makeFolder } from "../io/files.node.ts";
import type { Weights } from "../nn/weights.ts";
import { type Recipe, type SolverConfig, solverOf } from "../recipes/recipe.ts";
import type { Runtime } from "../runtime/session.ts";
import { loadPairs, openTeacher, pairsFile, savePairs } from "../train/index.node.ts";
import { alone, type Group, makePairs, pairsDataset, type Teacher } from "../train/index.ts";
import { command } from "./package.ts";

export interface TeachingOptions {
  recipe: Recipe;
  folder: string;
  resume: boolean;
  runtime: Runtime;
  group?: Group;
  signal: AbortSignal;
  onNote: (text: string) => void;
  /** Pairs made, of all. */
  onDrawing?: (done: number, of: number) => void;
}

export interface Teaching {
  teacher?: Teacher;
  initial?: Weights;
  data: Dataset;
}

/** Raises a ConfigError where the teacher has still to be named, and what `openTeacher` and the pairs raise. */
export async function openTeaching(options: TeachingOptions, data: Dataset): Promise<Teaching> {
  const { recipe, folder, resume, runtime, signal, onNote, onDrawing } = options;
  if (recipe.teacher === undefined) return { data };
  const { run, guidance, initial, pairs } = recipe.teacher;
  if (run === undefined) {
    throw new ConfigError(
      `${recipe.name} distils a trained network: name its run folder with ${command} train ${recipe.name} --teacher runs/<name>`,
    );
  }
  const path = pairsFile(folder);
  if (pairs && resume && existsSync(path)) return { data: pairsDataset(await loadPairs(path)) };
  const teacher = await openTeacher(run, { runtime, threads: recipe.training.threads, guidance });
  const start = initial && !resume ? { initial: teacher.weights } : {};
  if (!pairs) return { teacher, data, ...start };
  onNote(`making ${pairs.count} pairs of noise and image with ${run}`);
  const made = await makePairs({
    teacher,
    solver: solverOf(pairs.solver as SolverConfig),
    count: pairs.count,
    classes: teacher.network.classes === undefined ? undefined : data.classes,
    seed: recipe.training.seed,
    signal,
    onPairs: onDrawing,
  });
  // Ranks make the same pairs each: not all of them need reach the run folder.
  if ((options.group ?? alone).rank === 0) {
    await makeFolder(folder);
    await savePairs(path, made);
  }
  return { teacher, data: pairsDataset(made), ...start };
}
