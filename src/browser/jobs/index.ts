/** The table of jobs: a new one is a file here and a line below. */
import type { Job } from "../job.ts";
import { insideErrors } from "./inside-errors.ts";
import { insideGraph } from "./inside-graph.ts";
import { insideSwap } from "./inside-swap.ts";
import { insideWatch } from "./inside-watch.ts";
import { playgroundDraw, playgroundField, playgroundLines, playgroundTrain } from "./playground.ts";
import { sample } from "./sample.ts";
import { train } from "./train.ts";

export const jobs = {
  train,
  sample,
  insideWatch,
  insideSwap,
  insideErrors,
  insideGraph,
  playgroundTrain,
  playgroundDraw,
  playgroundField,
  playgroundLines,
} as const satisfies Record<string, Job<never, unknown, unknown>>;
