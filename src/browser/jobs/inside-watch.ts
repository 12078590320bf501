/**
 * The job that draws one picture, and shows at each step what goes on inside of the network: attention weights and maps.
 */

import type { View } from "../../pipelines/inside/index.ts";
import { watchSteps } from "../../pipelines/inside/index.ts";
import { breathe, type JobContext } from "../job.ts";
import { type DrawChoice, drawingOf, type ModelChoice, openChoice } from "./open-model.ts";

export interface InsideWatchRequest extends ModelChoice, DrawChoice {
  /** What to show, by the ids of places; see `InsideModel.places`. */
  places: readonly string[];
  /** For a network with classes; class 0 by default. */
  classLabel?: number;
}

/** After each step. */
export interface InsideWatchEvent {
  type: "step";
  /** 1 .. of. */
  step: number;
  of: number;
  /** The level at which the network was asked: its time on the path, and x = alpha x0 + sigma eps. */
  t: number;
  alpha: number;
  sigma: number;
  /** What the network was shown, [C, H, W]. */
  before: Float32Array;
  /** The predicted clean picture, [C, H, W]. */
  sample: Float32Array;
  /** The picture after the step, [C, H, W]. */
  x: Float32Array;
  /** Without the axis of the batch: attention [heads, queries, keys], maps [C, H, W]. */
  views: Record<string, View>;
}

export interface InsideWatchResult {
  seconds: number;
}

export async function* insideWatch(
  request: InsideWatchRequest,
  context: JobContext,
): AsyncGenerator<InsideWatchEvent, InsideWatchResult, void> {
  const { runtime, signal } = context;
  const loaded = await openChoice(request, context);
  const { network, weights } = loaded;
  const drawing = drawingOf(loaded, request);
  const classLabel = network.classes === undefined ? request.classLabel : (request.classLabel ?? 0);
  const began = performance.now();
  const asked = { network, weights, runtime, signal, ...drawing, count: 1, classLabel };
  for await (const { step, of, t, before, sample, x, views } of watchSteps(asked, request.places)) {
    const { alpha, sigma } = drawing.objective.path.at(t);
    const one = Object.entries(views).map(([id, { data, shape }]) => [id, { data, shape: shape.slice(1) }]);
    // The solver goes on from its own arrays, and what is yielded is given away.
    yield {
      type: "step",
      step,
      of,
      t,
      alpha,
      sigma,
      before,
      sample: sample.slice(),
      x: x.slice(),
      views: Object.fromEntries(one),
    };
    await breathe();
  }
  return { seconds: (performance.now() - began) / 1000 };
}
