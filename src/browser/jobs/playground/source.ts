/**
 * The distributions of the playground: one of the toys, or one that somebody drew as a cloud of points. A drawn cloud stands
 * for the mixture of little Gaussians about its points,
 *
 *   p(x) = 1/M sum over the M points c of N(x; c, SPREAD² I)
 *
 * so it can be drawn from without end: the network is trained on some points and judged by others. Tested against the moments
 * of the mixture.
 */
import { DataError } from "../../../core/errors.ts";
import { Random } from "../../../core/random.ts";
import { checkIndices, type Dataset } from "../../../data/dataset.ts";
import { POINT_SHAPE, readPoints, type ToyName, toy } from "../../../data/toy.ts";

/** `drawn`: [M, 2], flat, each coordinate from -1.5 to 1.5. */
export type PointsSource = { readonly toy: ToyName } | { readonly drawn: Float32Array };

/** The standard deviation of the Gaussian about each drawn point, per coordinate. */
export const DRAWN_SPREAD = 0.03;
/** Coordinates of drawn points go so far from 0. */
export const DRAWN_LIMIT = 1.5;
/** More drawn points than this are refused. */
export const MOST_DRAWN = 20_000;

/** Raises a DataError unless drawn points are pairs of numbers on the field; toys are checked by `toy`. */
export function checkSource(source: PointsSource): void {
  if ("toy" in source) return;
  const { drawn } = source;
  const { length } = drawn;
  if (length < 2 || length % 2 !== 0 || length > 2 * MOST_DRAWN) {
    throw new DataError(
      `${length} numbers are no drawn points: give 1 to ${MOST_DRAWN} pairs of x and y, one pair for each point`,
    );
  }
  const wrong = drawn.findIndex((value) => !(Math.abs(value) <= DRAWN_LIMIT));
  if (wrong < 0) return;
  throw new DataError(
    `${wrong % 2 === 0 ? "x" : "y"} of point ${Math.floor(wrong / 2) + 1} is ${drawn[wrong]}; ` +
      `coordinates go from -${DRAWN_LIMIT} to ${DRAWN_LIMIT}`,
  );
}

/** `count` points of a distribution, [count, 2]; those of different seeds are independent. Raises a DataError. */
export async function pointsOf(source: PointsSource, count: number, seed: number): Promise<Float32Array> {
  checkSource(source);
  if ("toy" in source) return await readPoints(toy({ name: source.toy, points: count, seed }), count);
  const { drawn } = source;
  const random = Random.from(seed, "drawn");
  const [which, noise] = [random.fork("which"), random.fork("noise").normals(2 * count)];
  const centres = drawn.length / 2;
  const points = new Float32Array(2 * count); // [count, 2]
  for (let n = 0; n < count; n++) {
    const centre = which.integer(centres);
    for (const axis of [0, 1]) points[2 * n + axis] = drawn[2 * centre + axis] + DRAWN_SPREAD * noise[2 * n + axis];
  }
  return points;
}

/** Points that are in memory, as a data set. */
export function pointsDataset(points: Float32Array): Dataset {
  const [channels, height, width] = POINT_SHAPE;
  const size = points.length / 2;
  return {
    name: "points",
    size,
    channels,
    height,
    width,
    async read(indices) {
      checkIndices({ name: "points", size }, indices);
      const images = new Float32Array(2 * indices.length); // [N, 2, 1, 1]
      for (let n = 0; n < indices.length; n++) {
        images[2 * n] = points[2 * indices[n]];
        images[2 * n + 1] = points[2 * indices[n] + 1];
      }
      return { images };
    },
  };
}

/** A text that is the same for the same distribution. */
export function keyOf(source: PointsSource): string {
  return "toy" in source ? source.toy : `drawn ${source.drawn.join(" ")}`;
}
