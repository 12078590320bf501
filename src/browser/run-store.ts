/**
 * Where runs are kept: named folders of files, the same that Node writes (`docs/` and `src/train`), behind an interface that
 * the browser's private file system, a server and plain memory answer to.
 */
import { ConfigError, FileAccessError } from "../core/errors.ts";
import { newestFirst, summaryOf } from "./run-summary.ts";

/** A run at a glance. */
export interface RunSummary {
  name: string;
  /** Of all files. */
  bytes: number;
  /** When a file was last written: milliseconds since 1970. */
  changed: number;
  recipe?: string;
  /** Name of the data. */
  data?: string;
  /** Steps done and planned, and seconds of training, as last saved; absent before the first save. */
  step?: number;
  steps?: number;
  seconds?: number;
  /** Why the run cannot be used: which file, and what is wrong with it. */
  problem?: string;
}

export interface RunStore {
  /** All runs, the one that changed last first. */
  list(): Promise<RunSummary[]>;
  /**
   * Names of the files of a run, sorted; files in folders as `samples/step-000100.png`. None where there is no such run. An
   * empty file counts as none: it is what a first save leaves that was cut short.
   */
  files(run: string): Promise<string[]>;
  /** The bytes of a file, which are the caller's own; undefined where there is none. */
  read(run: string, file: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes a file whole, or leaves the old one as it was, also when the tab is closed in the middle. Raises a FileAccessError
   * (full, read-only) that says what is left.
   */
  write(run: string, file: string, bytes: Uint8Array): Promise<void>;
  /** Adds text to the end of a file, which is made where it is missing. A closed tab may cut off the last line. */
  append(run: string, file: string, text: string): Promise<void>;
  /** Removes a run; nothing happens where there is none. */
  remove(run: string): Promise<void>;
  /**
   * Keeps others, such as the same page in another tab, from training a run until what is returned is disposed of, or the tab is
   * closed. Raises a FileAccessError where somebody does already. Missing in stores that nobody else can reach.
   */
  lock?(run: string): Promise<AsyncDisposable>;
}

/** Raises a ConfigError unless a name can be that of a run: letters, digits, `.`, `_`, `-`. */
export function checkRunName(run: string): void {
  if (/^[A-Za-z0-9][\w.-]{0,99}$/.test(run)) return;
  throw new ConfigError(
    `${JSON.stringify(run)} cannot be the name of a run: up to 100 letters, digits, ".", "_" and "-", a letter or digit first`,
  );
}

/** Raises a FileAccessError unless a path stays inside of its run: no empty part, no dots alone, no backslash. */
export function checkFileName(file: string): void {
  const parts = file.split("/");
  if (parts.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part))) return;
  throw new FileAccessError(
    `${JSON.stringify(file)} is no file of a run: a relative path such as samples/a.png is expected`,
  );
}

/** A store in memory, for tests, and for runs that are not kept. */
export function memoryRunStore(): RunStore {
  const runs = new Map<string, Map<string, { bytes: Uint8Array<ArrayBuffer>; changed: number }>>();
  const folderOf = (run: string) => {
    checkRunName(run);
    const folder = runs.get(run) ?? new Map<string, { bytes: Uint8Array<ArrayBuffer>; changed: number }>();
    runs.set(run, folder);
    return folder;
  };
  const put = (run: string, file: string, bytes: Uint8Array<ArrayBuffer>) => {
    checkFileName(file);
    folderOf(run).set(file, { bytes, changed: Date.now() });
  };
  return {
    async list() {
      const summaries = [...runs].map(([name, files]) => {
        const stored = [...files].map(([file, { bytes, changed }]) => {
          return { name: file, bytes: bytes.length, changed, read: async (end?: number) => bytes.slice(0, end) };
        });
        return summaryOf(name, stored);
      });
      return newestFirst(await Promise.all(summaries));
    },
    async files(run) {
      const kept = [...(runs.get(run) ?? [])].filter(([, { bytes }]) => bytes.length > 0);
      return kept.map(([file]) => file).sort();
    },
    async read(run, file) {
      const bytes = runs.get(run)?.get(file)?.bytes;
      return bytes?.length ? bytes.slice() : undefined;
    },
    async write(run, file, bytes) {
      put(run, file, Uint8Array.from(bytes));
    },
    async append(run, file, text) {
      const before = runs.get(run)?.get(file)?.bytes ?? new Uint8Array();
      const added = new TextEncoder().encode(text);
      const joined = new Uint8Array(before.length + added.length);
      joined.set(before);
      joined.set(added, before.length);
      put(run, file, joined);
    },
    async remove(run) {
      runs.delete(run);
    },
  };
}
