/**
 * Image tensors as the pixels of a canvas: byte = round(clip((x + 1) · 127.5, 0, 255)), the rule of `io/picture`.
 */

export interface PixelImage {
  readonly data: Float32Array | Uint8ClampedArray;
  /** [C, H, W] of floats in [-1, 1], or [H, W, 4] of RGBA bytes. */
  readonly shape: readonly number[];
}

export function sizeOfImage({ data, shape }: PixelImage): { width: number; height: number } {
  const [height, width] = data instanceof Float32Array ? shape.slice(1) : shape;
  return { width, height };
}

/** RGBA of the picture. A shape that does not fit the data is a RangeError. */
export function paint(image: PixelImage): ImageData {
  const { data, shape } = image;
  const { width, height } = sizeOfImage(image);
  const count = shape.reduce((product, length) => product * length, 1);
  const channels = data instanceof Float32Array ? shape[0] : shape[2];
  const known = data instanceof Float32Array ? channels === 1 || channels === 3 : channels === 4;
  if (shape.length !== 3 || !known || count !== data.length) {
    throw new RangeError(
      `a picture is [1 or 3, H, W] floats or [H, W, 4] bytes, not [${shape}] with ${data.length} values`,
    );
  }
  const pixels = new ImageData(width, height);
  if (data instanceof Uint8ClampedArray) {
    pixels.data.set(data);
    return pixels;
  }
  const area = width * height;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      // A Uint8ClampedArray rounds and clips by itself.
      pixels.data[4 * i + c] = (data[channels === 3 ? c * area + i : i] + 1) * 127.5;
    }
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}
