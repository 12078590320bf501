/** The table of jobs: a new one is a file here and a line below. */
import type { Job } from "../job.ts";
import { sample } from "./sample.ts";
import { train } from "./train.ts";

export const jobs = {
  train,
  sample,
} as const satisfies Record<string, Job<never, unknown, unknown>>;
