/**
 * Feature matrices that Python makes to the last bit as well: the minimal-standard generator s ← 16807 s mod (2³¹ - 1),
 * (s / (2³¹ - 1) - 1/2) · 3 / (1 + column mod 4) + shift. The same lines stand in goldens.py.
 */
import type { Features } from "../features.ts";

export function randomFeatures(seed: number, count: number, dimension: number, shift = 0): Features {
  const data = new Float64Array(count * dimension);
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (state * 16807) % 2147483647;
    data[i] = ((state / 2147483647 - 0.5) * 3) / (1 + ((i % dimension) % 4)) + shift;
  }
  return { data, count, dimension };
}
