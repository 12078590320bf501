/**
 * The three pictures of a run: a grid of samples, the way from noise to image, and the forward process.
 *
 * The forward strip shows x_t = alpha(t) x0 + sigma(t) eps (Ho et al. 2020, eq. 4) of a few images, a row each, at eight times
 * that are even on the path, with one eps for a row.
 */
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { noised } from "../diffusion/noising.ts";
import type { Path } from "../diffusion/path-contract.ts";
import type { SolverStep } from "../diffusion/solvers/solver.ts";
import { enlarge, gridOf, type Picture, toPicture, toPictures } from "../io/picture.ts";

/** Small images are enlarged by a whole number, to about this many pixels. */
const COMFORTABLE = 56;

/** By how much images of a shape [N, C, H, W] are enlarged in pictures. */
export function scaleFor(shape: Shape): number {
  return Math.max(1, Math.round(COMFORTABLE / Math.max(shape[2], shape[3])));
}

/** A grid of samples; `images`: [N, C, H, W]. */
export function samplesPicture(images: Float32Array, shape: Shape): Picture {
  return toPicture(images, shape, { scale: scaleFor(shape) });
}

/** Frames of an animation, and how long each is shown. */
export interface Animation {
  frames: Picture[];
  delayMs: number[];
}

const FRAME_MS = 60;
const LAST_FRAME_MS = 2500;
/** More steps than this are thinned out. */
const MOST_FRAMES = 60;

/**
 * The way from noise to images: on the left the state x_t after each step, on the right the predicted x0. The last frame
 * is held. `shape`: [N, C, H, W] of the steps' arrays.
 */
export async function denoisingAnimation(steps: AsyncIterable<SolverStep>, shape: Shape): Promise<Animation> {
  const frames: Picture[] = [];
  for await (const { step, of, x, sample } of steps) {
    const every = Math.ceil(of / MOST_FRAMES);
    if (step % every !== 0 && step !== of && step !== 1) continue;
    const [state, predicted] = [x, sample].map((images) => samplesPicture(images, shape));
    frames.push(gridOf([[state, predicted]], { padding: 4 }));
  }
  if (frames.length === 0) throw new ConfigError("the solver made no step, so there is nothing to show");
  return { frames, delayMs: frames.map((_, i) => (i === frames.length - 1 ? LAST_FRAME_MS : FRAME_MS)) };
}

/** Times in the forward strip. */
const LEVELS = 8;

/** Even times of a path, from its data end to its noise end. */
export function forwardTimes({ timesteps }: Pick<Path, "timesteps">, levels = LEVELS): number[] {
  const at = (i: number) => i / (levels - 1);
  return Array.from({ length: levels }, (_, i) =>
    timesteps === undefined ? at(i) : Math.round(at(i) * (timesteps - 1)),
  );
}

/** Images under more and more noise, a row each. `images`: [N, C, H, W]. */
export function forwardPicture(images: Float32Array, shape: Shape, path: Path, seed: number): Picture {
  const [count] = shape;
  const size = sizeOf(shape) / count;
  const times = forwardTimes(path);
  const rows = Array.from({ length: count }, (_, n) => {
    const x0 = images.subarray(n * size, (n + 1) * size);
    const noise = Random.from(seed, "forward", n).normals(size);
    return times.map((t) => {
      const [picture] = toPictures(noised(x0, noise, path, t), [1, ...shape.slice(1)]);
      return enlarge(picture, scaleFor(shape));
    });
  });
  return gridOf(rows);
}
