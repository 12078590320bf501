/**
 * The job that draws rows of pictures which change their class on the way, each picture of a row at another step.
 */
import { swapCondition } from "../../pipelines/inside/index.ts";
import { breathe, type JobContext } from "../job.ts";
import { type DrawChoice, drawingOf, type ModelChoice, openChoice } from "./open-model.ts";

export interface InsideSwapRequest extends ModelChoice, Omit<DrawChoice, "seed"> {
  /** The rows: the class before and after the swap, and the seed. */
  rows: readonly { from: number; to: number; seed: number }[];
  /** The columns: how many steps are drawn with `from`. */
  at: readonly number[];
}

/** After each step of a row. */
export interface InsideSwapEvent {
  type: "step";
  row: number;
  /** 1 .. of. */
  step: number;
  of: number;
  /** The level at which the network was asked. */
  t: number;
  alpha: number;
  sigma: number;
  /** The pictures of the row, as predicted so far, [at.length, C, H, W]; after the last step, as they are. */
  images: Float32Array;
}

export interface InsideSwapResult {
  seconds: number;
}

export async function* insideSwap(
  request: InsideSwapRequest,
  context: JobContext,
): AsyncGenerator<InsideSwapEvent, InsideSwapResult, void> {
  const { rows, at } = request;
  const { runtime, signal } = context;
  const loaded = await openChoice(request, context);
  const { network, weights } = loaded;
  const drawing = drawingOf(loaded, request);
  const began = performance.now();
  for (const [row, { from, to, seed }] of rows.entries()) {
    const asked = { network, weights, runtime, signal, ...drawing, seed, from, to, at };
    for await (const { step, of, t, x, sample } of swapCondition(asked)) {
      const { alpha, sigma } = drawing.objective.path.at(t);
      yield { type: "step", row, step, of, t, alpha, sigma, images: (step === of ? x : sample).slice() };
      await breathe();
    }
  }
  return { seconds: (performance.now() - began) / 1000 };
}
