/**
 * What is saved of a drawing: the pictures as one PNG, and the way there as an animated PNG, in the layout of the command
 * line's own files.
 */
import { animatedPng, denoisingAnimation, samplesPicture } from "langevin/browser";
import { download, pngOf } from "../../lib/download.ts";
import type { Frame } from "./drawing.svelte.ts";

export async function savePng(name: string, images: Float32Array, shape: readonly number[]): Promise<void> {
  download(name, await pngOf(samplesPicture(images, shape)), "image/png");
}

export async function saveAnimation(name: string, frames: readonly Frame[], shape: readonly number[]): Promise<void> {
  const { frames: pictures, delayMs } = await denoisingAnimation(each(frames), shape);
  download(name, animatedPng(await Promise.all(pictures.map(pngOf)), { delayMs }), "image/png");
}

async function* each(frames: readonly Frame[]): AsyncGenerator<Frame> {
  yield* frames;
}
