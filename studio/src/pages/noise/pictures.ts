/**
 * The pictures that the page has by itself: a scene that it computes, and three digits. All are [C, H, W] in [-1, 1].
 */
import { type StoredDigit, storedDigits } from "./digit-data.ts";

export interface Picture {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number];
}

/** Pixels of a side of the scene and of pictures that are dropped. */
export const SIDE = 96;

const mix = (a: number, b: number, part: number) => a + (b - a) * part;
/** 0 below `from`, 1 above `to`, smooth between. */
const rise = (from: number, to: number, x: number) => {
  const part = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return part * part * (3 - 2 * part);
};

/** A sun over hills by the water, colours of RGB in [-1, 1]. */
export function scene(side = SIDE): Picture {
  const data = new Float32Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const colour = sceneColour((x + 0.5) / side, (y + 0.5) / side, 1 / side);
      for (let c = 0; c < 3; c++) data[(c * side + y) * side + x] = colour[c];
    }
  }
  return { name: "Scene", data, shape: [3, side, side] };
}

/** The colour at a place, (0, 0) top left. `pixel`: the width of soft edges. */
function sceneColour(x: number, y: number, pixel: number): readonly number[] {
  const blend = (below: readonly number[], above: readonly number[], part: number) =>
    below.map((value, c) => mix(value, above[c], part));
  let colour: readonly number[] = blend([-0.25, 0.15, 0.7], [0.95, 0.45, 0.1], rise(0.05, 0.66, y)); // sky
  const sun = Math.hypot(x - 0.66, y - 0.36);
  colour = blend([1, 0.9, 0.45], colour, rise(0.13 - pixel, 0.13 + pixel, sun));
  const far = 0.56 - 0.09 * Math.sin(5.2 * x + 0.6) - 0.03 * Math.sin(14 * x);
  colour = blend(colour, [-0.15, -0.3, 0.05], rise(far - pixel, far + pixel, y));
  const near = 0.7 - 0.06 * Math.sin(4 * x + 3.6) - 0.02 * Math.sin(19 * x + 1);
  colour = blend(colour, [-0.72, -0.5, -0.55], rise(near - pixel, near + pixel, y));
  const wave = 0.5 + 0.5 * Math.sin(90 * y + 3 * Math.sin(7 * x));
  const glitter = wave * rise(0.22, 0, Math.abs(x - 0.66));
  const water = blend([-0.45, -0.1, 0.35], [1, 0.85, 0.5], 0.75 * glitter);
  return blend(colour, water, rise(0.8 - pixel, 0.8 + pixel, y));
}

export function digit({ label, base64 }: StoredDigit): Picture {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { name: `Digit ${label}`, data: Float32Array.from(bytes, (byte) => byte / 127.5 - 1), shape: [1, 28, 28] };
}

/** A picture of SIDE × SIDE RGB bytes [H, W, 3]. */
export function fromBytes({ name, bytes }: { name: string; bytes: Uint8Array }): Picture {
  const area = SIDE * SIDE;
  const data = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < area; i++) data[c * area + i] = bytes[3 * i + c] / 127.5 - 1;
  }
  return { name, data, shape: [3, SIDE, SIDE] };
}

/** All of them; the first is shown first. */
export function ownPictures(): Picture[] {
  return [scene(), ...storedDigits.map(digit)];
}
