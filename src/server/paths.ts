/**
 * From the path of a request to a file, and to no file outside of the folder it is looked for in: neither by `..`, nor encoded, nor by
 * a symbolic link.
 */
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { RequestError } from "./answer.ts";

export interface FoundFile {
  /** Where it is on disk. */
  readonly path: string;
  /** Its name, as it was asked for. */
  readonly name: string;
}

/** The decoded segments of a request's path, without the query. Raises a RequestError (400) for one that is no path. */
export function segmentsOf(url: string): string[] {
  const path = url.split(/[?#]/, 1)[0];
  if (!path.startsWith("/")) throw new RequestError(400, "the address must be a path that begins with /");
  return path
    .slice(1)
    .split("/")
    .map((segment) => {
      try {
        return decodeURIComponent(segment);
      } catch {
        throw new RequestError(400, "the address is not encoded as UTF-8");
      }
    });
}

/** Names of folders and files that stay below where they are looked for. Raises a RequestError (400) for others. */
export function checkNames(names: readonly string[]): void {
  for (const name of names) {
    // Control characters, the null byte among them, are in no name that we serve.
    const bad = name === "" || name === "." || name === ".." || /[/\\]|\p{Cc}/u.test(name);
    if (bad) throw new RequestError(400, "the address holds a name that is no name of a file");
    if (name.startsWith(".")) throw new RequestError(404, "hidden files are not served");
  }
}

/** The file of these names below a folder; none where there is none, or where a link leads out of the folder. */
export async function findFile(folder: string, names: readonly string[]): Promise<FoundFile | undefined> {
  const path = await insideOf(folder, names);
  if (path === undefined || !(await stat(path)).isFile()) return undefined;
  return { path, name: names.at(-1)! };
}

/** The real path of these names below a folder, unless there is none, or a link leads out of it. Raises as `checkNames`. */
export async function insideOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  checkNames(names);
  try {
    const root = await realpath(folder);
    const path = await realpath(join(root, ...names));
    const within = path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
    return within ? path : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code && ["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"].includes(code)) return undefined;
    throw error;
  }
}
