/**
 * Points in the plane, drawn by seed: distributions that a small network learns in seconds and an eye judges at once.
 *
 *   moons           two interleaved half circles              (cos a, sin a) and (1 - cos a, 1/2 - sin a), a ~ U(0, π)
 *   swissRoll       one and a half turns of a spiral          a (cos a, sin a), a ~ U(1.5 π, 4.5 π)
 *   checkerboard    the eight dark squares of a 4 × 4 board   uniform, exact edges
 *   eightGaussians  eight clusters on a circle                a mixture with means r (cos(π k / 4), sin(π k / 4))
 *   rings           two circles about the origin              radii 0.45 and 0.85, each with half of the points
 *
 * All but the checkerboard have Gaussian noise of the standard deviation `noise` on top. A point is an "image" of shape
 * [2, 1, 1], x and y its channels, so training, solvers and files take it as it is. Like images, points are scaled to lie in
 * [-1, 1] (but for one noise draw in ten thousand) with the mean at or near the origin and a standard deviation of 0.39
 * to 0.58 per coordinate: defaults made for images (clipping at 1, EDM's sigmaData 0.5) fit them.
 *
 * Sources: moons and Swiss roll are those of scikit-learn (Pedregosa et al. 2011), scaled; checkerboard and Gaussians those
 * of Grathwohl et al., "FFJORD" (2019), §5.1. Tested against the moments that follow from the formulas.
 */
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { didYouMean } from "../core/suggest.ts";
import { type Batch, checkIndices, checkWhole, type Dataset } from "./dataset.ts";

/** One distribution. */
interface Toy {
  /** Standard deviation of the Gaussian noise on each coordinate. */
  readonly noise: number;
  /** Names of the parts, when a point belongs to one. */
  readonly classes?: readonly string[];
  /** A point without its noise, and the part that it belongs to. */
  readonly draw: (random: Random) => readonly [x: number, y: number, part?: number];
}

const MOON_SCALE = 0.55;
const ROLL_SCALE = 0.9 / (4.5 * Math.PI);
const CLUSTER_RADIUS = 0.75;
const RADII = [0.45, 0.85];

/** Every distribution by its name. */
const toys = {
  moons: {
    noise: 0.04,
    classes: ["upper", "lower"],
    draw(random) {
      const angle = Math.PI * random.uniform();
      const part = random.integer(2);
      const [x, y] = part === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
      return [MOON_SCALE * (x - 0.5), MOON_SCALE * (y - 0.25), part];
    },
  },
  swissRoll: {
    noise: 0.025,
    draw(random) {
      const angle = Math.PI * (1.5 + 3 * random.uniform());
      return [ROLL_SCALE * angle * Math.cos(angle), ROLL_SCALE * angle * Math.sin(angle)];
    },
  },
  checkerboard: {
    noise: 0,
    draw(random) {
      const square = random.integer(8); // two in each of the four rows
      const row = square >> 1;
      const column = 2 * (square & 1) + (row & 1);
      return [(column + random.uniform()) / 2 - 1, (row + random.uniform()) / 2 - 1];
    },
  },
  eightGaussians: {
    noise: 0.06,
    classes: ["0°", "45°", "90°", "135°", "180°", "225°", "270°", "315°"],
    draw(random) {
      const part = random.integer(8);
      const angle = (Math.PI * part) / 4;
      return [CLUSTER_RADIUS * Math.cos(angle), CLUSTER_RADIUS * Math.sin(angle), part];
    },
  },
  rings: {
    noise: 0.03,
    classes: ["inner", "outer"],
    draw(random) {
      const angle = 2 * Math.PI * random.uniform();
      const part = random.integer(2);
      return [RADII[part] * Math.cos(angle), RADII[part] * Math.sin(angle), part];
    },
  },
} as const satisfies Record<string, Toy>;

export type ToyName = keyof typeof toys;

export const toyNames = Object.keys(toys) as readonly ToyName[];

export function isToyName(name: unknown): name is ToyName {
  return (toyNames as readonly unknown[]).includes(name);
}

/** [C, H, W] of a point. */
export const POINT_SHAPE = [2, 1, 1] as const;

/** Whether images of a shape [C, H, W] or [N, C, H, W] are points of the plane. */
export function arePoints(shape: readonly number[]): boolean {
  return shape.slice(-3).every((extent, axis) => extent === POINT_SHAPE[axis]);
}

export interface ToyOptions {
  name: ToyName;
  /** Points in the set; an epoch of training visits each once. @default 100000 */
  points?: number;
  /** Which points these are: sets of different seeds share none. @default 0 */
  seed?: number;
}

/**
 * A set of points. Point i is a function of (name, seed, i) alone, so a set costs nothing until it is read.
 *
 * Raises a ConfigError for a name that is none, and for `points` or `seed` out of range.
 */
export function toy({ name, points = 100_000, seed = 0 }: ToyOptions): Dataset {
  if (!Object.hasOwn(toys, name)) {
    throw new ConfigError(`there are no points called ${JSON.stringify(name)}. ${didYouMean(String(name), toyNames)}`);
  }
  checkWhole("points", points, 1);
  checkWhole("seed", seed, 0);
  const { noise, classes, draw }: Toy = toys[name];
  const random = Random.from(seed, "toy", name);
  const [channels, height, width] = POINT_SHAPE;

  async function read(indices: ArrayLike<number>): Promise<Batch> {
    checkIndices({ name, size: points }, indices);
    const images = new Float32Array(2 * indices.length); // [N, 2, 1, 1]
    const labels = new Int32Array(indices.length);
    for (let n = 0; n < indices.length; n++) {
      const stream = random.fork(indices[n]);
      const [x, y, part] = draw(stream);
      images[2 * n] = x + (noise > 0 ? noise * stream.normal() : 0);
      images[2 * n + 1] = y + (noise > 0 ? noise * stream.normal() : 0);
      if (part !== undefined) labels[n] = part;
    }
    return classes === undefined ? { images } : { images, labels };
  }

  return { name, size: points, channels, height, width, classes, read };
}

/** The first `count` points of a set, [count, 2]. Raises a ConfigError where the data are no points, a DataError for too many. */
export async function readPoints(data: Dataset, count: number): Promise<Float32Array> {
  if (!arePoints([data.channels, data.height, data.width])) {
    throw new ConfigError(
      `${data.name} has images of ${data.channels} × ${data.height} × ${data.width}; points of the plane have [2, 1, 1]`,
    );
  }
  return (await data.read(Uint32Array.from({ length: count }, (_, i) => i))).images;
}
