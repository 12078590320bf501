/**
 * Files of the user as small pictures: the middle square of each, scaled, transparent parts on white. They stay in the tab.
 */
export interface PictureBytes {
  readonly name: string;
  readonly file: File;
  /** [H, W, C], 0 to 255. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * A file as `size` × `size` pixels of 1 (grey) or 3 channels. Raises an Error that names the file where the browser cannot
 * read it as a picture.
 */
export async function pictureOf(file: File, size: number, channels: 1 | 3): Promise<PictureBytes> {
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new Error(
      `“${file.name}” is no picture that this browser can read (${file.type || "of an unknown kind"}, ${file.size} bytes); ` +
        "drop PNG, JPEG, WebP, GIF or AVIF files",
      { cause },
    );
  });
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true })!;
  const side = Math.min(bitmap.width, bitmap.height);
  context.fillStyle = "white";
  context.fillRect(0, 0, size, size);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, size, size);
  bitmap.close();
  return { name: file.name, file, bytes: channelsOf(context.getImageData(0, 0, size, size).data, channels) };
}

/** RGBA bytes as grey (Rec. 709 weights) or RGB. */
export function channelsOf(rgba: ArrayLike<number>, channels: 1 | 3): Uint8Array<ArrayBuffer> {
  const pixels = rgba.length / 4;
  const out = new Uint8Array(pixels * channels);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]];
    if (channels === 3) out.set([r, g, b], 3 * i);
    else out[i] = Math.round(0.2126 * r + 0.7152 * g + 0.0722 * b);
  }
  return out;
}

/** Files that are no pictures among others: the pictures, and what is wrong with the rest. */
export async function picturesOf(files: readonly File[], size: number, channels: 1 | 3) {
  const pictures: PictureBytes[] = [];
  const faults: string[] = [];
  for (const file of files) {
    try {
      pictures.push(await pictureOf(file, size, channels));
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  return { pictures, faults };
}
