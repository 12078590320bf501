/**
 * The pictures of a run as files: `samples.png`, `denoising.webp`, `forward.png`, and strips.
 */
import { dirname } from "node:path";
import type { Shape } from "../core/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import { toDisplayRange } from "../data/dataset.ts";
import { arePoints } from "../data/toy.ts";
import type { Path } from "../diffusion/path-contract.ts";
import { makeFolder, writeFileAtomic } from "../io/files.node.ts";
import { encodePng, writeAnimation } from "../io/picture.node.ts";
import type { Picture } from "../io/picture.ts";
import { denoisingAnimation, forwardPicture, type PointsOptions, samplesPicture, traceStrip } from "./pictures.ts";
import { MOST_REAL } from "./points.ts";
import { type SampleRequest, sampleSteps } from "./sample.ts";

/** A picture, and the bytes of the PNG file that it was written to. */
export interface WrittenPicture {
  path: string;
  picture: Picture;
  png: Uint8Array;
}

/** Writes a grid of images [N, C, H, W]; makes the folder where it is missing. Raises a FileAccessError. */
export async function writeSamples(
  path: string,
  images: Float32Array,
  shape: Shape,
  options: PointsOptions = {},
): Promise<WrittenPicture> {
  return await writePicture(path, samplesPicture(images, shape, options));
}

/** Writes the strip of a batch that is drawn for it, as PNG. */
export async function writeTrace(
  path: string,
  request: SampleRequest,
  options: PointsOptions = {},
): Promise<WrittenPicture> {
  const shape = [request.count, ...request.network.imageShape];
  return await writePicture(path, await traceStrip(sampleSteps(request), shape, options));
}

/** Writes the animation of a batch that is drawn for it; the ending decides: `.webp` or `.gif`. */
export async function writeDenoising(path: string, request: SampleRequest, options: PointsOptions = {}): Promise<void> {
  const shape = [request.count, ...request.network.imageShape];
  const { frames, delayMs } = await denoisingAnimation(sampleSteps(request), shape, options);
  await makeFolder(dirname(path));
  await writeAnimation(path, frames, { delayMs });
}

/** Writes the forward process of the first `count` images of a data set: four, or a thousand points. */
export async function writeForward(
  path: string,
  {
    data,
    noisePath,
    seed,
    count = arePoints([data.channels, data.height, data.width]) ? MOST_REAL : 4,
  }: { data: Dataset; noisePath: Path; seed: number; count?: number },
): Promise<WrittenPicture> {
  const rows = Math.min(count, data.size);
  const { images } = await data.read(Array.from({ length: rows }, (_, i) => i));
  const shape = [rows, data.channels, data.height, data.width];
  return await writePicture(path, forwardPicture(toDisplayRange(data, images), shape, noisePath, seed));
}

async function writePicture(path: string, picture: Picture): Promise<WrittenPicture> {
  const png = await encodePng(picture);
  await makeFolder(dirname(path));
  await writeFileAtomic(path, png);
  return { path, picture, png };
}
