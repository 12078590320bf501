/**
 * What is read off attention weights [heads, queries, keys]: one row, for one head or the mean of all, and what can be said
 * of it in words.
 */
import type { Place } from "langevin/browser";

export interface Weights {
  readonly data: Float32Array;
  /** [heads, queries, keys] */
  readonly shape: readonly number[];
}

/** The mean of all heads, as a choice beside 0, 1, … */
export const ALL_HEADS = -1;

/** The weights of one query over all keys; they sum to 1. */
export function rowOf({ data, shape }: Weights, head: number, query: number): Float32Array {
  const [heads, queries, keys] = shape;
  const row = (of: number) => data.subarray((of * queries + query) * keys, (of * queries + query + 1) * keys);
  if (head !== ALL_HEADS) return row(head);
  const mean = new Float32Array(keys);
  for (let of = 0; of < heads; of++) {
    const weights = row(of);
    for (let key = 0; key < keys; key++) mean[key] += weights[key] / heads;
  }
  return mean;
}

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** The strongest key of a row, and over how many keys it is spread: exp of its entropy, from 1 to all. */
export function summary(row: Float32Array, width: number): { most: Cell; share: number; spread: number } {
  let strongest = 0;
  let entropy = 0;
  row.forEach((weight, key) => {
    if (weight > row[strongest]) strongest = key;
    if (weight > 0) entropy -= weight * Math.log(weight);
  });
  const most = { row: Math.floor(strongest / width), column: strongest % width };
  return { most, share: row[strongest], spread: Math.exp(entropy) };
}

/** The cell of a grid at the same place of the picture as a cell of another. */
export function sameCell({ row, column }: Cell, from: Grid, to: Grid): Cell {
  return {
    row: Math.min(to[0] - 1, Math.floor(((row + 0.5) * to[0]) / from[0])),
    column: Math.min(to[1] - 1, Math.floor(((column + 0.5) * to[1]) / from[1])),
  };
}

/** [rows, columns] */
export type Grid = readonly [number, number];

/** Layers whose weights are over the places of a picture. */
export function layersOf(places: readonly Place[]): (Place & { grid: Grid })[] {
  return places.filter(
    (place): place is Place & { grid: Grid } => place.kind === "attention" && place.grid !== undefined,
  );
}
