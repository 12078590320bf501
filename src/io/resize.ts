/**
 * Pictures brought to another size in plain arithmetic, so that every browser gives the same pixels, those of Node to a level
 * or two. A pixel is a weighted mean of those about its place, first along rows, then along columns:
 *
 *   out[j] = Σ_i w(i - c_j) in[i] / Σ_i w(i - c_j),   c_j = (j + 1/2) / s - 1/2,   s = new size / old size
 *
 * To make smaller (s < 1), w(x) = L(s x) with the windowed sinc L(x) = sinc(x) sinc(x / 3), |x| < 3: Lanczos3. To make larger, w is the
 * cubic of Catmull and Rom. Beyond the edge stands the last pixel. This is what libvips does
 * (https://www.libvips.org/API/current/method.Image.resize.html), with two differences: it takes plain means of pixels before
 * where a picture is made more than twice as small, and what it makes larger is half a new pixel aside. The test compares
 * with it through sharp, and what is made larger with the kernel's own values.
 */
import type { Picture } from "./picture.ts";

/** A picture in another size, in pixels. */
export function resized(picture: Picture, width: number, height: number): Picture {
  const { channels } = picture;
  const rows = along(picture.data, { lines: picture.height, from: picture.width, to: width, channels });
  // Columns are rows of a picture whose pixels are whole rows.
  const data = along(rows, { lines: 1, from: picture.height, to: height, channels: width * channels });
  return {
    width,
    height,
    channels,
    data: Uint8Array.from(data, (level) => Math.min(255, Math.max(0, Math.round(level)))),
  };
}

/** The size in which a picture's shorter side is `side`: what is cut out of is never larger than needed. */
export function coveringSize({ width, height }: Pick<Picture, "width" | "height">, side: number) {
  const scale = side / Math.min(width, height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** The square in the middle, `side` pixels wide and high; where it cannot be in the very middle, half a pixel before. */
export function middleSquare(picture: Picture, side: number): Picture {
  const { width, height, channels, data } = picture;
  const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const square = new Uint8Array(side * side * channels);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * channels;
    square.set(data.subarray(start, start + side * channels), y * side * channels);
  }
  return { width: side, height: side, channels, data: square };
}

interface Lines {
  lines: number;
  /** Pixels of a line, before and after. */
  from: number;
  to: number;
  /** Numbers of a pixel. */
  channels: number;
}

/** Lines of pixels, [lines, from, channels], in another length. */
function along(values: ArrayLike<number>, { lines, from, to, channels }: Lines): Float32Array {
  const out = new Float32Array(lines * to * channels);
  for (let j = 0; j < to; j++) {
    const { first, weights } = weightsAt(j, from, to);
    for (let line = 0; line < lines; line++) {
      const at = (line * to + j) * channels;
      weights.forEach((weight, i) => {
        const source = (line * from + Math.min(from - 1, Math.max(0, first + i))) * channels;
        for (let c = 0; c < channels; c++) out[at + c] += weight * values[source + c];
      });
    }
  }
  return out;
}

/** The weights of the pixels from `first` on of which pixel j is made; their sum is 1. */
function weightsAt(j: number, from: number, to: number): { first: number; weights: number[] } {
  const scale = Math.min(1, to / from);
  const [kernel, radius] = to < from ? [lanczos3, 3 / scale] : [catmullRom, 2];
  const centre = ((j + 0.5) * from) / to - 0.5;
  const first = Math.ceil(centre - radius);
  const count = Math.floor(centre + radius) - first + 1;
  const weights = Array.from({ length: count }, (_, i) => kernel(scale * (first + i - centre)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { first, weights: weights.map((weight) => weight / sum) };
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const lanczos3 = (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);

function catmullRom(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/**
 * The grey picture of a colour one: its luminance, Y = 0.2126 R + 0.7152 G + 0.0722 B of the linear light of sRGB (IEC 61966-2-1),
 * as libvips has it.
 */
export function greyed(picture: Picture): Picture {
  const { width, height, channels, data } = picture;
  if (channels === 1) return picture;
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const light = 0.2126 * LIGHT[data[3 * i]] + 0.7152 * LIGHT[data[3 * i + 1]] + 0.0722 * LIGHT[data[3 * i + 2]];
    grey[i] = Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  }
  return { width, height, channels: 1, data: grey };
}

/** Linear light of each level. */
const LIGHT = Float64Array.from({ length: 256 }, (_, level) => {
  const value = level / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});
