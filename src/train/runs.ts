/**
 * What stands in a run folder beside the weights: `run.json` with all settings as they were resolved, and `metrics.jsonl` with
 * one line of JSON for each step that was noted. Here as text and values; `runs.node.ts` and `src/browser` keep them.
 *
 * A line is appended and not flushed to the disk, so a kill can lose the last lines or cut one off. A resumed run begins
 * by cutting the file after the step of its state: no step stands there twice.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { FileFormatError } from "../core/errors.ts";
import { decodeJson } from "../io/json.ts";
import { networkSchema } from "./network-config.ts";

export const RUN_FILE = "run.json";
export const METRICS_FILE = "metrics.jsonl";

const anything = z.record(z.string(), z.unknown());

export const runSchema = z.strictObject({
  /** The version that made the run. */
  langevin: z.string(),
  /** Name of the recipe. */
  recipe: z.string().optional(),
  seed: z.int().nonnegative(),
  network: networkSchema,
  /** As `objectiveFrom` reads it. */
  objective: anything,
  data: anything,
  /** As `trainingSchema` describes it. */
  training: anything,
  sampling: anything.optional(),
  /** Whom the run distils, and in which phases, as the recipe says. */
  teacher: anything.optional(),
  phases: z.array(anything).optional(),
});

export type RunDescription = z.output<typeof runSchema>;
export type RunOptions = z.input<typeof runSchema>;

/** The description in the bytes of a `run.json`. Raises a FileFormatError or a ConfigError when it is damaged. */
export function decodeRun(bytes: Uint8Array, path: string): RunDescription {
  return parseConfig(runSchema, decodeJson(bytes, path), path);
}

/** A line of the metrics. */
export type MetricsLine = { step: number } & Record<string, unknown>;

export const metricsLine = (line: MetricsLine): string => `${JSON.stringify(line)}\n`;

/** The lines in the text of a `metrics.jsonl`, without a last one that was cut off. Raises as `metricsUpTo`. */
export function decodeMetrics(text: string, path: string): MetricsLine[] {
  const whole = metricsUpTo(text, Number.POSITIVE_INFINITY, path);
  return whole.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

/**
 * The text of a `metrics.jsonl` without lines of later steps and without a last line that was cut off. Raises a
 * FileFormatError that names the first line that is not a JSON object with a `step`.
 */
export function metricsUpTo(text: string, step: number, path: string): string {
  const lines = text.split("\n");
  lines.pop(); // what follows the last line break: nothing, or a line that was cut off
  const kept = lines.filter((line, i) => stepOf(line, `${path}, line ${i + 1}`) <= step);
  return kept.map((line) => `${line}\n`).join("");
}

function stepOf(line: string, where: string): number {
  try {
    const { step } = JSON.parse(line);
    if (Number.isInteger(step)) return step;
  } catch {}
  const shown = line.length > 60 ? `${line.slice(0, 57)}...` : line;
  throw new FileFormatError(
    `${where} is not a JSON object with a step: ${shown}; remove the line, or move the file away`,
  );
}
