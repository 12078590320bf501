/**
 * The jobs of the playground: a denoiser of points of the plane, trained in seconds, then drawn from and looked at.
 *
 *   playgroundTrain    trains, and hands out the network a few times a second
 *   playgroundDraw     the way of points through a solver's steps, and how near they come to real ones
 *   playgroundField    the score and the flow all over the plane at one time
 *   playgroundLines    probability-flow lines
 *
 * What the last three are given is a model that the first handed out, so another solver, seed or time trains nothing anew,
 * and a page can look at a network that is still being trained: jobs run side by side.
 */
import { ConfigError } from "../../core/errors.ts";
import { Mlp } from "../../models/mlp.ts";
import { type SolverConfig, solverOf } from "../../recipes/recipe.ts";
import { type Tick, train } from "../../train/train.ts";
import { breathe, type JobContext } from "../job.ts";
import { fieldAt, type PlaneField } from "./playground/field.ts";
import { judge, type PointsEnergy } from "./playground/judge.ts";
import { flowLines } from "./playground/lines.ts";
import {
  denoiserFor,
  networkFor,
  objectiveOf,
  type PlaygroundModel,
  type PlaygroundObjective,
} from "./playground/model.ts";
import { type PointsSource, pointsDataset, pointsOf } from "./playground/source.ts";
import { type Trajectory, trajectory } from "./playground/trajectory.ts";

export interface PlaygroundTrainRequest extends PlaygroundObjective {
  source: PointsSource;
  /** When to end: after so many seconds of training, or so many steps. */
  length: { seconds: number } | { steps: number };
  seed: number;
}

export type PlaygroundTrainEvent =
  | {
      type: "tick";
      step: number;
      /** As planned; falls on a slow machine, rises nowhere. */
      steps: number;
      /** Mean over the steps since the last tick. */
      loss: number;
      imagesPerSecond: number;
      /** Of training so far. */
      seconds: number;
    }
  /** The average of the weights so far. */
  | { type: "model"; step: number; model: PlaygroundModel };

export interface PlaygroundTrainResult {
  model: PlaygroundModel;
  step: number;
  steps: number;
  seconds: number;
  /** Whether all steps are done; otherwise it was stopped. */
  finished: boolean;
}

/** Points that training sees, over and over. */
const TRAINED_ON = 20_000;
/** Steps of a run that is given seconds, at most. */
const MOST_STEPS = 20_000;
const BATCH = 256;
/** Measured on every toy, and on moons with every kind of path: from 0.01 to 0.02 there is little between them, below it is slower. */
const RATE = { peak: 0.015, warmup: 50, decay: "cosine" } as const;
/** Milliseconds between ticks, and between models. */
const TICK_MS = 100;
const MODEL_MS = 350;

/**
 * Trains a network. Raises a ConfigError for choices that do not go together, a DataError for drawn points that are none, a
 * NotFiniteError where the loss leaves the numbers.
 */
export async function* playgroundTrain(
  request: PlaygroundTrainRequest,
  { runtime, signal }: JobContext,
): AsyncGenerator<PlaygroundTrainEvent, PlaygroundTrainResult, void> {
  const { source, length, seed, path, prediction, weight } = request;
  const chosen = { path, prediction, weight };
  const objective = objectiveOf(chosen);
  const network = networkFor(objective);
  const data = pointsDataset(await pointsOf(source, TRAINED_ON, seed));
  const run = train({
    network: new Mlp(network),
    objective,
    data,
    runtime,
    steps: "steps" in length ? length.steps : MOST_STEPS,
    budgetSeconds: "seconds" in length ? length.seconds : undefined,
    batch: BATCH,
    threads: 1,
    replicas: 1,
    learningRate: RATE,
    ema: { decay: 0.998 },
    seed,
    signal,
  });
  const model = async (): Promise<PlaygroundModel> => {
    await run.settle();
    return { objective: chosen, network, weights: run.average.slabs[0].slice() };
  };
  let last: Tick | undefined;
  let [ticked, handed] = [Number.NEGATIVE_INFINITY, performance.now()];
  let losses: number[] = [];
  for await (const tick of run) {
    last = tick;
    losses.push(tick.loss);
    const now = performance.now();
    if (now - ticked >= TICK_MS || tick.step >= tick.steps) {
      const { step, steps, imagesPerSecond, seconds } = tick;
      const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
      yield { type: "tick", step, steps, loss, imagesPerSecond, seconds };
      [ticked, losses] = [now, []];
    }
    if (now - handed >= MODEL_MS && tick.step < tick.steps) {
      yield { type: "model", step: tick.step, model: await model() };
      handed = performance.now();
    }
    await breathe();
  }
  const { step, steps } = run;
  return { model: await model(), step, steps, seconds: last?.seconds ?? 0, finished: step >= steps };
}

export interface PlaygroundDrawRequest {
  model: PlaygroundModel;
  solver: SolverConfig;
  seed: number;
  /** Points, from 1 to 5000. */
  count: number;
  /** Frames to scrub through, from 2; more steps than that are thinned out. Default 120. */
  frames?: number;
  /** The distribution that the points are to be judged by; they are not when absent. Takes a tenth of a second. */
  judgedBy?: PointsSource;
}

export interface PlaygroundDrawEvent {
  type: "step";
  step: number;
  of: number;
}

export interface PlaygroundDrawResult extends Trajectory {
  energy?: PointsEnergy;
  /** Of drawing. */
  seconds: number;
}

const MOST_POINTS = 5000;

/** Draws points. Raises a ConfigError for a solver that does not work on the path, or a count out of range. */
export async function* playgroundDraw(
  { model, solver, seed, count, frames = 120, judgedBy }: PlaygroundDrawRequest,
  { runtime, signal }: JobContext,
): AsyncGenerator<PlaygroundDrawEvent, PlaygroundDrawResult, void> {
  if (!Number.isInteger(count) || count < 1 || count > MOST_POINTS) {
    throw new ConfigError(`count must be a whole number from 1 to ${MOST_POINTS}, not ${count}`);
  }
  if (!Number.isInteger(frames) || frames < 2)
    throw new ConfigError(`frames must be a whole number from 2, not ${frames}`);
  const denoiser = await denoiserFor(model, runtime);
  const began = performance.now();
  let told = began;
  const steps = trajectory(solverOf(solver), denoiser, { count, seed, frames, signal });
  for (;;) {
    const { done, value } = await steps.next();
    if (done) {
      const seconds = (performance.now() - began) / 1000;
      if (judgedBy === undefined) return { ...value, seconds };
      const points = value.x.slice(-2 * count);
      return { ...value, seconds, energy: await judge(points, judgedBy) };
    }
    const now = performance.now();
    if (now - told >= TICK_MS) {
      told = now;
      yield { type: "step", step: value.step, of: value.of };
    }
    await breathe();
  }
}

export interface PlaygroundFieldRequest {
  model: PlaygroundModel;
  /** Of the path; what is too near to the data, or beyond an end, is taken at the nearest time that can be shown. */
  t: number;
  /** Places along each side of the square, 2 to 64. */
  cells: number;
  /** Half of a side, in z = x / sqrt(alpha² + sigma²). */
  half: number;
}

/** The score and the flow at one time. Raises a ConfigError for a grid that is none. */
// biome-ignore lint/correctness/useYield: done at once
export async function* playgroundField(
  { model, ...place }: PlaygroundFieldRequest,
  { runtime }: JobContext,
): AsyncGenerator<never, PlaneField, void> {
  return await fieldAt(await denoiserFor(model, runtime), place);
}

export interface PlaygroundLinesRequest {
  model: PlaygroundModel;
  /** Lines along each side of the grid of starts, 1 to 32. */
  side: number;
}

/** Probability-flow lines. Raises a ConfigError for a side out of range. */
// biome-ignore lint/correctness/useYield: done at once
export async function* playgroundLines(
  { model, side }: PlaygroundLinesRequest,
  { runtime, signal }: JobContext,
): AsyncGenerator<never, Trajectory, void> {
  if (!Number.isInteger(side) || side < 1 || side > 32) {
    throw new ConfigError(`side must be a whole number from 1 to 32, not ${side}`);
  }
  return await flowLines(await denoiserFor(model, runtime), side, signal);
}
