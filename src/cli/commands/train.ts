/**
 * `langevin train`: trains a recipe into a run folder, or goes on with a run.
 */
import { basename, join, resolve } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import { withData, withFields, withSize } from "../../recipes/change.ts";
import { withTeacher } from "../../recipes/phases.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { recipeNamed } from "../../recipes/registry.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import type { MpiGroup, RunDescription } from "../../train/index.node.ts";
import { shareText } from "../../train/index.ts";
import { freeFolder } from "../arguments.ts";
import { projectRecipes } from "../config-file.ts";
import { exitCodes, interruptible } from "../exit.ts";
import { command } from "../package.ts";
import { runPhases } from "../phased-run.ts";
import { onRanks } from "../ranks.ts";
import { note, print, printJson } from "../show.ts";
import { formatDuration, formatLoss } from "../terminal/format.ts";
import { ProgressLine } from "../terminal/progress.ts";
import { describe, recipeFrom, recipeOfRun, type TrainingRunOptions, type TrainingRunResult } from "../training-run.ts";

export interface TrainCommandOptions {
  out?: string;
  steps?: number;
  batch?: number;
  seed?: number;
  threads?: number;
  device: string;
  data?: string;
  teacher?: string;
  size?: number;
  resume?: string;
  studio?: boolean;
  sampleEvery?: number;
  pictures: boolean;
  skipBad?: boolean;
  set?: string[];
  json?: boolean;
}

export async function trainCommand(name: string | undefined, options: TrainCommandOptions): Promise<number> {
  return await onRanks((group) => trainOn(group, name, options));
}

async function trainOn(group: MpiGroup, name: string | undefined, options: TrainCommandOptions): Promise<number> {
  const runtime = nodeRuntime(options.device);
  const { recipe, folder } = await planned(group, name, options);
  const { sampleEvery, pictures, skipBad, json } = options;
  const resume = options.resume !== undefined;
  await using _studio = options.studio && group.rank === 0 ? await showStudio(folder) : undefined;
  const run = { recipe, folder, resume, runtime, group, sampleEvery, pictures, skipBad };
  const result = await trainWithProgress(run, json || group.rank > 0);
  if (group.rank === 0) {
    if (json) printJson(result);
    else report(result);
  }
  return result.interrupted ? exitCodes.interrupted : exitCodes.ok;
}

/** Serves the studio beside the training, until it ends. */
async function showStudio(folder: string): Promise<AsyncDisposable> {
  const [{ attachStudio }, { studioRoot }] = await Promise.all([
    import("../../server/attached.ts"),
    import("../studio.ts"),
  ]);
  const attached = await attachStudio({ root: await studioRoot(note), runs: folder });
  note(`watch it in the studio: ${attached.url}#/train?watch=${encodeURIComponent(basename(resolve(folder)))}`);
  return attached;
}

/** What is trained, and where: rank 0 reads the command line, and the run folder or the project; the others take its word. */
async function planned(group: MpiGroup, name: string | undefined, options: TrainCommandOptions) {
  let own: { recipe: Recipe; folder: string } | undefined;
  if (group.rank === 0) {
    const recipe = options.resume === undefined ? await newRecipe(name, options) : await resumed(name, options);
    own = { recipe, folder: options.resume ?? options.out ?? freeFolder(join("runs", recipe.name)) };
  }
  if (group.size === 1) return own!;
  const text = await shareText(group, own && JSON.stringify({ run: describe(own.recipe), folder: own.folder }));
  const { run, folder } = JSON.parse(text) as { run: RunDescription; folder: string };
  return own ?? { recipe: recipeFrom(run, folder), folder };
}

/** The recipe of a new run, with the options of the command line. */
async function newRecipe(name: string | undefined, options: TrainCommandOptions): Promise<Recipe> {
  if (name === undefined) {
    throw new ConfigError(`name a recipe to train (${command} recipes lists them), or a run with --resume`);
  }
  let recipe = recipeNamed(name, await projectRecipes(process.cwd()));
  if (options.data !== undefined) recipe = withData(recipe, options.data);
  if (options.size !== undefined) recipe = withSize(recipe, options.size);
  if (options.teacher !== undefined) recipe = withTeacher(recipe, options.teacher);
  const { steps, batch, seed, threads } = options;
  return withFields(withTraining(recipe, { steps, batch, seed, threads }), options.set ?? []);
}

/** The recipe of a run that goes on: only what does not change its meaning may be given. */
async function resumed(name: string | undefined, options: TrainCommandOptions): Promise<Recipe> {
  const { resume, out, batch, seed, data, teacher, size, set, steps, threads } = options;
  const fixed = { recipe: name, out, batch, seed, data, teacher, size, set };
  const given = Object.entries(fixed).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  if (given.length > 0) {
    throw new ConfigError(
      `a run goes on as it began: with --resume, ${given.join(", ")} cannot be given; --steps and --threads can`,
    );
  }
  return withTraining(await recipeOfRun(resume!), { steps, threads });
}

/** A number of steps that was asked for is kept: no budget of time lowers it. */
function withTraining(recipe: Recipe, given: Partial<Recipe["training"]>): Recipe {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const training = { ...recipe.training, ...defined };
  if (given.steps !== undefined) delete training.budgetSeconds;
  return { ...recipe, training };
}

type RunOptions = Omit<TrainingRunOptions, "signal" | "onTick" | "onNote" | "onDrawing">;

/** Trains with a progress line on standard error; Ctrl-C ends it well. */
export async function trainWithProgress(options: RunOptions, quiet = false): Promise<TrainingRunResult> {
  const { recipe } = options;
  const ranks = options.group?.size ?? 1;
  const imagesPerStep = recipe.training.batch * recipe.training.accumulate * ranks;
  let line: ProgressLine | undefined;
  const say = (text: string) => (line ? line.note(text) : quiet || note(text));
  using interrupt = interruptible(say);
  let stage: "training" | "drawing" | undefined;
  /** The line of a stage; a new one where the stage is another. */
  const lineOf = (wanted: typeof stage, open: () => ProgressLine): ProgressLine => {
    if (line === undefined || stage !== wanted) {
      line?.finish();
      line = open();
      stage = wanted;
    }
    return line;
  };
  try {
    return await runPhases({
      ...options,
      signal: interrupt.signal,
      onNote: say,
      onPhase() {
        line?.finish();
        line = undefined;
      },
      onTick({ step, steps, loss, imagesPerSecond }) {
        const open = () => new ProgressLine({ of: steps, start: step - 1, imagesPerStep, quiet });
        lineOf("training", open).update({ step, of: steps, loss, imagesPerSecond });
      },
      onDrawing(done, of) {
        lineOf("drawing", () => {
          if (!quiet) note("drawing samples");
          return new ProgressLine({ of, quiet });
        }).update({ step: done });
      },
    });
  } finally {
    line?.finish();
  }
}

function report({ folder, step, steps, seconds, loss, interrupted }: TrainingRunResult): void {
  if (interrupted) {
    print(`stopped after step ${step} of ${steps}; go on with: ${command} train --resume ${folder}`);
    return;
  }
  const figures = loss === undefined ? "" : `, loss ${formatLoss(loss)}`;
  print(`${step} steps in ${formatDuration(seconds)}${figures}; written to ${folder}`);
  print(`next: ${command} sample ${folder} --seed 1`);
}
