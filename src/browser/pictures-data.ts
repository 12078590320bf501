/**
 * Pictures of a visitor as training data: decoded by the browser, brought to one size as the folder reader of Node does it
 * (data/image-folder.node.ts: turned upright, on white, the short side scaled, the middle cut out), kept as bytes. They are stored
 * with their run as one safetensors file, so that a run that goes on after a reload needs no picture again.
 *
 * `test/browser/pictures.test.ts` compares with Node's reader: two levels of 256 on average at most.
 */
import { DataError, FileFormatError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Batch, Dataset } from "../data/dataset.ts";
import { bytesDataset } from "../data/memory.ts";
import type { Picture } from "../io/picture.ts";
import { coveringSize, greyed, middleSquare, resized } from "../io/resize.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";

/** The file of a run that holds its pictures. */
export const PICTURES_FILE = "pictures.safetensors";

export interface PicturesShape {
  /** Width and height, pixels. */
  size: number;
  channels: 1 | 3;
}

export interface Pictures extends PicturesShape {
  count: number;
  /** [N, H, W, C] */
  bytes: Uint8Array;
}

export interface ReadOptions extends PicturesShape {
  /** Leave out files that are no pictures; otherwise they are refused. */
  skipBad?: boolean;
  /** Is told about every file that was left out. */
  onSkip?: (file: string, reason: string) => void;
}

/** Decodes pictures. Raises a DataError that names a file that is none, or that there are none. In a worker or a page. */
export async function readPictures(files: readonly File[], options: ReadOptions): Promise<Pictures> {
  const { size, channels, skipBad = false, onSkip } = options;
  const kept: Uint8Array[] = [];
  for (const file of files) {
    try {
      kept.push(trainingSquare(await decoded(file), { size, channels }).data);
    } catch (error) {
      const reason = `${file.name} is no picture that this browser reads (${(error as Error).message})`;
      if (!skipBad)
        throw new DataError(`${reason}; leave it away, or ask for such files to be left out`, { cause: error });
      onSkip?.(file.name, reason);
    }
  }
  if (kept.length === 0)
    throw new DataError(`none of the ${files.length} files is a picture: drop PNG, JPEG or WebP files`);
  const bytes = new Uint8Array(kept.length * size * size * channels);
  kept.forEach((picture, n) => void bytes.set(picture, n * picture.length));
  return { size, channels, count: kept.length, bytes };
}

/** A picture as a network is to see it: the middle square, in the size and the channels asked for. */
export function trainingSquare(picture: Picture, { size, channels }: PicturesShape): Picture {
  const { width, height } = coveringSize(picture, size);
  const square = middleSquare(resized(picture, width, height), size);
  return channels === 1 ? greyed(square) : square;
}

/** The pixels of an image file in colour: turned as its EXIF data say, on white where it is transparent. Raises what the browser does. */
async function decoded(file: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const colours = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) colours[3 * i + c] = data[4 * i + c];
  }
  return { width, height, channels: 3, data: colours };
}

/** `flip`: mirrors left and right, at odds of one half, for each reading with random numbers. */
export function picturesDataset({ size, channels, bytes }: Pictures, { flip = false } = {}): Dataset {
  const plain = bytesDataset({ name: "your pictures", images: bytes, channels, height: size, width: size });
  if (!flip) return plain;
  async function read(indices: ArrayLike<number>, draws?: (position: number) => Random): Promise<Batch> {
    const { images } = await plain.read(indices); // [N, C, size, size]
    const rows = channels * size;
    for (let n = 0; draws && n < indices.length; n++) {
      if (draws(n).uniform() >= 0.5) continue;
      for (let row = n * rows; row < (n + 1) * rows; row++) images.subarray(row * size, (row + 1) * size).reverse();
    }
    return { images };
  }
  return { ...plain, read };
}

export function encodePictures({ size, channels, count, bytes }: Pictures): Uint8Array {
  return encodeSafetensors(new Map([["pictures", { dtype: "U8", shape: [count, size, size, channels], data: bytes }]]));
}

/** Raises a FileFormatError for a file that holds no pictures. */
export function decodePictures(file: Uint8Array, label: string): Pictures {
  const tensor = decodeSafetensors(file, label).tensors.get("pictures");
  const [count, size, width, channels] = tensor?.shape ?? [];
  const square = tensor?.dtype === "U8" && tensor.shape.length === 4 && size === width;
  if (!square || (channels !== 1 && channels !== 3)) {
    throw new FileFormatError(
      `${label} holds no pictures [N, size, size, 1 or 3] of bytes: the run cannot go on without them`,
    );
  }
  return { size, channels, count, bytes: tensor.data as Uint8Array };
}
