/**
 * Files for the user, from what the page shows.
 */
import type { Picture } from "langevin/browser";

/** Hands a file to the browser's downloads. */
export function download(name: string, parts: BlobPart | readonly BlobPart[], type: string): void {
  const blob = new Blob(Array.isArray(parts) ? parts : [parts as BlobPart], { type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has the file by now, or holds on to it by itself.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A picture as a PNG file. */
export async function pngOf({ width, height, channels, data }: Picture): Promise<Uint8Array<ArrayBuffer>> {
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = data[channels === 3 ? 3 * i + c : i];
    pixels.data[4 * i + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}
