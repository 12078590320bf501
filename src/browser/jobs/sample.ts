/**
 * The job that draws pictures from a trained model, step by step.
 */
import type { SolverConfig } from "../../recipes/recipe.ts";
import type { JobContext } from "../job.ts";

/**
 * Where a model is from: a run of the browser's store; a folder behind an address, such as `models/digits/`, or the
 * server's `api/runs/first/files/`; or the files of a folder.
 */
export type ModelSource =
  | { run: string }
  | { address: string }
  | { files: Readonly<Record<string, Uint8Array>>; name?: string };

export interface SampleRequest {
  from: ModelSource;
  /** The averaged weights by default. */
  weights?: "average" | "trained";
  /** A solver with its options. Default: that of the run's recipe. */
  solver?: SolverConfig;
  /** Default 0. */
  seed?: number;
  /** Scale of classifier-free guidance; 1 (default) is none. */
  guidance?: number;
  /** The class of all pictures, or of each in turn; all in turn by default. */
  classLabel?: number | readonly number[];
  /** Default 16. */
  count?: number;
  /** x at the noise end, [count, C, H, W], in place of the seed's. */
  initial?: Float32Array;
  /** Fills a part of pictures in, and keeps the rest. */
  fill?: {
    /** [count, C, H, W] in [-1, 1]. */
    known: Float32Array;
    /** [count, C, H, W]: 1 where the picture is drawn, 0 where it is kept. */
    drawn: Uint8Array;
    rounds?: number;
  };
  /** A row of pictures from the first of `seed` to the first of `seedTo`. */
  between?: { seedTo: number };
}

/** After each step. */
export interface SampleEvent {
  type: "step";
  /** 1 .. of. */
  step: number;
  of: number;
  /** Time that was reached, in the path's units. */
  t: number;
  /** The state, [count, C, H, W]. */
  x: Float32Array;
  /** The predicted clean picture, [count, C, H, W]. */
  sample: Float32Array;
}

export interface SampleResult {
  /** [count, C, H, W]; about [-1, 1], not clipped. */
  images: Float32Array;
  shape: readonly number[];
  seconds: number;
}

// biome-ignore lint/correctness/useYield: to come
export async function* sample(
  _request: SampleRequest,
  _context: JobContext,
): AsyncGenerator<SampleEvent, SampleResult, void> {
  throw new Error("to come");
}
