/**
 * A run as one zip file: the same folder that Node and diffusers load, below a folder of the run's name. Files are stored as
 * they are, because weights do not shrink. The pictures that a visitor trained on stay behind: who is given the run is not
 * given them.
 */
import { unzipSync, type Zippable, zipSync } from "fflate";
import { FileAccessError, FileFormatError } from "../core/errors.ts";
import { RUN_FILE } from "../train/runs.ts";
import { PICTURES_FILE } from "./pictures-data.ts";
import { checkFileName, type RunStore } from "./run-store.ts";

/** The bytes of a zip file with the files of a run, all but the pictures that it learned from. Raises a FileAccessError where there is no such run. */
export async function zipRun(store: RunStore, run: string): Promise<Uint8Array<ArrayBuffer>> {
  const files = await store.files(run);
  if (files.length === 0) throw new FileAccessError(`there is no run ${run} to export`);
  const zipped: Zippable = {};
  for (const file of files.filter((file) => file !== PICTURES_FILE)) {
    const bytes = await store.read(run, file);
    if (bytes) zipped[`${run}/${file}`] = [bytes, { level: 0 }];
  }
  return zipSync(zipped) as Uint8Array<ArrayBuffer>;
}

/**
 * The files of a run in a zip file, by their names in the run. The folder that holds them may be of any name, or there may
 * be none. Raises a FileFormatError for what is no zip file or has no run or model in it.
 */
export function unzipRun(bytes: Uint8Array): Map<string, Uint8Array<ArrayBuffer>> {
  let found: Record<string, Uint8Array>;
  try {
    found = unzipSync(bytes);
  } catch (error) {
    throw new FileFormatError(`this is no usable zip file: ${(error as Error).message}`, { cause: error });
  }
  const names = Object.keys(found).filter((name) => !name.endsWith("/"));
  const root = names.find((name) => /(^|\/)(run|config)\.json$/.test(name));
  if (root === undefined) {
    throw new FileFormatError(`this zip file holds no ${RUN_FILE} and no config.json: it is no run and no model`);
  }
  const prefix = root.slice(0, root.lastIndexOf("/") + 1);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const file = name.slice(prefix.length);
    checkFileName(file);
    files.set(file, found[name] as Uint8Array<ArrayBuffer>);
  }
  return files;
}
