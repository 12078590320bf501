/**
 * The run folders that the server shows: those in a folder, down to three levels, or the folder itself and the runs in it.
 */
import { type Dirent, existsSync } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { LangevinError } from "../core/errors.ts";
import { METRICS_FILE, RUN_FILE, readRun } from "../train/index.node.ts";
import { isTraining } from "../train/training-mark.node.ts";
import { RequestError } from "./answer.ts";
import { checkNames, type FoundFile, findFile, insideOf } from "./paths.ts";

/** A run as the list shows it. What its folder does not tell is missing. */
export interface RunInfo {
  /** The path of its folder below the folder of runs, with slashes. */
  name: string;
  /** Of its files, without those in folders. */
  bytes: number;
  recipe?: string;
  /** Name of the data. */
  data?: string;
  /** Updates done, of those planned. */
  step?: number;
  steps?: number;
  /** Seconds of training. */
  seconds?: number;
  /** When it was last written to, ms since 1970. */
  changed: number;
  /** Whether a process is training it now. */
  training: boolean;
  /** Why the run cannot be read, where it cannot. */
  problem?: string;
}

export interface RunFile {
  /** The path below the run folder, with slashes. */
  file: string;
  /** Bytes. */
  size: number;
  /** ms since 1970. */
  changed: number;
}

const LEVELS = 3;
/** The last lines of metrics are looked for in so many bytes at the end of the file. */
const TAIL = 65_536;

/** The runs below a folder, the newest first; none where there is no such folder. */
export async function listRuns(runs: string | undefined): Promise<RunInfo[]> {
  if (runs === undefined) return [];
  const folders = await runFolders(resolve(runs), LEVELS);
  const infos = await Promise.all(folders.map(async (folder) => await infoOf(folder, nameOf(runs, folder))));
  return infos.sort((a, b) => b.changed - a.changed || (a.name < b.name ? -1 : 1));
}

/** The folder of a run by its name. Raises a RequestError (404) when there is none. */
export async function folderOfRun(runs: string | undefined, name: string): Promise<string> {
  const names = name.split("/");
  checkNames(names);
  const isRun = runs !== undefined && holdsRun(runs);
  const inside = isRun ? names.slice(1) : names;
  const known = runs !== undefined && !(isRun && names[0] !== basename(resolve(runs)));
  const folder = known ? await insideOf(runs, inside) : undefined;
  if (folder === undefined || !holdsRun(folder)) throw new RequestError(404, `there is no run ${JSON.stringify(name)}`);
  return folder;
}

/** The files of a run, by name; neither hidden ones nor those of runs inside it. */
export async function filesOfRun(folder: string): Promise<RunFile[]> {
  const files: RunFile[] = [];
  const walk = async (inner: string): Promise<void> => {
    for (const entry of await entriesOf(inner)) {
      const path = join(inner, entry.name);
      if (entry.isDirectory() && !holdsRun(path)) await walk(path);
      else if (entry.isFile()) {
        const found = await stat(path).catch(() => undefined); // removed meanwhile
        const file = relative(folder, path).split(sep).join("/");
        if (found) files.push({ file, size: found.size, changed: found.mtimeMs });
      }
    }
  };
  await walk(folder);
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** A file of a run; one in a folder may be named by one segment or more. Raises a RequestError (404) when there is none. */
export async function fileOfRun(folder: string, segments: readonly string[]): Promise<FoundFile> {
  const names = segments.flatMap((segment) => segment.split("/"));
  const file = await findFile(folder, names);
  if (!file) throw new RequestError(404, `the run has no file ${JSON.stringify(names.join("/"))}`);
  return file;
}

function holdsRun(folder: string): boolean {
  return existsSync(join(folder, RUN_FILE));
}

function nameOf(runs: string, folder: string): string {
  const inside = relative(resolve(runs), folder).split(sep);
  const own = holdsRun(runs) ? [basename(resolve(runs))] : [];
  return [...own, ...inside].filter((name) => name !== "").join("/");
}

async function runFolders(folder: string, levels: number): Promise<string[]> {
  const own = holdsRun(folder) ? [folder] : [];
  if (levels === 0) return own;
  const inner = (await entriesOf(folder)).filter((entry) => entry.isDirectory() && entry.name !== "node_modules");
  const below = await Promise.all(inner.map(async ({ name }) => await runFolders(join(folder, name), levels - 1)));
  return [...own, ...below.flat()];
}

/** What is in a folder, except what is hidden; nothing where it is gone or closed to us. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter(({ name }) => !name.startsWith("."));
}

async function infoOf(folder: string, name: string): Promise<RunInfo> {
  const [training, files] = await Promise.all([isTraining(folder), entriesOf(folder)]);
  const stats = files
    .filter((file) => file.isFile())
    .map(({ name }) => stat(join(folder, name)).catch(() => undefined));
  const found = (await Promise.all(stats)).filter((one) => one !== undefined);
  const changed = Math.max(0, ...found.map(({ mtimeMs }) => mtimeMs));
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  const info: RunInfo = { name, bytes, changed, training };
  try {
    const { recipe, data, training: settings } = await readRun(folder);
    const { steps } = settings;
    return {
      ...info,
      recipe,
      ...(typeof data.name === "string" && { data: data.name }),
      ...(typeof steps === "number" && { steps }),
      ...(await progressOf(folder)),
    };
  } catch (error) {
    if (error instanceof LangevinError) return { ...info, problem: error.message };
    throw error;
  }
}

/** What the last whole line of the metrics says; nothing where there is none. */
async function progressOf(folder: string): Promise<Pick<RunInfo, "step" | "steps" | "seconds">> {
  const lines = (await tailOf(join(folder, METRICS_FILE))).split("\n").slice(0, -1);
  for (const line of lines.reverse()) {
    try {
      const found = JSON.parse(line);
      const fields = ["step", "steps", "seconds"].filter((field) => typeof found[field] === "number");
      return Object.fromEntries(fields.map((field) => [field, found[field]]));
    } catch {
      // Begun before the part that was read, or damaged: whoever reads the whole file hears of it.
    }
  }
  return {};
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(Math.min(size, TAIL));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    return new TextDecoder().decode(bytes.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
