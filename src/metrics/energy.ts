/**
 * The energy distance between two sets of points, for data of few dimensions, where no features are needed:
 *
 *   D² = 2 E|X - Y| - E|X - X'| - E|Y - Y'|     |·| the Euclidean length
 *
 * It is zero for equal distributions only. Source: Székely, Rizzo, "Energy statistics: a class of statistics based on
 * distances" (2013), eq. 5. Two estimates of it are in use; this is the one that averages over all pairs, a point with
 * itself included (V-statistic, their eq. 6.1): never negative, and for two sets of n and m points of one
 * distribution (1/n + 1/m) E|X - X'| on average. So a number says something only beside that of real points against real points
 * at the same count, the floor, which `judgePoints` gives.
 * Real sets scatter widely about that floor, from half to twice of it (`realStd`), at every count. Tested against sets worked by hand, and against that mean.
 */
import { DataError } from "../core/errors.ts";
import { readPoints, type ToyOptions, toy } from "../data/toy.ts";
import { checkInteger, checkPair, type Features } from "./features.ts";

/** The mean distance between a row of `a` and a row of `b`, over all pairs. */
function meanDistance(a: Features, b: Features): number {
  const { dimension } = a;
  let sum = 0;
  for (let i = 0; i < a.count; i++) {
    for (let j = 0; j < b.count; j++) {
      let square = 0;
      for (let d = 0; d < dimension; d++) square += (a.data[i * dimension + d] - b.data[j * dimension + d]) ** 2;
      sum += Math.sqrt(square);
    }
  }
  return sum / (a.count * b.count);
}

/**
 * The squared energy distance D² between two sets of points, in the unit of the coordinates, from 0. Takes
 * O((n + m)²) time: a second for 10,000 points each.
 *
 * Raises a DataError for an empty set or sets of different dimensions, a NotFiniteError for a coordinate that is none.
 */
export function energyDistance(a: Features, b: Features): number {
  checkPair(a, b, "the first set of points", "the second set of points", 1);
  return Math.max(0, 2 * meanDistance(a, b) - meanDistance(a, a) - meanDistance(b, b)); // below 0 by rounding only
}

/** Plain data, ready for JSON. */
export interface PointsJudgement {
  /** Points judged. */
  count: number;
  energy: {
    /** Mean of D² to the real sets. */
    generated: number;
    /** Mean of D² between two real sets, over all pairs of them. */
    real: number;
    /** Standard deviation over the pairs. */
    realStd: number;
    /** generated / real: about 1 for a perfect model. */
    ratio: number;
  };
  /** The share of generated points that are farther from every real one than 0.1, where hardly a real point is. */
  strays: number;
  /** The judgement as text. */
  lines: string[];
}

export interface JudgePointsOptions {
  /** [N, 2], flat; N from 10 to 10,000. */
  points: Float32Array;
  /** The distribution that they should have. Real sets are drawn by seeds of their own, which training does not use. */
  data: Pick<ToyOptions, "name">;
  /** Real sets, from 2. Default 5. */
  sets?: number;
}

/** The first seed of the real sets: far from those that a user would train with. */
const REAL_SEED = 2 ** 40;
const FAR = 0.1;

/**
 * Judges points beside real ones: the mean energy distance to real sets of the same count, over the mean between those.
 *
 * Raises a DataError for another number of points, a NotFiniteError for a coordinate that is none.
 */
export async function judgePoints({ points, data, sets = 5 }: JudgePointsOptions): Promise<PointsJudgement> {
  const count = points.length / 2;
  if (!Number.isInteger(count) || count < 10 || count > 10_000) {
    throw new DataError(`${points.length} numbers cannot be judged as points of the plane; give 10 to 10,000 pairs`);
  }
  checkInteger("sets", sets, 2, 100);
  const generated: Features = { data: points, count, dimension: 2 };
  const real: Features[] = [];
  for (let i = 0; i < sets; i++) {
    const set = toy({ name: data.name, points: count, seed: REAL_SEED + i });
    real.push({ data: await readPoints(set, count), count, dimension: 2 });
  }
  for (const set of real) checkPair(generated, set, "the generated points", "the real points", 1);

  const inside = meanDistance(generated, generated);
  const insides = real.map((set) => meanDistance(set, set));
  const distances = real.map((set, i) => Math.max(0, 2 * meanDistance(generated, set) - inside - insides[i]));
  const floors = real.flatMap((a, i) =>
    real.slice(0, i).map((b, j) => Math.max(0, 2 * meanDistance(a, b) - insides[i] - insides[j])),
  );
  const floor = average(floors);
  const energy = {
    generated: average(distances),
    real: floor,
    realStd: Math.sqrt(average(floors.map((value) => (value - floor) ** 2))),
    ratio: average(distances) / floor,
  };
  const strays = strayShare(generated, real);
  return { count, energy, strays, lines: linesOf(count, energy, strays, data.name) };
}

function strayShare({ data, count }: Features, real: readonly Features[]): number {
  let strays = 0;
  for (let i = 0; i < count; i++) {
    const near = real.some((set) => {
      for (let j = 0; j < set.count; j++) {
        if (Math.hypot(data[2 * i] - set.data[2 * j], data[2 * i + 1] - set.data[2 * j + 1]) <= FAR) return true;
      }
      return false;
    });
    if (!near) strays++;
  }
  return strays / count;
}

function linesOf(count: number, energy: PointsJudgement["energy"], strays: number, name: string): string[] {
  const { generated, real, realStd, ratio } = energy;
  return [
    `${count} points against real ones of ${name}`,
    `energy distance: ${generated.toPrecision(3)}, real against real ${real.toPrecision(3)} ± ${realStd.toPrecision(2)}`,
    `${ratio.toPrecision(3)} times that of real against real`,
    `${(100 * strays).toFixed(1)} % of the points are farther than ${FAR} from every real one`,
  ];
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
