/** A run at a glance, from the little of its files that tells it: `run.json` and the header of its state. */
import { decodeSafetensorsHeader } from "../io/safetensors.ts";
import { progressOf, STATE_FILE } from "../train/checkpoint.ts";
import { decodeRun, RUN_FILE } from "../train/runs.ts";
import type { RunSummary } from "./run-store.ts";

/** A file of a run, of which a part can be read. */
export interface StoredFile {
  name: string;
  bytes: number;
  /** ms since 1970 */
  changed: number;
  /** The bytes from the first one up to `end`, or all of them. */
  read(end?: number): Promise<Uint8Array>;
}

/** Bytes at the start of a state that hold its header, for any network but a very large one. */
const HEADER_BYTES = 1 << 20;

/** The summary of a run. What is damaged becomes its `problem`: a list of runs does not fail for one of them. */
export async function summaryOf(name: string, files: readonly StoredFile[]): Promise<RunSummary> {
  const summary: RunSummary = {
    name,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    changed: files.reduce((last, { changed }) => Math.max(last, changed), 0),
  };
  const fileOf = (wanted: string) => files.find(({ name }) => name === wanted);
  try {
    const described = fileOf(RUN_FILE);
    if (!described) return { ...summary, problem: `it has no ${RUN_FILE}: the tab was closed before the run began` };
    const run = decodeRun(await described.read(), `${name}/${RUN_FILE}`);
    Object.assign(summary, { recipe: run.recipe, data: (run.data as { name?: string }).name });
    const state = fileOf(STATE_FILE);
    if (!state) return summary;
    const label = `${name}/${STATE_FILE}`;
    const { metadata } = decodeSafetensorsHeader(await state.read(HEADER_BYTES), state.bytes, label);
    const { step, steps, seconds } = progressOf(metadata, label);
    return { ...summary, step, steps, seconds };
  } catch (error) {
    return { ...summary, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Summaries, the run that changed last first. */
export function newestFirst(summaries: readonly RunSummary[]): RunSummary[] {
  return [...summaries].sort((a, b) => b.changed - a.changed || (a.name < b.name ? -1 : 1));
}
