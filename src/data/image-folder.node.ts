/**
 * A data set of any folder of images: mixed sizes, any format that sharp reads, with or without class sub-folders.
 *
 * Each image is turned upright (EXIF), laid on white where it is transparent, resized by Lanczos3 so that its shorter side is
 * `size` (smaller ones are enlarged, the aspect ratio stays), and cropped to a square:
 *
 *     scale = size / min(w, h),   (W, H) = round(scale · (w, h)),   crop at floor((W - size) / 2), floor((H - size) / 2)
 *
 * or, with `crop: "random"`, at a place drawn uniformly. A set that fits in 256 MB once resized is kept in memory as it is read.
 */
import { basename, join, resolve } from "node:path";
import { DataError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { readBytes } from "../io/files.node.ts";
import { decodeImage, describeImageError } from "../io/picture.node.ts";
import type { Picture } from "../io/picture.ts";
import { coveringSize, middleSquare } from "../io/resize.ts";
import { type Batch, checkChoice, checkIndices, checkWhole, type Dataset, type Normalise } from "./dataset.ts";
import { checkImage, findImages, labelsOf, mapLimited } from "./image-files.node.ts";
import { Levels, levelTables } from "./normalise.ts";

export interface ImageFolderOptions {
  /** Width and height of the examples, in pixels. */
  size: number;
  /**
   * 1: grey, 3: colour; images of the other kind are converted. @default what the files are: colour or grey, never mixed
   */
  channels?: 1 | 3;
  /** `"random"` draws the place of the crop for each reading with random numbers. @default "center" */
  crop?: "center" | "random";
  /** Mirrors left and right, at odds of one half, for each reading with random numbers. @default false */
  flip?: boolean;
  /** `"standard"` reads the whole set at once to measure it, uncropped when the crop is random. @default "range" */
  normalise?: Normalise;
  /** Whether sub-folders are classes. @default "folders" when all images lie in sub-folders, "none" when none does */
  labels?: "folders" | "none";
  /**
   * Leaves out files that are no usable images, instead of raising an error. So that no damage appears later, the whole set
   * is then read when it is opened. @default false
   */
  skipBad?: boolean;
  /** Is told about every file that was left out: its path, and why. */
  onSkip?: (file: string, reason: string) => void;
}

const CACHE_BYTES = 256 * 2 ** 20;

/** Files whose headers are read, or images decoded, at a time; libvips keeps the cores busy with fewer. */
const AT_ONCE = 8;

interface Entry {
  path: string;
  label: number;
  grey: boolean;
  /** After resizing, before cropping. */
  width: number;
  height: number;
  cached?: Picture;
}

/**
 * Opens a folder of images. Every file's header is read and checked; see `skipBad` for its body.
 *
 * Raises a FileAccessError when the folder or a file cannot be read; a DataError when there are no images, when a file with an
 * image's ending is none, when grey and colour are mixed and `channels` is left out, or when some images lie outside of the
 * class folders; a ConfigError for an option out of range. `read` raises a DataError that names a file which cannot be decoded.
 */
export async function imageFolder(folder: string, options: ImageFolderOptions): Promise<Dataset> {
  const { size, crop = "center", flip = false, normalise = "range", skipBad = false, onSkip } = options;
  checkWhole("size", size, 1);
  checkChoice("channels", options.channels, [1, 3, undefined]);
  checkChoice("crop", crop, ["center", "random"]);
  checkChoice("flip", flip, [true, false]);
  checkChoice("normalise", normalise, ["range", "standard"]);
  checkChoice("labels", options.labels, ["folders", "none", undefined]);

  const files = await findImages(folder);
  const labelled = labelsOf(folder, files, options.labels);
  const checks = await mapLimited(files, AT_ONCE, (file) => checkImage(join(folder, file)));

  /** Leaves the bad files out, or raises the first of them. */
  function refuse(bad: readonly { path: string; problem: string }[]): void {
    if (bad.length === 0) return;
    if (!skipBad) {
      const more = bad.length > 1 ? ` (and ${bad.length - 1} more like it)` : "";
      throw new DataError(`${bad[0].problem}${more}, or pass skipBad to leave such files out`);
    }
    for (const { path, problem } of bad) onSkip?.(path, problem);
  }

  let entries: Entry[] = [];
  const bad: { path: string; problem: string }[] = [];
  checks.forEach((check, i) => {
    const path = join(folder, files[i]);
    if ("problem" in check) bad.push({ path, problem: check.problem });
    else {
      const { width, height } = coveringSize(check, size);
      entries.push({ path, label: labelled?.labels[i] ?? 0, grey: check.grey, width, height });
    }
  });
  refuse(bad);
  const channels = options.channels ?? commonChannels(folder, entries);

  const square = size * size * channels;
  const bytesOf = (entry: Entry) => (crop === "random" ? entry.width * entry.height * channels : square);
  const keep = entries.reduce((sum, entry) => sum + bytesOf(entry), 0) <= CACHE_BYTES;

  /** The resized picture, cropped already when the place of the crop is fixed. */
  async function load(entry: Entry): Promise<Picture> {
    if (entry.cached !== undefined) return entry.cached;
    const bytes = await readBytes(entry.path);
    let picture: Picture;
    try {
      picture = await decodeImage(bytes, channels, entry);
    } catch (error) {
      throw new DataError(describeImageError(entry.path, error), { cause: error });
    }
    if (crop === "center") picture = middleSquare(picture, size);
    if (keep) entry.cached = picture;
    return picture;
  }

  const levels = new Levels(channels);
  if (skipBad || normalise === "standard") {
    const problems = await mapLimited(entries, AT_ONCE, async (entry) => {
      try {
        levels.add((await load(entry)).data);
        return undefined;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        return error.message;
      }
    });
    refuse(entries.flatMap(({ path }, i) => (problems[i] === undefined ? [] : [{ path, problem: problems[i] }])));
    entries = entries.filter((_, i) => problems[i] === undefined);
  }
  if (entries.length === 0) {
    throw new DataError(
      `there is no usable image in ${folder}: all ${files.length} files with an image's ending are bad`,
    );
  }
  const name = basename(resolve(folder));
  const moments = normalise === "standard" ? levels.moments(name) : undefined;
  const tables = levelTables(channels, moments);

  async function read(indices: ArrayLike<number>, draws?: (position: number) => Random): Promise<Batch> {
    checkIndices({ name, size: entries.length }, indices);
    const chosen = Array.from(indices, (index) => entries[index]);
    const images = new Float32Array(chosen.length * square); // [N, C, size, size]
    await mapLimited(chosen, AT_ONCE, async (entry, n) => {
      const picture = await load(entry);
      const random = draws?.(n);
      const mirror = flip && random !== undefined && random.uniform() < 0.5;
      const place =
        crop === "random" && random !== undefined ? randomPlace(picture, size, random) : middle(picture, size);
      fillSquare(images, n, picture, place, size, mirror, tables);
    });
    return labelled === undefined ? { images } : { images, labels: Int32Array.from(chosen, ({ label }) => label) };
  }

  return {
    name,
    size: entries.length,
    channels,
    height: size,
    width: size,
    classes: labelled?.classes,
    ...moments,
    read,
  };
}

/** The channels that all files have. */
function commonChannels(folder: string, entries: readonly Entry[]): 1 | 3 {
  const grey = entries.find((entry) => entry.grey);
  const colour = entries.find((entry) => !entry.grey);
  if (grey !== undefined && colour !== undefined) {
    throw new DataError(
      `${folder} mixes grey and colour images: ${grey.path} is grey, ${colour.path} is not; pass channels: 1 or channels: 3 to convert`,
    );
  }
  return grey === undefined ? 3 : 1;
}

interface Place {
  left: number;
  top: number;
}

const middle = ({ width, height }: Picture, size: number): Place => ({
  left: Math.floor((width - size) / 2),
  top: Math.floor((height - size) / 2),
});

const randomPlace = ({ width, height }: Picture, size: number, random: Random): Place => ({
  left: random.integer(width - size + 1),
  top: random.integer(height - size + 1),
});

/** Writes one square of a picture as image `n` of a batch [N, C, size, size]. */
function fillSquare(
  batch: Float32Array,
  n: number,
  { width, channels, data }: Picture,
  { left, top }: Place,
  size: number,
  mirror: boolean,
  tables: readonly Float32Array[],
): void {
  for (let c = 0; c < channels; c++) {
    const table = tables[c];
    let to = (n * channels + c) * size * size;
    for (let y = 0; y < size; y++) {
      const row = (top + y) * width + left;
      for (let x = 0; x < size; x++) {
        const from = row + (mirror ? size - 1 - x : x);
        batch[to++] = table[data[from * channels + c]];
      }
    }
  }
}
