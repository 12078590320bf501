/**
 * The job that draws pictures from a trained model, step by step.
 */
import { ConfigError } from "../../core/errors.ts";
import type { SolverStep } from "../../diffusion/solvers/solver.ts";
import { betweenSteps } from "../../pipelines/between.ts";
import { fillSteps } from "../../pipelines/fill.ts";
import { type SampleRequest as PipelineRequest, sampleSteps } from "../../pipelines/sample.ts";
import type { SolverConfig } from "../../recipes/recipe.ts";
import type { JobContext } from "../job.ts";
import { drawingOf, openChoice } from "./open-model.ts";

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
  /** Scale of classifier-free guidance; 1 is none. Default: that of the run's recipe, or none. */
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

/**
 * Draws pictures; or fills a part of some in, or draws a row between two seeds. A step is told as it is done; the result is
 * that of the last one. Raises as `openModel` and `sample` do.
 */
export async function* sample(
  request: SampleRequest,
  context: JobContext,
): AsyncGenerator<SampleEvent, SampleResult, void> {
  const began = performance.now();
  const { network, weights, run } = await openChoice(request, context);
  const { objective, solver, seed, guidance } = drawingOf({ run }, request);
  const { runtime, signal } = context;
  const { classLabel, initial, count = COUNT } = request;
  const drawn = { network, weights, objective, runtime, signal, solver, seed, guidance, count };
  let last: SolverStep | undefined;
  for await (const step of stepsOf(request, { ...drawn, classLabel, initial })) {
    last = step;
    const { x, sample } = step;
    yield { type: "step", step: step.step, of: step.of, t: step.t, x: x.slice(), sample: sample.slice() };
    signal.throwIfAborted();
  }
  const seconds = (performance.now() - began) / 1000;
  return { images: last!.x, shape: [count, ...network.imageShape], seconds };
}

const COUNT = 16;

function stepsOf({ fill, between }: SampleRequest, drawn: PipelineRequest): AsyncGenerator<SolverStep> {
  const asked = { fill, between, initial: drawn.initial };
  const given = Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) {
    throw new ConfigError(`${given.join(" and ")} cannot go together: each decides what the pictures begin with`);
  }
  const { initial: _, classLabel, ...rest } = drawn;
  if (fill) return fillSteps({ ...rest, classLabel, ...fill });
  if (!between) return sampleSteps(drawn);
  if (typeof classLabel === "object") {
    throw new ConfigError("the pictures between two seeds have one class, not a list of classes");
  }
  return betweenSteps({ ...rest, classLabel, seedTo: between.seedTo });
}
