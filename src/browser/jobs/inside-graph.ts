/**
 * The job that shows how a model is built: the tree of its parts at once, then the measured time of some of them. Every part
 * is compiled and timed alone on the engine's device; see `pipelines/inside/part-times.ts`.
 */
import type { PathConfig } from "../../diffusion/path.ts";
import type { PredictionConfig } from "../../diffusion/prediction.ts";
import {
  type ModelPart,
  modelGraph,
  type PartTime,
  type Place,
  partTimes,
  placesOf,
} from "../../pipelines/inside/index.ts";
import type { SolverConfig } from "../../recipes/recipe.ts";
import type { JobContext } from "../job.ts";
import { type ModelChoice, objectiveOf, openChoice } from "./open-model.ts";

export interface InsideGraphRequest extends ModelChoice {
  /** Images for which costs are counted and times taken. Default 1. */
  batch?: number;
  /** Parts to time, by their paths ("" is the whole network). Default: none. */
  time?: readonly string[];
  /** Timed runs of each part. Default 15. */
  runs?: number;
}

export type InsideGraphEvent =
  | { type: "graph"; model: InsideModel }
  /** Milliseconds for the batch. */
  | ({ type: "time" } & PartTime);

/** A model as a page needs to know it. */
export interface InsideModel {
  tree: ModelPart;
  places: readonly Place[];
  /** [C, H, W] */
  imageShape: readonly number[];
  /** Classes that can be asked for, without the null class; 0 where there are none. */
  classes: number;
  /** Of the run; absent where the folder has no `run.json`. */
  run?: {
    recipe?: string;
    path: PathConfig;
    prediction: PredictionConfig;
    solver?: SolverConfig;
    guidance?: number;
    data: string;
  };
}

export interface InsideGraphResult {
  /** Where it was timed. */
  device: string;
}

export async function* insideGraph(
  request: InsideGraphRequest,
  context: JobContext,
): AsyncGenerator<InsideGraphEvent, InsideGraphResult, void> {
  const { batch = 1, time = [], runs } = request;
  const { runtime, signal } = context;
  const loaded = await openChoice(request, context);
  const { network, weights, run } = loaded;
  const { classes = 1 } = network;
  const sampling = run?.sampling as { solver?: SolverConfig; guidance?: number } | undefined;
  const objective = run && objectiveOf(loaded);
  yield {
    type: "graph",
    model: {
      tree: modelGraph(network, batch),
      places: placesOf(network),
      imageShape: network.imageShape,
      classes: classes - 1,
      run: objective && {
        recipe: run?.recipe,
        path: objective.path.toJSON(),
        prediction: objective.prediction.toJSON(),
        solver: sampling?.solver,
        guidance: sampling?.guidance,
        data: String(run?.data.name),
      },
    },
  };
  for await (const found of partTimes({ network, weights, runtime, paths: time, batch, runs, signal })) {
    yield { type: "time", ...found };
  }
  return { device: runtime.device };
}
