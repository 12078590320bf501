/**
 * Pictures from and to image files, by sharp (libvips).
 *
 * Reading gives 8-bit sRGB or grey: the EXIF orientation is applied, transparency is laid on white, other colour spaces and
 * 16-bit files are converted, and of an animation the first frame is taken. Grey from colour is the luminance, as libvips has it.
 */
import { extname } from "node:path";
import sharp from "sharp";
import { ConfigError, FileFormatError } from "../core/errors.ts";
import { readBytes, writeFileAtomic } from "./files.node.ts";
import { checkPictures, type Picture } from "./picture.ts";

/** Writes a picture as a PNG file, atomically. Raises a FileAccessError. */
export async function writePng(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await encodePng(picture));
}

/** The bytes of a PNG file. */
export async function encodePng(picture: Picture): Promise<Uint8Array> {
  checkPictures([picture]);
  const { data, width, height, channels } = picture;
  const image = sharp(data, { raw: { width, height, channels } });
  return await image
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * Reads an image file.
 *
 * `channels`: 1 for grey, 3 for colour; what the file holds by default. Raises a FileAccessError when it cannot be read, a
 * FileFormatError that names it when it is not an image.
 */
export async function readImage(path: string, options: { channels?: 1 | 3 } = {}): Promise<Picture> {
  const bytes = await readBytes(path);
  try {
    const channels = options.channels ?? ((await readImageInfo(bytes)).grey ? 1 : 3);
    return await decodeImage(bytes, channels);
  } catch (error) {
    throw new FileFormatError(describeImageError(path, error), { cause: error });
  }
}

/** Why an image file cannot be used, in one line: its name, libvips's reason, what to do. */
export function describeImageError(path: string, error: unknown): string {
  const reason = (error as Error).message.split("\n")[0];
  return `${path} is not a usable image (${reason}); repair or remove it`;
}

export interface ImageInfo {
  /** Pixels, after the EXIF orientation. */
  width: number;
  height: number;
  /** Whether it has one channel, apart from transparency. */
  grey: boolean;
}

/** Reads the header of an image file. `source`: a path, or the file's bytes. Raises what libvips raises. */
export async function readImageInfo(source: string | Uint8Array): Promise<ImageInfo> {
  const { autoOrient, space } = await sharp(source).metadata();
  return { ...autoOrient, grey: space === "b-w" || space === "grey16" };
}

/** Decodes the bytes of an image file, and resizes it (Lanczos3) when a size is given. Raises what libvips raises. */
export async function decodeImage(
  bytes: Uint8Array,
  channels: 1 | 3,
  size?: { width: number; height: number },
): Promise<Picture> {
  let image = sharp(bytes).autoOrient().flatten({ background: "#ffffff" });
  if (size !== undefined) image = image.resize(size.width, size.height, { fit: "fill", kernel: "lanczos3" });
  const { data, info } = await image
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new Error(`decoded to ${info.channels} channels instead of ${channels}`);
  return { width: info.width, height: info.height, channels, data: new Uint8Array(data) };
}

/**
 * Writes an animation that repeats for ever, atomically: `.gif`, or `.webp` (lossless).
 *
 * `delayMs`: time of each frame in ms, one for all or one each; GIF rounds to 10 ms, and browsers slow down below 20. Raises a
 * ConfigError for another ending or a bad delay, a ShapeError when there is no frame or frames differ in size, a FileAccessError.
 */
export async function writeAnimation(
  path: string,
  frames: readonly Picture[],
  { delayMs }: { delayMs: number | readonly number[] },
): Promise<void> {
  const ending = extname(path).toLowerCase();
  if (ending !== ".gif" && ending !== ".webp") {
    throw new ConfigError(`an animation is written to a file that ends in .gif or .webp, not to ${path}`);
  }
  checkPictures(frames);
  const delay = typeof delayMs === "number" ? frames.map(() => delayMs) : [...delayMs];
  if (delay.length !== frames.length || !delay.every((ms) => Number.isInteger(ms) && ms >= 1 && ms <= 65535)) {
    throw new ConfigError(
      `delayMs must be one whole number of ms from 1 to 65535, or one for each of the ${frames.length} frames, not ${JSON.stringify(delayMs)}`,
    );
  }
  const { width, height, channels } = frames[0];
  const data = new Uint8Array(frames.length * width * height * channels);
  for (const [i, frame] of frames.entries()) data.set(frame.data, i * frame.data.length);
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  const image = sharp(data, { raw, limitInputPixels: false });
  const encoded =
    ending === ".gif"
      ? image.gif({ delay, loop: 0, keepDuplicateFrames: true })
      : image.webp({ lossless: true, delay, loop: 0 });
  await writeFileAtomic(path, await encoded.toBuffer());
}
