/**
 * Runs in the browser's private file system (OPFS): folders below `runs/`, which stay until they are removed, or the browser
 * is told to forget the site. A file is written beside the old one and takes its place when it is whole, so that a tab that
 * is closed in the middle leaves the old one; where there was none, it leaves an empty file, which counts as none.
 */
import { FileAccessError } from "../core/errors.ts";
import { checkFileName, checkRunName, type RunStore } from "./run-store.ts";
import { newestFirst, type StoredFile, summaryOf } from "./run-summary.ts";

const ROOT = "runs";

/** The store of this browser, for the address of this page. Raises a FileAccessError where the browser has none. */
export function opfsRunStore(): RunStore {
  const storage = globalThis.navigator?.storage;
  if (typeof storage?.getDirectory !== "function") {
    throw new FileAccessError(
      "this browser keeps no private files for pages, so a run would be lost with the tab; use a current Chrome, Edge, " +
        "Firefox or Safari, not in a private window, over https or from localhost",
    );
  }
  const root = async () => await (await storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  const folderOf = async (run: string, create: boolean) => {
    checkRunName(run);
    return await found(async () => await (await root()).getDirectoryHandle(run, { create }));
  };
  return {
    async list() {
      const summaries = [];
      for await (const [name, handle] of entries(await root())) {
        if (handle.kind === "directory") {
          summaries.push(await summaryOf(name, await filesIn(handle as FileSystemDirectoryHandle)));
        }
      }
      return newestFirst(summaries);
    },
    async files(run) {
      const folder = await folderOf(run, false);
      return folder ? (await filesIn(folder)).map(({ name }) => name).sort() : [];
    },
    async read(run, file) {
      checkFileName(file);
      const folder = await folderOf(run, false);
      const handle = folder && (await found(() => fileIn(folder, file, false)));
      const bytes = await (await handle?.getFile())?.arrayBuffer();
      return bytes?.byteLength ? new Uint8Array(bytes) : undefined;
    },
    async write(run, file, bytes) {
      await put(run, file, async (handle) => {
        const writable = await handle.createWritable();
        await finish(writable, async () => {
          await writable.truncate(bytes.byteLength); // a quota too small is named here; in the middle of a write it may be a broken pipe
          await writable.write({ type: "write", position: 0, data: bytes as Uint8Array<ArrayBuffer> });
        });
      });
    },
    async append(run, file, text) {
      await put(run, file, async (handle) => {
        const { size } = await handle.getFile();
        const writable = await handle.createWritable({ keepExistingData: true });
        await finish(writable, async () => await writable.write({ type: "write", position: size, data: text }));
      });
    },
    async remove(run) {
      checkRunName(run);
      await found(async () => await (await root()).removeEntry(run, { recursive: true }));
    },
    lock: lockRun,
  };

  async function put(run: string, file: string, write: (handle: FileSystemFileHandle) => Promise<void>): Promise<void> {
    checkFileName(file);
    const folder = (await folderOf(run, true))!;
    try {
      await write(await fileIn(folder, file, true));
    } catch (error) {
      const { usage = 0 } = await storage.estimate().catch(() => ({}) as StorageEstimate);
      throw writeError(error as Error, `${run}/${file}`, usage);
    }
  }
}

/** Milliseconds that a tab that was just closed has to let go of a run. */
const LETTING_GO_MS = 1500;

/** One lock for each run, over all tabs of this address. */
async function lockRun(run: string): Promise<AsyncDisposable> {
  checkRunName(run);
  const taken = `${run} is being trained in another tab or window of this browser: look at it there, or stop it there first`;
  return await new Promise((resolve, reject) => {
    const hold = () => new Promise<void>((release) => resolve({ [Symbol.asyncDispose]: async () => release() }));
    const signal = AbortSignal.timeout(LETTING_GO_MS);
    navigator.locks.request(`langevin run ${run}`, { signal }, hold).catch((cause: Error) => {
      reject(new FileAccessError(signal.aborted ? taken : `${run} cannot be locked: ${cause.message}`, { cause }));
    });
  });
}

/** What is written takes the place of the file when it is closed, and not at all when writing fails. */
async function finish(writable: FileSystemWritableFileStream, write: () => Promise<void>): Promise<void> {
  try {
    await write();
    await writable.close();
  } catch (error) {
    await writable.abort().catch(() => undefined);
    throw error;
  }
}

/** Undefined for what is not there. */
async function found<T>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if ((error as Error).name === "NotFoundError") return undefined;
    throw error;
  }
}

async function fileIn(folder: FileSystemDirectoryHandle, file: string, create: boolean): Promise<FileSystemFileHandle> {
  const names = file.split("/");
  let inner = folder;
  for (const name of names.slice(0, -1)) inner = await inner.getDirectoryHandle(name, { create });
  return await inner.getFileHandle(names[names.length - 1], { create });
}

async function filesIn(folder: FileSystemDirectoryHandle, prefix = ""): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for await (const [name, handle] of entries(folder)) {
    if (handle.kind === "directory") {
      files.push(...(await filesIn(handle as FileSystemDirectoryHandle, `${prefix}${name}/`)));
    } else if (!name.endsWith(".crswap")) {
      // Chromium's file beside one that is being written
      const file = await (handle as FileSystemFileHandle).getFile();
      if (file.size === 0) continue;
      files.push({
        name: prefix + name,
        bytes: file.size,
        changed: file.lastModified,
        read: async (end = file.size) => new Uint8Array(await file.slice(0, end).arrayBuffer()),
      });
    }
  }
  return files;
}

type Entries = AsyncIterable<[string, FileSystemHandle]>;

function entries(folder: FileSystemDirectoryHandle): Entries {
  return (folder as unknown as { entries(): Entries }).entries();
}

/** @param usage Bytes that the page keeps. What it may keep is not told: browsers round that, so that pages cannot tell people apart. */
function writeError(cause: Error, path: string, usage: number): Error {
  const kept = "what was saved before is as it was";
  const full =
    `this browser gives the page no more room (it uses ${(usage / 1e6).toFixed(0)} MB); ${kept}: ` +
    "export the run, or remove others and save again";
  const reason = cause.name === "QuotaExceededError" ? full : `${cause.message}; ${kept}`;
  return new FileAccessError(`${path} cannot be written: ${reason}`, { cause });
}
