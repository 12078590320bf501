/**
 * How near drawn points are to real ones: their mean energy distance to sets of real points, beside the mean between those
 * sets, each of as many points as were drawn (`metrics/energy.ts`). Where they are alike, both numbers are.
 */
import { energyDistance } from "../../../metrics/energy.ts";
import type { Features } from "../../../metrics/features.ts";
import { keyOf, type PointsSource, pointsOf } from "./source.ts";

export interface PointsEnergy {
  /** Points in each set. */
  count: number;
  /** Mean of D² between the drawn points and the real sets. */
  drawn: number;
  /** Mean of D² between two real sets. */
  real: number;
  /** drawn / real: about 1 where drawn points cannot be told from real ones. */
  ratio: number;
}

/** Real sets; as many as `judgePoints` takes. */
const SETS = 5;
/** The first seed of the real sets: far from those that a training takes. */
const REAL_SEED = 2 ** 40;

interface Floor {
  sets: readonly Features[];
  real: number;
}

/** The last one judged against: the next is usually the same. */
let kept: { key: string; floor: Promise<Floor> } | undefined;

async function floorOf(source: PointsSource, count: number): Promise<Floor> {
  const sets: Features[] = [];
  for (let i = 0; i < SETS; i++) sets.push({ data: await pointsOf(source, count, REAL_SEED + i), count, dimension: 2 });
  return { sets, real: average(sets.flatMap((a, i) => sets.slice(0, i).map((b) => energyDistance(a, b)))) };
}

/** Judges points [N, 2] beside real ones. Raises a DataError for none at all, a NotFiniteError for a coordinate that is none. */
export async function judge(points: Float32Array, source: PointsSource): Promise<PointsEnergy> {
  const count = points.length / 2;
  const key = `${count} ${keyOf(source)}`;
  if (kept?.key !== key) {
    const made = { key, floor: floorOf(source, count) };
    kept = made;
    made.floor.catch(() => {
      if (kept === made) kept = undefined;
    });
  }
  const { sets, real } = await kept.floor;
  const drawn = average(sets.map((set) => energyDistance({ data: points, count, dimension: 2 }, set)));
  return { count, drawn, real, ratio: drawn / real };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
