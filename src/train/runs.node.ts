/**
 * Run folders on disk, `runs/<name>`: see `runs.ts` for what stands in them.
 */
import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig } from "../core/config.ts";
import { FileAccessError } from "../core/errors.ts";
import { clearTemporary, type FileSystem, makeFolder, readBytes, writeFileAtomic } from "../io/files.node.ts";
import { encodeJson } from "../io/json.ts";
import {
  decodeMetrics,
  decodeRun,
  METRICS_FILE,
  type MetricsLine,
  metricsLine,
  metricsUpTo,
  RUN_FILE,
  type RunDescription,
  type RunOptions,
  runSchema,
} from "./runs.ts";

export { METRICS_FILE, RUN_FILE, type RunDescription, type RunOptions, runSchema } from "./runs.ts";

/**
 * Makes a run folder and writes its `run.json`. Raises a FileAccessError when the folder holds a run already or cannot
 * be written, a ConfigError for a description with an unknown or mistyped field.
 */
export async function createRun(folder: string, run: RunOptions): Promise<RunDescription> {
  const path = join(folder, RUN_FILE);
  const described = parseConfig(runSchema, run, path);
  checkFree(folder);
  await makeFolder(folder);
  await writeFileAtomic(path, encodeJson(described));
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
  return decodeRun(await readBytes(path), path);
}

export interface Metrics {
  /** Appends a line; its `step` must be above that of the line before it. */
  append(line: MetricsLine): Promise<void>;
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
    const kept = metricsUpTo(text, step, path);
    if (kept !== text) await writeFileAtomic(path, kept, options);
  }
  return {
    async append(line) {
      try {
        await appendFile(path, metricsLine(line));
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
  return decodeMetrics(new TextDecoder().decode(await readBytes(path)), path);
}
