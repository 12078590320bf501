/**
 * Inner numbers as colours, RGBA [H, W, 4]: weights laid over a picture, and maps that have both signs.
 */
import type { PixelImage } from "../../ui/pixels.ts";

export type Rgb = readonly [number, number, number];

/** Laid over pictures in both themes: they are black and white. */
export const HEAT: Rgb = [255, 132, 0];

/** A colour of the theme, "#0b5cc4". Black where it is none. */
export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(/^#([0-9a-f]{6})$/i.exec(hex)?.[1] ?? "0", 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

const mix = (from: number, to: number, share: number) => from + (to - from) * share;

/**
 * Weights over a picture [C, H, W]: each pixel is mixed with the colour, the strongest weight by nine tenths, none by nothing.
 * `weights`: of a grid [rows, columns] over the picture, not negative.
 */
export function laidOver(
  picture: { readonly data: Float32Array; readonly shape: readonly number[] },
  weights: Float32Array,
  [rows, columns]: readonly [number, number],
  colour: Rgb,
): PixelImage {
  const [channels, height, width] = picture.shape;
  const most = Math.max(...weights);
  const data = new Uint8ClampedArray(height * width * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
      const share = most > 0 ? (0.9 * weights[cell]) / most : 0;
      for (let c = 0; c < 3; c++) {
        const at = (channels === 3 ? c * height * width : 0) + y * width + x;
        const grey = Math.min(255, Math.max(0, (picture.data[at] + 1) * 127.5));
        data[(y * width + x) * 4 + c] = mix(grey, colour[c], share);
      }
      data[(y * width + x) * 4 + 3] = 255;
    }
  }
  return { data, shape: [height, width, 4] };
}

export interface Signed {
  readonly positive: Rgb;
  readonly negative: Rgb;
  readonly zero: Rgb;
}

/** Maps with both signs beside each other in rows of `columns`, a pixel of the ground between; `scales`: the size of each that is full colour. */
export function mapsSheet(
  maps: Float32Array,
  [count, height, width]: readonly number[],
  columns: number,
  scales: Float32Array,
  colours: Signed,
): PixelImage {
  const rows = Math.ceil(count / columns);
  const [across, down] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
  const data = new Uint8ClampedArray(across * down * 4);
  for (let map = 0; map < count; map++) {
    const left = (map % columns) * (width + 1);
    const top = Math.floor(map / columns) * (height + 1);
    for (let i = 0; i < height * width; i++) {
      const value = maps[map * height * width + i];
      const share = scales[map] > 0 ? Math.min(1, Math.abs(value) / scales[map]) : 0;
      const at = ((top + Math.floor(i / width)) * across + left + (i % width)) * 4;
      const to = value > 0 ? colours.positive : colours.negative;
      for (let c = 0; c < 3; c++) data[at + c] = mix(colours.zero[c], to[c], share);
      data[at + 3] = 255;
    }
  }
  return { data, shape: [down, across, 4] };
}

/** The largest size of a number in each map, or in all of them. */
export function scalesOf(maps: Float32Array, count: number, together: boolean): Float32Array {
  const area = maps.length / count;
  const scales = Float32Array.from({ length: count }, (_, map) => {
    let most = 0;
    for (let i = map * area; i < (map + 1) * area; i++) most = Math.max(most, Math.abs(maps[i]));
    return most;
  });
  return together ? scales.fill(Math.max(...scales)) : scales;
}

/** Least, largest and mean of a map. */
export function rangeOf(map: Float32Array): { least: number; most: number; mean: number } {
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of map) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, most, mean: sum / map.length };
}
