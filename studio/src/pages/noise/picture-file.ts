/**
 * A file of the user as a picture: its middle square, scaled to 96 × 96, transparent parts on white. It stays in the tab.
 */
import { type Picture, SIDE } from "./pictures.ts";

/** Raises an Error that names the file where the browser cannot read it as a picture. */
export async function pictureOfFile(file: File): Promise<Picture> {
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new Error(
      `“${file.name}” is no picture that this browser can read (${file.type || "of an unknown kind"}, ${file.size} bytes); ` +
        "drop a PNG, JPEG, WebP, GIF or AVIF file",
      { cause },
    );
  });
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true })!;
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  context.fillStyle = "white";
  context.fillRect(0, 0, SIDE, SIDE);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
  bitmap.close();
  const { data: bytes } = context.getImageData(0, 0, SIDE, SIDE); // [H, W, 4]
  const area = SIDE * SIDE;
  const data = new Float32Array(3 * area); // [3, H, W]
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < area; i++) data[c * area + i] = bytes[4 * i + c] / 127.5 - 1;
  }
  return { name: file.name, data, shape: [3, SIDE, SIDE] };
}
