/**
 * The runs that pages can open: those of this browser, and those of the server that serves the page, where one does.
 */
import { httpRunStore, opfsRunStore, type RunStore } from "langevin/browser";

let own: RunStore | undefined;

/** The runs of this browser. */
export function browserRuns(): RunStore {
  own ??= opfsRunStore();
  return own;
}

/** A run as the server lists it. */
export interface ServedRun {
  name: string;
  recipe?: string;
  step?: number;
  steps?: number;
  /** ms since 1970. */
  changed: number;
  /** Whether a process trains it now. */
  training: boolean;
  problem?: string;
}

/** The runs of the server; undefined on a host that has none to tell of, such as a static one. */
export async function servedRuns(): Promise<ServedRun[] | undefined> {
  const response = await fetch("api/runs", { cache: "no-store" }).catch(() => undefined);
  if (!response?.ok || !response.headers.get("content-type")?.startsWith("application/json")) return undefined;
  return await response.json();
}

/** The runs of the server as a store that is read only. */
export function serverRuns(): RunStore {
  return httpRunStore(new URL("api/runs/", document.baseURI).href);
}

/** The address of a served run's files, with a slash at the end. */
export function servedFiles(name: string): string {
  return new URL(`api/runs/${encodeURIComponent(name)}/files/`, document.baseURI).href;
}

/** The step of a picture of samples, from its name: "samples/step-000400.png". */
export function stepOfPicture(file: string): number | undefined {
  const found = /^samples\/step-(\d+)\.png$/.exec(file);
  return found ? Number(found[1]) : undefined;
}
