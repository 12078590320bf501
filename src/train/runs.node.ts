/**
 * Run folders: `runs/<name>/run.json` with all settings as they were resolved, and `metrics.jsonl` with one line of JSON
 * for each step that was noted.
 *
 * A line is appended and not flushed to the disk, so a kill can lose the last lines or cut one off. A resumed run begins
 * by cutting the file after the step of its state: no step stands there twice.
 */
import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { FileAccessError, FileFormatError } from "../core/errors.ts";
import { clearTemporary, type FileSystem, makeFolder, readBytes, readJson, writeFileAtomic } from "../io/files.node.ts";
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

/**
 * Makes a run folder and writes its `run.json`. Raises a FileAccessError when the folder holds a run already or cannot
 * be written, a ConfigError for a description with an unknown or mistyped field.
 */
export async function createRun(folder: string, run: RunOptions): Promise<RunDescription> {
  const path = join(folder, RUN_FILE);
  const described = parseConfig(runSchema, run, path);
  checkFree(folder);
  await makeFolder(folder);
  await writeFileAtomic(path, `${JSON.stringify(described, null, 2)}\n`);
  return described;
}

/** Raises a FileAccessError when a folder holds a run. */
export function checkFree(folder: string): void {
  if (!existsSync(join(folder, RUN_FILE))) return;
  throw new FileAccessError(`${folder} holds a run already; resume it, remove it, or choose another folder`);
}

/**
 * The description of a run folder, for resuming: what a killed process left half-written is removed. Raises a
 * FileAccessError when there is no run, a FileFormatError or a ConfigError when its `run.json` is damaged.
 */
export async function openRun(folder: string): Promise<RunDescription> {
  const run = await readRun(folder);
  await clearTemporary(folder);
  return run;
}

/** The description of a run folder; changes nothing. */
export async function readRun(folder: string): Promise<RunDescription> {
  const path = join(folder, RUN_FILE);
  if (!existsSync(path)) {
    throw new FileAccessError(`${folder} is no run folder: it holds no ${RUN_FILE}; check the path`);
  }
  return parseConfig(runSchema, await readJson(path), path);
}

export interface Metrics {
  /** Appends a line; its `step` must be above that of the line before it. */
  append(line: { step: number } & Record<string, unknown>): Promise<void>;
}

/**
 * Opens the metrics of a run whose state is at `step` (0 for a new run): lines of later steps, and a last line that a
 * kill cut off, are removed first.
 *
 * Raises a FileFormatError that names the first line that is not a JSON object with a `step`, a FileAccessError when the
 * file cannot be written.
 */
export async function openMetrics(
  folder: string,
  step: number,
  options: { fileSystem?: FileSystem } = {},
): Promise<Metrics> {
  const path = join(folder, METRICS_FILE);
  if (existsSync(path)) {
    const text = new TextDecoder().decode(await readBytes(path));
    const kept = linesUpTo(text, step, path);
    if (kept !== text) await writeFileAtomic(path, kept, options);
  }
  return {
    async append(line) {
      try {
        await appendFile(path, `${JSON.stringify(line)}\n`);
      } catch (error) {
        const { message } = error as Error;
        throw new FileAccessError(`cannot append to ${path}: ${message}; free some space, or check the folder`, {
          cause: error,
        });
      }
    },
  };
}

/** The lines of the metrics of a run, in order. Raises as `openMetrics`. */
export async function readMetrics(folder: string): Promise<Record<string, unknown>[]> {
  const path = join(folder, METRICS_FILE);
  const text = linesUpTo(new TextDecoder().decode(await readBytes(path)), Number.POSITIVE_INFINITY, path);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

function linesUpTo(text: string, step: number, path: string): string {
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
