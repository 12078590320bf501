/**
 * The image files of a folder: found, sorted, labelled by class sub-folders, and checked by their headers.
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { DataError, FileAccessError } from "../core/errors.ts";
import { readBytes } from "../io/files.node.ts";
import { describeImageError, type ImageInfo, readImageInfo } from "../io/picture.node.ts";

/** Endings of the files that are taken for images, in any case; others are passed over. */
export const IMAGE_ENDINGS: readonly string[] = [
  ".avif",
  ".gif",
  ".jfif",
  ".jpe",
  ".jpeg",
  ".jpg",
  ".png",
  ".svg",
  ".tif",
  ".tiff",
  ".webp",
];

/**
 * Paths of the image files in a folder and all its sub-folders, relative to it, with `/`, sorted by code unit, so that the order
 * is the same on every machine. Names that begin with a dot are passed over; symbolic links are followed.
 *
 * Raises a FileAccessError when the folder cannot be read, a DataError when there is no image in it.
 */
export async function findImages(folder: string): Promise<string[]> {
  const found: string[] = [];
  const visited = new Set<string>();

  async function walk(relative: string): Promise<void> {
    const here = join(folder, relative);
    const real = await realpath(here);
    if (visited.has(real)) return; // a link that leads back
    visited.add(real);
    for (const entry of await readdir(here, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const link = entry.isSymbolicLink() ? await stat(join(folder, path)).catch(() => undefined) : entry;
      if (link?.isDirectory()) await walk(path);
      else if (IMAGE_ENDINGS.includes(extname(path).toLowerCase())) found.push(path);
    }
  }

  try {
    await walk("");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new FileAccessError(`there is no folder ${folder}; check the path`, { cause: error });
    if (code === "ENOTDIR") throw new FileAccessError(`${folder} is a file; give a folder of images`, { cause: error });
    throw new FileAccessError(`cannot read the folder ${folder}: ${message}`, { cause: error });
  }
  if (found.length === 0) {
    throw new DataError(`there are no images in ${folder}; files that end in ${IMAGE_ENDINGS.join(", ")} are read`);
  }
  return found.sort();
}

/**
 * The class of each file: the name of its first folder. `undefined` where there are none.
 *
 * `mode`: `"folders"` wants every file in a sub-folder, `"none"` gives no labels; left out, files all in sub-folders are
 * labelled, files that all lie side by side are not, and a mixture raises a DataError.
 */
export function labelsOf(
  folder: string,
  files: readonly string[],
  mode: "folders" | "none" | undefined,
): { labels: number[]; classes: string[] } | undefined {
  if (mode === "none") return undefined;
  const outside = files.find((file) => !file.includes("/"));
  const inside = files.find((file) => file.includes("/"));
  if (mode === undefined && inside === undefined) return undefined;
  if (outside !== undefined) {
    const also = inside === undefined ? "" : `, while ${inside} lies in one`;
    throw new DataError(
      `classes are the sub-folders of ${folder}, but ${outside} lies in none${also}; move it, or pass labels: "none"`,
    );
  }
  const names = files.map((file) => file.slice(0, file.indexOf("/")));
  const classes = [...new Set(names)].sort();
  const numbers = new Map(classes.map((name, label) => [name, label]));
  return { labels: names.map((name) => numbers.get(name) as number), classes };
}

/** An image's header, or why it cannot be used. */
export type Checked = ImageInfo | { problem: string };

/** Reads the header of an image file. Raises a FileAccessError when it cannot be read at all. */
export async function checkImage(path: string): Promise<Checked> {
  try {
    return await readImageInfo(path);
  } catch (error) {
    await readBytes(path); // a file that cannot be opened is another matter than one that is no image
    return { problem: describeImageError(path, error) };
  }
}

/** `work` on every item, at most `limit` at a time; results in the order of the items. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
