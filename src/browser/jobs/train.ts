/**
 * The job that trains a run and keeps it in the run store, as `langevin train` keeps one in a folder.
 */
import { ConfigError, FileAccessError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { arePoints } from "../../data/toy.ts";
import { objectiveFrom } from "../../diffusion/objective.ts";
import { countParameters } from "../../nn/module.ts";
import { type SampleRequest, sampleSteps } from "../../pipelines/sample.ts";
import { withFields } from "../../recipes/change.ts";
import { quickSolver } from "../../recipes/quick-solver.ts";
import { parseRecipe, type Recipe } from "../../recipes/recipe.ts";
import { recipeNamed } from "../../recipes/registry.ts";
import { lossOf, networkFrom, train as trainNetwork } from "../../train/index.ts";
import type { NoiseBucket } from "../../train/noise-buckets.ts";
import { breathe, type JobContext } from "../job.ts";
import { KeptRun } from "../kept-run.ts";
import { decodePictures, encodePictures, PICTURES_FILE, picturesDataset, readPictures } from "../pictures-data.ts";

export interface TrainRequest {
  /** Name of the run in the store. */
  run: string;
  /** A recipe: one of langevin's by name, or a whole one. Left out to go on with the run in the store. */
  recipe?: string | object;
  /** Fields of the recipe to change, such as `{ "training.batch": 32 }`; null leaves one out. */
  set?: Readonly<Record<string, unknown>>;
  seed?: number;
  /** Updates of the weights. A run that goes on may be given more. */
  steps?: number;
  /** Seconds of training in place of a number of steps. */
  budgetSeconds?: number;
  /** Go on with the run in the store; otherwise a run of this name that is there already is refused. */
  resume?: boolean;
  /** Pictures to train on, for a recipe whose data is a folder. They are kept with the run, so a resumed run needs none. */
  pictures?: readonly File[];
  /** Leave out files that are no pictures; otherwise they are refused. */
  skipBad?: boolean;
  /** Seconds between two grids of samples. 0: none. Default 20. */
  gridSeconds?: number;
  /** Pictures in a grid. Default 16, or 500 points. */
  gridCount?: number;
  /** Seconds between two saves. Default 30. */
  saveSeconds?: number;
}

export type TrainEvent =
  | {
      /** The data are open, the network is there. */
      type: "begun";
      recipe: string;
      step: number;
      steps: number;
      data: { name: string; size: number };
      /** [C, H, W] */
      imageShape: readonly number[];
      parameters: number;
    }
  | {
      type: "tick";
      step: number;
      /** As planned. */
      steps: number;
      loss: number;
      gradientNorm: number;
      learningRate: number;
      imagesPerSecond: number;
      /** Of training so far. */
      seconds: number;
      secondsLeft: number;
      /** Running means of the squared error in parts of the path's times; every so many steps. */
      lossByNoise?: readonly NoiseBucket[];
    }
  /** Samples of the averaged weights: images [N, C, H, W]. */
  | { type: "grid"; step: number; images: Float32Array; shape: readonly number[]; seed: number }
  /** The run as it is at a step is in the store. */
  | { type: "saved"; step: number; bytes: number }
  /** A file was left out. */
  | { type: "skipped"; file: string; reason: string };

export interface TrainResult {
  run: string;
  recipe: string;
  step: number;
  steps: number;
  seconds: number;
  /** Mean of the last steps. */
  loss?: number;
  /** Whether all steps are done; otherwise it was stopped, and can be gone on with. */
  finished: boolean;
}

/** Default seconds between two grids, and between two saves. */
const [GRID_SECONDS, SAVE_SECONDS] = [20, 30];
const GRID = { images: 16, points: 500 };
/** Milliseconds between two ticks that are told, and between two that tell the losses by noise. */
const [TICK_MS, NOISE_MS] = [80, 1000];
/** Steps over which the loss of the result is averaged. */
const LOSS_STEPS = 50;

/**
 * Trains a run, or goes on with one. It is saved now and then, when it is stopped and when it is done; where the loss is no
 * longer finite, the last good state stays. The same seed gives the same run as on Node, to rounding; one that was stopped
 * and gone on with is the one that was not, to the bit.
 *
 * Raises a ConfigError for a name that is taken, a recipe that needs a teacher, or settings that do not fit; a FileAccessError
 * where there is no run to go on with, where another tab trains it, or no room to save; and what data and training raise.
 */
export async function* train(
  request: TrainRequest,
  context: JobContext,
): AsyncGenerator<TrainEvent, TrainResult, void> {
  const { run } = request;
  const { runtime, signal } = context;
  const kept = new KeptRun(context.runs, run);
  await using _ = await context.runs.lock?.(run);
  const recipe = withLength(request.resume ? await kept.recipe() : await newRecipe(request, kept), request);
  const skipped: TrainEvent[] = [];
  const onSkip = (file: string, reason: string) => skipped.push({ type: "skipped", file, reason });
  const data = await openData(recipe, request, context, onSkip);
  yield* skipped;

  const network = networkFrom(recipe.network);
  const objective = objectiveFrom(recipe.objective);
  const loss = lossOf(objective);
  const from = request.resume ? await kept.state(network, loss) : undefined;
  const training = trainNetwork({ ...recipe.training, network, objective, loss, data, runtime, from, signal });
  if (training.step >= training.steps) {
    throw new ConfigError(`${run} has done its ${training.step} steps; give it more steps to go on`);
  }
  await kept.begin(recipe, training.step);
  const parameters = countParameters(network);
  const { imageShape } = network;
  const { step, steps } = training;
  const about = {
    recipe: recipe.name,
    step,
    steps,
    data: { name: data.name, size: data.size },
    imageShape,
    parameters,
  };
  yield { type: "begun", ...about };

  const save = async (): Promise<TrainEvent> => {
    await training.settle();
    const state = training.state();
    return { type: "saved", step: state.step, bytes: await kept.save(network, state) };
  };
  const grid = async function* (): AsyncGenerator<TrainEvent> {
    await training.settle();
    const { seed } = recipe.training;
    const count = request.gridCount ?? (arePoints(imageShape) ? GRID.points : GRID.images);
    const solver = quickSolver(recipe, objective);
    const guidance = network.classes === undefined ? 1 : (recipe.sampling.guidance ?? 1);
    const drawn = {
      network,
      weights: training.average,
      objective: training.objective,
      runtime,
      solver,
      count,
      seed,
      guidance,
    };
    const images = await drawUnless(signal, drawn);
    if (images) yield { type: "grid", step: training.step, images, shape: [count, ...imageShape], seed };
  };
  const imagesOfStep = recipe.training.batch * recipe.training.accumulate;
  const gridMs = 1000 * (request.gridSeconds ?? GRID_SECONDS);
  const saveMs = 1000 * (request.saveSeconds ?? SAVE_SECONDS);
  const clock = new Clock();
  const losses: number[] = [];
  for await (const { lossByNoise, ...tick } of training) {
    losses.push(tick.loss);
    if (losses.length > LOSS_STEPS) losses.shift();
    kept.note(tick);
    if (clock.passed("tick", TICK_MS) || tick.step === tick.steps) {
      const noise = clock.passed("noise", NOISE_MS) || tick.step === tick.steps ? { lossByNoise } : {};
      const secondsLeft = ((tick.steps - tick.step) * imagesOfStep) / tick.imagesPerSecond;
      yield { type: "tick", ...tick, secondsLeft, ...noise };
    }
    if (saveMs > 0 && clock.passed("save", saveMs)) yield await save();
    if (gridMs > 0 && clock.passed("grid", gridMs) && !signal.aborted) {
      yield* grid();
      clock.restart("grid");
    }
    await breathe();
  }
  yield await save();
  const finished = training.step >= training.steps;
  await kept.saveModel({ network, training, onnx: finished });
  if (finished && gridMs > 0 && !signal.aborted) yield* grid();
  const mean = losses.length > 0 ? losses.reduce((sum, value) => sum + value, 0) / losses.length : undefined;
  const { seconds } = training.state();
  return { run, recipe: recipe.name, step: training.step, steps: training.steps, seconds, loss: mean, finished };
}

/** Pictures in one batch; undefined where the job is told to stop before they are done. */
async function drawUnless(signal: AbortSignal, request: SampleRequest): Promise<Float32Array | undefined> {
  let images: Float32Array | undefined;
  for await (const step of sampleSteps(request)) {
    await breathe();
    if (signal.aborted) return undefined;
    images = step.x;
  }
  return images?.slice();
}

/** The recipe of a new run. Raises a ConfigError where the name is taken, or where a teacher is needed. */
async function newRecipe({ run, recipe: asked, set = {}, seed }: TrainRequest, kept: KeptRun): Promise<Recipe> {
  if (await kept.exists()) {
    throw new ConfigError(`there is a run ${run} already: go on with it, remove it, or choose another name`);
  }
  if (asked === undefined) throw new ConfigError("a new run needs a recipe");
  const found = typeof asked === "string" ? recipeNamed(asked) : parseRecipe(asked, `recipe of ${run}`);
  if (found.teacher) {
    throw new ConfigError(
      `${found.name} learns from a trained network and needs its run folder: train it with langevin train`,
    );
  }
  const changes = seed === undefined ? set : { ...set, "training.seed": seed };
  return withFields(
    found,
    Object.entries(changes).map(([field, value]) => `${field}=${JSON.stringify(value)}`),
  );
}

/** The recipe with the length that is asked for: steps, or the most that fit into a time. */
function withLength(recipe: Recipe, { steps, budgetSeconds }: TrainRequest): Recipe {
  const changes: string[] = [];
  if (steps !== undefined) changes.push(`training.steps=${steps}`);
  if (budgetSeconds !== undefined) changes.push(`training.budgetSeconds=${budgetSeconds}`);
  return changes.length > 0 ? withFields(recipe, changes) : recipe;
}

async function openData(
  { data }: Recipe,
  { run, resume, pictures, skipBad }: TrainRequest,
  { data: open, runs }: JobContext,
  onSkip: (file: string, reason: string) => void,
): Promise<Dataset> {
  if (data.name !== "folder") return await open(data);
  if (data.crop === "random") {
    throw new ConfigError('data.crop is "random", and a tab keeps the middle of each picture: set it to "center"');
  }
  const { flip } = data;
  if (resume) {
    const file = await runs.read(run, PICTURES_FILE);
    if (!file) throw new FileAccessError(`${run} has no ${PICTURES_FILE}: it cannot go on without its pictures`);
    return picturesDataset(decodePictures(file, `${run}/${PICTURES_FILE}`), { flip });
  }
  if (!pictures?.length) throw new ConfigError("this recipe trains on pictures of your own: drop some on the page");
  const { size, channels } = data;
  const read = await readPictures(pictures, { size, channels, skipBad, onSkip });
  await runs.write(run, PICTURES_FILE, encodePictures(read));
  return picturesDataset(read, { flip });
}

/** Which of several things is due. */
class Clock {
  readonly #since = new Map<string, number>();
  readonly #began = performance.now();

  /** Whether so many milliseconds have passed since this was last so. */
  passed(what: string, ms: number): boolean {
    if (performance.now() - (this.#since.get(what) ?? this.#began) < ms) return false;
    this.restart(what);
    return true;
  }

  restart(what: string): void {
    this.#since.set(what, performance.now());
  }
}
