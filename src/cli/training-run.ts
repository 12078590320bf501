/**
 * A recipe trained into a run folder: opens the data, trains, notes every step, saves, draws grids of the averaged weights on
 * the way, and at the end the model, its ONNX file and the three pictures.
 *
 * A grid on the way has 36 images, or 500 points, by a quick solver.
 *
 * Ranks that train together open their data each, and all the rest is rank 0's work. It saves before the first step too, when it
 * is asked to stop (a launcher may not wait for the step to end), and when a rank is lost.
 */
import { join } from "node:path";
import { ConfigError, GroupError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { arePoints, readPoints } from "../data/toy.ts";
import { type Objective, objectiveFrom } from "../diffusion/objective.ts";
import { makeFolder, writeFileAtomic } from "../io/files.node.ts";
import type { ImageNetwork } from "../models/network.ts";
import { type WrittenPicture, writeDenoising, writeForward, writeSamples } from "../pipelines/pictures.node.ts";
import { MOST_REAL } from "../pipelines/points.ts";
import { type SampleRequest, sample } from "../pipelines/sample.ts";
import { describeRecipe, recipeOfDescription } from "../recipes/described-run.ts";
import { openData } from "../recipes/open-data.node.ts";
import { quickSolver } from "../recipes/quick-solver.ts";
import { type Recipe, solverOf } from "../recipes/recipe.ts";
import type { Runtime } from "../runtime/session.ts";
import {
  checkFree,
  createRun,
  exportOnnx,
  loadCheckpoint,
  ONNX_FILE,
  openMetrics,
  openRun,
  RUN_FILE,
  type RunDescription,
  saveModel,
} from "../train/index.node.ts";
import { alone, type Group, lossOf, networkFrom, type Tick, type Training, train } from "../train/index.ts";
import { markTraining } from "../train/training-mark.node.ts";
import { version } from "../version.node.ts";
import { command } from "./package.ts";
import { Saves } from "./saves.ts";
import { openTeaching } from "./teaching.ts";

export interface TrainingRunOptions {
  recipe: Recipe;
  folder: string;
  /** Go on with the state in the folder. */
  resume?: boolean;
  runtime: Runtime;
  /** The ranks that train together. Only rank 0 writes and draws; the run folder need be there for it alone. */
  group?: Group;
  /** Steps between two grids of samples; 0 for none. Default: at a tenth, a quarter, a half and three quarters. */
  sampleEvery?: number;
  /** Whether to draw the three pictures at the end. Default true. */
  pictures?: boolean;
  /** Leave out files of the data that are no usable images. */
  skipBad?: boolean;
  /** What `run.json` holds, where that is not the recipe alone; it is written already. */
  described?: RunDescription;
  signal: AbortSignal;
  onTick: (tick: Tick) => void;
  /** A line that the user should see. */
  onNote: (text: string) => void;
  /** A grid of samples was written. */
  onPicture?: (written: WrittenPicture, step: number) => void;
  /** The drawing of the pictures at the end: solver steps done, of all. */
  onDrawing?: (done: number, of: number) => void;
}

export interface TrainingRunResult {
  folder: string;
  recipe: string;
  /** Updates done, of those planned. */
  step: number;
  steps: number;
  /** Seconds of training, without saving and drawing. */
  seconds: number;
  /** Mean over the last steps. */
  loss?: number;
  /** Stopped before the last step; `train --resume` goes on. */
  interrupted: boolean;
  /** Files of pictures that were drawn at the end. */
  pictures: string[];
}

/** Seconds between two checkpoints. */
const CHECKPOINT_SECONDS = 60;
const GRID = { count: 36, points: 500 };
/** Points in an animation. */
const PARTICLES = 500;
/** Shares of the run after which a grid is drawn. */
const GRID_SHARES = [0.1, 0.25, 0.5, 0.75];
/** Steps over which the loss of the result is averaged. */
const LOSS_STEPS = 50;
/** A file of metrics holds at most about as many lines. */
const MOST_LINES = 50_000;
const BUCKETS_EVERY = 50;

/** Raises what the data, the folder and the training raise; the last checkpoint stays in the folder then. */
export async function runTraining(options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { recipe, folder, resume = false, runtime, signal, group = alone } = options;
  const writes = group.rank === 0;
  const network = networkFrom(recipe.network);
  const objective = objectiveFrom(recipe.objective);
  const opened = await openData(recipe.data, {
    skipBad: options.skipBad,
    onSkip: (_, reason) => options.onNote(`left out: ${reason}`),
  });
  if (writes && !resume && options.described === undefined) checkFree(folder);
  const { teacher, initial, data } = await openTeaching({ ...options, resume }, opened);
  await using _ = teacher;
  const minimised = lossOf(objective, teacher);
  const from = resume && writes ? await loadCheckpoint(folder, network, minimised.module) : undefined;
  const training = train({
    ...recipe.training,
    network,
    objective,
    loss: minimised,
    data,
    runtime,
    from,
    initial,
    signal,
    group,
  });
  if (training.step >= training.steps) {
    throw new ConfigError(`${folder} has done its ${training.step} steps; give more with --steps to go on`);
  }
  if (!writes) return await follow(training, group, options);
  const { described = describe(recipe) } = options;
  if (resume || options.described) {
    await makeFolder(folder);
    await writeFileAtomic(join(folder, RUN_FILE), `${JSON.stringify(described, null, 2)}\n`);
  } else await createRun(folder, described);
  await using _mark = await markTraining(folder);
  const threads = recipe.training.threads ?? group.threads;
  const ranks = group.size > 1 ? ` on ${group.size} ranks of ${threads === 1 ? "1 thread" : `${threads} threads`}` : "";
  const begun = resume ? `${folder} goes on after step ${training.step}` : `training ${recipe.name} into ${folder}`;
  options.onNote(`${begun}${ranks}`);

  const real = await realPoints(opened);
  const loss = await loop({ ...options, network, objective, training, real });
  const { weights, average, learnedPath } = training;
  await saveModel(folder, { network, weights, average, learnedPath });
  const interrupted = training.step < training.steps;
  const result = { folder, recipe: recipe.name, step: training.step, steps: training.steps, interrupted, loss };
  const pictures: string[] = [];
  if (!interrupted) {
    await exportOnnx(join(folder, ONNX_FILE), { network, weights: training.average });
    if (options.pictures !== false) {
      await drawPictures({ ...options, network, objective, training, real }, pictures);
      const forward = join(folder, "forward.png");
      await writeForward(forward, { data: opened, noisePath: objective.path, seed: recipe.training.seed });
      pictures.push(forward);
    }
  }
  await group.barrier(); // others may read what was written
  return { ...result, seconds: training.state().seconds, pictures };
}

/** A rank that does not write: its steps, until rank 0 has written all. */
async function follow(
  training: Training,
  group: Group,
  { folder, recipe }: TrainingRunOptions,
): Promise<TrainingRunResult> {
  for await (const _ of training);
  await group.barrier();
  const { step, steps } = training;
  const { seconds } = training.state();
  return { folder, recipe: recipe.name, step, steps, seconds, interrupted: step < steps, pictures: [] };
}

/** Points to be shown under drawn ones; none where the data are images. */
export async function realPoints(data: Dataset): Promise<Float32Array | undefined> {
  if (!arePoints([data.channels, data.height, data.width])) return undefined;
  return await readPoints(data, Math.min(MOST_REAL, data.size));
}

type LoopOptions = TrainingRunOptions & {
  network: ImageNetwork;
  objective: Objective;
  training: Training;
  real?: Float32Array;
};

/** Trains to the end, or until stopped. Returns the mean loss of the last steps. */
async function loop(options: LoopOptions): Promise<number | undefined> {
  const { folder, signal, network, training } = options;
  const saves = new Saves(folder, network, training);
  if (options.group && options.group.size > 1) {
    if (training.step === 0) await saves.save();
    signal.addEventListener("abort", () => void saves.save().catch(() => {}), { once: true });
  }
  try {
    return await trainSteps(options, saves);
  } catch (error) {
    if (error instanceof GroupError) {
      await saves.save();
      options.onNote(
        `saved step ${training.step}; go on with: ${command} train --resume ${folder}, on any number of ranks`,
      );
    }
    throw error;
  }
}

/** Steps until the last one, or until stopped; saves, and draws on the way. Returns the mean loss of the last steps. */
async function trainSteps(options: LoopOptions, saves: Saves): Promise<number | undefined> {
  const { folder, recipe, runtime, sampleEvery, signal, network, objective, training, real } = options;
  const metrics = await openMetrics(folder, training.step);
  const every = Math.max(1, Math.ceil(training.steps / MOST_LINES));
  const losses: number[] = [];
  let saved = performance.now();
  let grids = GRID_SHARES.filter((share) => share * training.steps > training.step);
  for await (const tick of training) {
    const { step, steps, lossByNoise, ...figures } = tick; // a budget of time changes the number of steps
    losses.push(tick.loss);
    if (losses.length > LOSS_STEPS) losses.shift();
    options.onTick(tick);
    const last = step >= steps;
    if (step % every === 0 || last) {
      const buckets = step % BUCKETS_EVERY === 0 || last ? { lossByNoise } : {};
      await metrics.append({ step, steps, ...figures, ...buckets });
    }
    const due = sampleEvery === undefined ? step >= grids[0] * steps : sampleEvery > 0 && step % sampleEvery === 0;
    if (due && !last && !signal.aborted) {
      grids = grids.filter((share) => step < share * steps);
      const solver = quickSolver(recipe, objective);
      await training.settle();
      const request = {
        network,
        objective: training.objective,
        runtime,
        solver,
        weights: training.average,
        threads: recipe.training.threads,
      };
      const count = arePoints(network.imageShape) ? GRID.points : GRID.count;
      const { images, shape } = await sample({ ...request, count, seed: recipe.sampling.seed });
      const path = join(folder, "samples", `step-${String(step).padStart(6, "0")}.png`);
      const written = await writeSamples(path, images, shape, { real });
      options.onPicture?.(written, step);
    }
    if ((performance.now() - saved) / 1000 > CHECKPOINT_SECONDS && !last) {
      await saves.save();
      saved = performance.now();
    }
  }
  await saves.save();
  return losses.length === 0 ? undefined : losses.reduce((sum, value) => sum + value, 0) / losses.length;
}

/** `samples.png` and `denoising.webp`. When it is stopped, what was drawn stays. */
async function drawPictures(options: LoopOptions, drawn: string[]): Promise<void> {
  const { folder, recipe, network, runtime, training, signal, onDrawing, real } = options;
  const { count, seed, guidance, solver } = recipe.sampling;
  const request: SampleRequest = {
    network,
    objective: training.objective,
    runtime,
    weights: training.average,
    threads: recipe.training.threads,
    solver: solverOf(solver),
    count,
    seed,
    guidance,
    signal,
  };
  try {
    const { images, shape } = await sample({ ...request, onStep: onDrawing });
    const path = join(folder, "samples.png");
    const written = await writeSamples(path, images, shape, { real });
    drawn.push(path);
    options.onPicture?.(written, training.step);
    const way = join(folder, "denoising.webp");
    await writeDenoising(way, { ...request, count: Math.min(count, real ? PARTICLES : 16) }, { real });
    drawn.push(way);
  } catch (error) {
    if (!signal.aborted) throw error;
    options.onNote(`the pictures were not drawn; langevin sample ${folder} draws them`);
  }
}

/** What `run.json` holds. */
export const describe = (recipe: Recipe): RunDescription => describeRecipe(recipe, version);

/** The recipe of a run folder, for resuming and sampling. Raises what `openRun` raises, and a ConfigError. */
export async function recipeOfRun(folder: string): Promise<Recipe> {
  return recipeFrom(await openRun(folder), folder);
}

/** The recipe that a `run.json` describes. */
export function recipeFrom(run: RunDescription, folder: string): Recipe {
  return recipeOfDescription(run, folder, join(folder, RUN_FILE));
}
