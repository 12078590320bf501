/**
 * Files on disk: reading with clear errors, and writing so that a file is either the old one or the new one, never a mixture.
 *
 * `writeFileAtomic` writes a temporary file in the same folder, flushes it to the disk (fsync), renames it over the
 * target, and flushes the folder. POSIX makes the rename atomic, so a kill or a power cut at any instant leaves the last
 * good file. What a kill can leave is the temporary file: `clearTemporary` removes those.
 *
 * Tested with a failure injected into every step, and on a real file system of 64 KB that is full.
 */
import { mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileAccessError } from "../core/errors.ts";
import { decodeJson } from "./json.ts";

/** The calls of `node:fs/promises` that this module needs; tests give others, to fill the disk. */
export interface FileSystem {
  open: typeof open;
  rename: typeof rename;
  unlink: typeof unlink;
}

const nodeFileSystem: FileSystem = { open, rename, unlink };
const TEMPORARY = /^\..*\.\d+-\d+\.langevin-tmp$/s;
let written = 0;

/** Of each system error code: what it means, and what to do. */
const CAUSES: Record<string, [string, string] | undefined> = {
  ENOSPC: ["the disk is full", "free some space, or choose another folder"],
  EDQUOT: ["the disk quota is used up", "free some space, or choose another folder"],
  EFBIG: ["the file is larger than this file system allows", "choose another folder"],
  EACCES: ["permission is denied", "change the permissions, or choose another folder"],
  EPERM: ["the operation is not permitted", "change the permissions, or choose another folder"],
  EROFS: ["the file system is read-only", "choose another folder"],
  ENOENT: ["no such file or folder", "check the path; a folder must exist before a file is written in it"],
  ENOTDIR: ["a part of the path is a file, not a folder", "check the path"],
  EISDIR: ["it is a folder", "give the path of a file"],
  ENAMETOOLONG: ["the name is too long", "choose a shorter one"],
  EIO: ["the disk reports an error", "check the disk, or choose another folder"],
  EMFILE: ["too many files are open", "raise the limit (ulimit -n)"],
};

function accessError(doing: string, error: unknown): FileAccessError {
  const { code = "unknown error", message } = error as NodeJS.ErrnoException;
  const [reason, remedy] = CAUSES[code] ?? [message, "see the system's message"];
  return new FileAccessError(`cannot ${doing}: ${reason} (${code}); ${remedy}`, { cause: error });
}

/**
 * Writes a whole file, or leaves the old one as it was. Text is written as UTF-8. The folder must exist. A symbolic link is
 * replaced, not followed.
 *
 * Raises a FileAccessError (full disk, no permission, read-only, no such folder ...) after removing what was begun.
 */
export async function writeFileAtomic(
  path: string,
  contents: Uint8Array | string,
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${written++}.langevin-tmp`);
  let created = false;
  try {
    const file = await fileSystem.open(temporary, "wx");
    created = true;
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(temporary, path);
    created = false;
    await syncFolder(dirname(path), fileSystem);
  } catch (error) {
    // The first error is the one to report; a temporary file that cannot be removed is left for clearTemporary.
    if (created) await fileSystem.unlink(temporary).catch(() => {});
    throw accessError(`write ${bytes.length} bytes to ${path}`, error);
  }
}

/** Makes a rename durable. Windows, and a few network file systems, cannot flush a folder: there the rename alone must do. */
async function syncFolder(path: string, fileSystem: FileSystem): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await fileSystem.open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL" && code !== "ENOTSUP") throw error;
  } finally {
    await folder.close();
  }
}

/**
 * Removes the temporary files that killed processes left in a folder, and returns their names. Call it only while nothing
 * else writes there: it cannot tell a file that was abandoned from one that is being written.
 */
export async function clearTemporary(folder: string): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => TEMPORARY.test(name)).sort();
    for (const name of names) await unlink(join(folder, name));
    return names;
  } catch (error) {
    throw accessError(`clear the folder ${folder}`, error);
  }
}

/** Makes a folder and those above it, where they are missing. Raises a FileAccessError. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw accessError(`make the folder ${path}`, error);
  }
}

/** The bytes of a file, also of one over 2 GB. Raises a FileAccessError. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size === 0) return new Uint8Array(await file.readFile()); // pipes and devices tell no size
      const bytes = new Uint8Array(size);
      let filled = 0;
      while (filled < size) {
        const { bytesRead } = await file.read(bytes, filled, Math.min(size - filled, 2 ** 30), filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw accessError(`read ${path}`, error);
  }
}

/** The value in a JSON file. Raises a FileAccessError when it cannot be read, a FileFormatError when it is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  return decodeJson(await readBytes(path), path);
}
