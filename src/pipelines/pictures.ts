/**
 * The pictures of a run: a grid of samples, the way from noise to image as an animation or a strip, and the forward process.
 * Points of the plane are shown as scatters instead (`points.ts`).
 *
 * The forward strip shows x_t = alpha(t) x0 + sigma(t) eps (Ho et al. 2020, eq. 4) of a few images, a row each, at eight times
 * that are even on the path, with one eps for a row. A state whose numbers are larger than those of images, as on paths
 * without scaling, is shown divided by its root mean square.
 */
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { arePoints } from "../data/toy.ts";
import { noised } from "../diffusion/noising.ts";
import type { Path } from "../diffusion/path-contract.ts";
import type { SolverStep } from "../diffusion/solvers/solver.ts";
import { chart } from "../io/chart.ts";
import { enlarge, gridOf, type Picture, toPicture, toPictures } from "../io/picture.ts";
import { rasterise } from "../io/raster.ts";
import { tickLabel } from "../io/ticks.ts";
import { forwardPoints, pointsFrame, pointsPicture, pointsStrip } from "./points.ts";

/** Small images are enlarged by a whole number, to about this many pixels. */
const COMFORTABLE = 56;

/** By how much images of a shape [N, C, H, W] are enlarged in pictures. */
export function scaleFor(shape: Shape): number {
  return Math.max(1, Math.round(COMFORTABLE / Math.max(shape[2], shape[3])));
}

export interface PointsOptions {
  /** Real points [M, 2], shown under drawn ones; no use for images. */
  real?: Float32Array;
}

/** A grid of samples, or a scatter of points; `images`: [N, C, H, W]. */
export function samplesPicture(images: Float32Array, shape: Shape, { real }: PointsOptions = {}): Picture {
  if (arePoints(shape)) return pointsPicture(images, real);
  return toPicture(images, shape, { scale: scaleFor(shape) });
}

/** Frames of an animation, and how long each is shown. */
export interface Animation {
  frames: Picture[];
  delayMs: number[];
}

/** A frame is shown for this long, and for longer where there are few, so that the way takes a good second. */
const FRAME_MS = 60;
const WAY_MS = 1500;
const SLOWEST_MS = 240;
const LAST_FRAME_MS = 2500;
/** More steps than this are thinned out. */
const MOST_FRAMES = 60;

/**
 * The way from noise to images: on the left the state x_t after each step, on the right the predicted x0. The last frame
 * is held. `shape`: [N, C, H, W] of the steps' arrays.
 */
export async function denoisingAnimation(
  steps: AsyncIterable<SolverStep>,
  shape: Shape,
  { real }: PointsOptions = {},
): Promise<Animation> {
  const frames: Picture[] = [];
  for await (const moment of steps) {
    const { step, of, x, sample } = moment;
    const every = Math.ceil(of / MOST_FRAMES);
    if (step % every !== 0 && step !== of && step !== 1) continue;
    if (arePoints(shape)) frames.push(pointsFrame(moment, real));
    else {
      const [state, predicted] = [inImageRange(x), sample].map((images) => samplesPicture(images, shape));
      frames.push(gridOf([[state, predicted]], { padding: 4 }));
    }
  }
  if (frames.length === 0) throw new ConfigError("the solver made no step, so there is nothing to show");
  const each = Math.round(Math.min(SLOWEST_MS, Math.max(FRAME_MS, WAY_MS / frames.length)));
  return { frames, delayMs: frames.map((_, i) => (i === frames.length - 1 ? LAST_FRAME_MS : each)) };
}

/** The numbers over their root mean square, where that is above 1. */
function inImageRange(x: Float32Array): Float32Array {
  const rms = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
  return rms > 1 ? x.map((value) => value / rms) : x;
}

/** Columns of a strip, at most. */
const STRIP = 8;
/** Rows of images in a strip, at most. */
const STRIP_IMAGES = 4;

/**
 * The way from noise to images as one picture, a column for each of up to eight steps that are even on the way, the first and the
 * last among them. For each image a row of states x_t, and under it a row of what the model expects (the predicted x0);
 * for points, one row of each. `shape`: [N, C, H, W] of the steps' arrays; the first four images are shown.
 */
export async function traceStrip(
  steps: AsyncIterable<SolverStep>,
  shape: Shape,
  { real }: PointsOptions = {},
): Promise<Picture> {
  const moments: { x: Float32Array; sample: Float32Array; title: string }[] = [];
  for await (const { step, of, t, x, sample } of steps) {
    const columns = Math.min(STRIP, of);
    const shown = Array.from({ length: columns }, (_, i) => 1 + Math.round((i * (of - 1)) / Math.max(1, columns - 1)));
    if (shown.includes(step)) moments.push({ x, sample, title: `${step}: t = ${tickLabel(Number(t.toPrecision(3)))}` });
  }
  if (moments.length === 0) throw new ConfigError("the solver made no step, so there is nothing to show");
  if (arePoints(shape)) return rasterise(chart(pointsStrip(moments, real)));
  const rows = Array.from({ length: Math.min(STRIP_IMAGES, shape[0]) }, (_, n) => {
    const cell = (images: Float32Array) => {
      const size = images.length / shape[0];
      const [picture] = toPictures(images.subarray(n * size, (n + 1) * size), [1, ...shape.slice(1)]);
      return enlarge(picture, scaleFor(shape));
    };
    return [moments.map(({ x }) => cell(inImageRange(x))), moments.map(({ sample }) => cell(sample))];
  });
  return gridOf(rows.flat());
}

/** Times in the forward strip. */
const LEVELS = 8;

/**
 * Times of a path from its data end to its noise end: even in time where time is a timestep or in [0, 1], even in log-SNR
 * where it is a noise level.
 */
export function forwardTimes(path: Path, levels = LEVELS): number[] {
  const { timesteps, span } = path;
  const at = (i: number) => i / (levels - 1);
  if (timesteps !== undefined) return Array.from({ length: levels }, (_, i) => Math.round(at(i) * (timesteps - 1)));
  const [from, to] = span;
  if (to <= 1) return Array.from({ length: levels }, (_, i) => from + at(i) * (to - from));
  const [most, least] = span.map(path.logSnr);
  const between = (i: number) => path.timeOfLogSnr(most + at(i) * (least - most));
  return Array.from({ length: levels }, (_, i) => (i === 0 ? from : i === levels - 1 ? to : between(i)));
}

/** Images under more and more noise, a row each. `images`: [N, C, H, W]. */
export function forwardPicture(images: Float32Array, shape: Shape, path: Path, seed: number): Picture {
  const [count] = shape;
  const size = sizeOf(shape) / count;
  const times = forwardTimes(path);
  if (arePoints(shape)) {
    const noise = Random.from(seed, "forward").normals(images.length);
    return forwardPoints(
      times.map((t) => ({
        x: noised(images, noise, path, t),
        title: `t = ${tickLabel(Number(t.toPrecision(3)))}`,
      })),
    );
  }
  const rows = Array.from({ length: count }, (_, n) => {
    const x0 = images.subarray(n * size, (n + 1) * size);
    const noise = Random.from(seed, "forward", n).normals(size);
    return times.map((t) => {
      const [picture] = toPictures(inImageRange(noised(x0, noise, path, t)), [1, ...shape.slice(1)]);
      return enlarge(picture, scaleFor(shape));
    });
  });
  return gridOf(rows);
}
