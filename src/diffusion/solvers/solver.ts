/**
 * What every solver is: a function from a denoiser and a batch of starting noise to images, one yield a step.
 *
 * Randomness: image i of a batch draws its start and then the noise of each step from a stream of its own,
 * Random.from(seed, "sample", firstImage + i). So neither the number of images nor how they are cut into batches
 * changes a picture. Numbers from elsewhere take the place of the streams through `SampleOptions.noise`, so that a run
 * can draw the noise that PyTorch draws (core/torch-random.ts). The state is float32, coefficients are float64.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { integer, show } from "../options.ts";
import type { Level } from "../path-contract.ts";

export interface SampleOptions {
  /** [N, C, H, W], or any shape whose first axis counts the images. */
  shape: readonly number[];
  /** An integer in [0, 2^53). */
  seed: number;
  /** What the network is conditioned on; N rows in each array. */
  condition?: Condition;
  /** x at the noise end, in the shape `shape`; default: normal numbers of the seed. With `skip`, x where the run begins. */
  initial?: Float32Array;
  /**
   * Steps at the noise end that are left out, an integer from 0 (the default): the run begins at the time of step
   * skip + 1 from `initial`, such as an image that was noised to that time. Steps keep their numbers.
   */
  skip?: number;
  /**
   * Where normal numbers come from, for the whole batch in one call, in place of the streams of `seed`: the start
   * (unless `initial` is given), then the noise of each step. `length`: how many. Default: the streams.
   */
  noise?: (length: number) => Float32Array;
  /** The index of the batch's first image among all images of this seed. Default 0. */
  firstImage?: number;
  /** Stops between two steps, with the signal's reason. */
  signal?: AbortSignal;
}

export interface SolverStep {
  /** 1 .. of. */
  step: number;
  of: number;
  /** The time, in the path's units, at which the denoiser was asked. */
  t: number;
  /** The state after the step; after the last step, the images. The caller may keep it. */
  x: Float32Array;
  /** The predicted x0 that the step went towards, clipped where the solver clips. */
  sample: Float32Array;
}

export interface Solver {
  /** The name under which `solverFrom` makes it again. */
  readonly name: string;
  /** Its options with all defaults, plain JSON: `solverFrom(solver.name, solver.config)` is the same solver. */
  readonly config: object;
  /** Checks the options at once; the work begins with the first `next()`. */
  sample(denoiser: Denoiser, options: SampleOptions): AsyncGenerator<SolverStep>;
}

/** The start of a run, and the streams of its images. */
export interface Start {
  x: Float32Array; // [N, ...]
  /** The next numbers of every image's stream: standard normal, in the shape of x. */
  noise(): Float32Array;
  /** Steps that are left out, see SampleOptions. */
  skip: number;
}

/**
 * Checks the options and draws the start. `spread`: the standard deviation of x at the noise end; the streams advance
 * past the start whether or not `initial` is given, so both ways see the same noise later.
 */
export function start(options: SampleOptions, spread: number): Start {
  const { shape, seed, initial, firstImage = 0, skip = 0 } = options;
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((extent) => integer(1).accepts(extent))) {
    throw new ConfigError(`shape must be a list of integers from 1, [images, ...], not ${show(shape)}`);
  }
  for (const [name, value] of Object.entries({ seed, firstImage, skip })) {
    if (!integer(0).accepts(value))
      throw new ConfigError(`${name} must be an integer from 0 to 2^53 - 1, not ${show(value)}`);
  }
  const count = shape[0];
  const total = sizeOf(shape);
  const size = total / count;
  if (initial !== undefined && initial.length !== total) {
    throw new ConfigError(
      `initial must hold ${total} numbers for the shape ${formatShape(shape)}, not ${initial.length}`,
    );
  }
  if (skip > 0 && initial === undefined) {
    throw new ConfigError(`skip = ${skip} leaves out the noise end: give initial, x at the time where the run begins`);
  }
  if (options.noise !== undefined) {
    const source = givenNoise(options.noise, total);
    return { x: initial === undefined ? source().map((z) => spread * z) : initial.slice(), noise: source, skip };
  }
  const streams = Array.from({ length: count }, (_, i) => Random.from(seed, "sample", firstImage + i));
  const noise = () => {
    const out = new Float32Array(total);
    streams.forEach((stream, i) => {
      stream.fillNormal(out.subarray(i * size, (i + 1) * size));
    });
    return out;
  };
  const drawn = noise();
  return { x: initial === undefined ? drawn.map((z) => spread * z) : initial.slice(), noise, skip };
}

function givenNoise(noise: (length: number) => Float32Array, total: number): () => Float32Array {
  return () => {
    const numbers = noise(total);
    if (numbers.length !== total) {
      throw new ConfigError(`noise was asked for ${total} numbers and gave ${numbers.length}; it must give them all`);
    }
    return numbers;
  };
}

/** The steps of a run that are left after `skip`, each with its number from 1. Leaving out all is a ConfigError. */
export function remaining<M>(moves: readonly M[], skip: number): [number, M][] {
  if (skip >= moves.length) {
    throw new ConfigError(`skip must be below the ${moves.length} steps of the run, not ${skip}`);
  }
  return moves.slice(skip).map((move, i) => [skip + i + 1, move]);
}

/**
 * The spread of x_t for data of unit variance: 1 on variance-preserving paths and at the straight line's noise end. With
 * "sigma", that of its noise alone.
 */
export function spreadAt(
  { alpha, sigma }: { alpha: number; sigma: number },
  startNoise: "marginal" | "sigma" = "marginal",
): number {
  if (startNoise === "sigma") return sigma;
  return Math.sqrt(alpha * alpha + sigma * sigma);
}

/** One step of a solver that asks the denoiser once a step. */
export interface Move {
  readonly t: number;
  /** The level at which the denoiser is asked, when it is not the path's own at t. */
  readonly level?: Level;
  /** The standard deviation of the noise that the step adds; at 0 none is drawn. */
  readonly std: number;
}

/** What a step makes of x. */
export interface Moved {
  x: Float32Array;
  sample: Float32Array;
}

/** The loop of the solvers that ask the denoiser once a step: denoise, advance, yield. */
export function walk<M extends Move>(
  denoiser: Denoiser,
  options: SampleOptions,
  from: Start,
  moves: readonly M[],
  advance: (move: M, x: Float32Array, denoised: Denoised, noise?: Float32Array) => Moved | Promise<Moved>,
): AsyncGenerator<SolverStep> {
  const left = remaining(moves, from.skip);
  async function* run(): AsyncGenerator<SolverStep> {
    let x = from.x;
    for (const [step, move] of left) {
      options.signal?.throwIfAborted();
      const denoised = await denoiser.denoise(x, move.level ?? move.t, options.condition);
      const moved = await advance(move, x, denoised, move.std > 0 ? from.noise() : undefined);
      x = moved.x;
      yield { step, of: moves.length, t: move.t, x: x.slice(), sample: moved.sample };
    }
  }
  return run();
}

/** The values limited to [-limit, limit]; the array itself where limit is false. */
export function clipped(values: Float32Array, limit: number | false): Float32Array {
  return limit === false ? values : values.map((value) => Math.min(limit, Math.max(-limit, value)));
}

/** Runs a solver to its end. Returns the images, in the shape `options.shape`. */
export async function solve(solver: Solver, denoiser: Denoiser, options: SampleOptions): Promise<Float32Array> {
  let last: SolverStep | undefined;
  for await (const step of solver.sample(denoiser, options)) last = step;
  if (last === undefined) throw new ConfigError(`the solver ${solver.name} made no step`);
  return last.x;
}
