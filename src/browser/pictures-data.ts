/**
 * Pictures of a visitor as training data: decoded by the browser, brought to one size (the short side scaled, the middle cut
 * out, as the folder reader of Node does), kept as bytes. They are stored with their run as one safetensors file, so that
 * a run that goes on after a reload needs no picture again.
 */
import { DataError, FileFormatError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { bytesDataset } from "../data/memory.ts";
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
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const kept: Uint8Array[] = [];
  for (const file of files) {
    try {
      kept.push(await readPicture(file, context, { size, channels }));
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

async function readPicture(
  file: Blob,
  context: OffscreenCanvasRenderingContext2D,
  { size, channels }: PicturesShape,
): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file); // turned as its EXIF data say
  try {
    const scale = size / Math.min(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.fillStyle = "#fff"; // behind what is transparent
    context.fillRect(0, 0, size, size);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (size - width) / 2, (size - height) / 2, width, height);
  } finally {
    bitmap.close();
  }
  const { data } = context.getImageData(0, 0, size, size);
  const bytes = new Uint8Array(size * size * channels);
  for (let i = 0; i < size * size; i++) {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
    if (channels === 3) bytes.set([red, green, blue], 3 * i);
    else bytes[i] = Math.round(0.2126 * red + 0.7152 * green + 0.0722 * blue); // luma, Rec. 709
  }
  return bytes;
}

export function picturesDataset({ size, channels, bytes }: Pictures): Dataset {
  return bytesDataset({ name: "your pictures", images: bytes, channels, height: size, width: size });
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
