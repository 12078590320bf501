/**
 * The job that trains a run and keeps it in the run store, as `langevin train` keeps one in a folder.
 */
import type { NoiseBucket } from "../../train/noise-buckets.ts";
import type { JobContext } from "../job.ts";

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

// biome-ignore lint/correctness/useYield: to come
export async function* train(
  _request: TrainRequest,
  _context: JobContext,
): AsyncGenerator<TrainEvent, TrainResult, void> {
  throw new Error("to come");
}
