/**
 * Filling in a part of pictures: the network draws what is masked, to go with what is left, with any solver.
 *
 * A first pass draws the masked part beside the known one (`diffusion/guidance/known-part.ts`). What it draws leans too
 * little to what is known, for the noise of the known part was drawn on its own. So the whole picture is noised again, up to
 * some step of the solver, and drawn from there, a few times over: rounds. The first goes back to half of the steps, the
 * last to four fifths.
 *
 *   x ← alpha x + sigma eps,   alpha and sigma of step ⌊share · of⌋ + 1,   eps fresh in each round
 *
 * Source: Lugmayr et al., "RePaint" (2022), section 4.2, whose jumps go back a few steps all along the way; here the jumps
 * come after the first pass, for then any solver can make them. The test compares with the conditional distribution of a
 * correlated Gaussian, N(0.9, 0.44²): N(0.43, 0.70²) without rounds, N(0.75, 0.50²) with four.
 */
import { ConfigError, ShapeError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import type { Condition, Denoiser } from "../diffusion/denoiser.ts";
import { knowing } from "../diffusion/guidance/known-part.ts";
import type { Level } from "../diffusion/path-contract.ts";
import type { Solver, SolverStep } from "../diffusion/solvers/solver.ts";
import { guidedDenoiser } from "./denoiser.ts";
import { checkWhole, compile, conditionOf, type SampleRequest } from "./sample.ts";

export interface FillPart {
  /** The pictures, [count, C, H, W] in [-1, 1]. */
  known: Float32Array;
  /** [count, C, H, W]: 1 where the picture is to be drawn, 0 where it is kept. */
  drawn: Uint8Array;
  /** Times that the picture is noised in part and drawn again, from 0. Default 4, which costs 1.4 times the first pass. */
  rounds?: number;
}

export type FillRequest = Omit<SampleRequest, "initial" | "batch"> & FillPart;

const ROUNDS = 4;
/** Shares of the steps that the first and the last round leave out. */
const SHARES = { first: 0.5, last: 0.8 };

/**
 * The steps of filling in, in one batch. They are numbered through all rounds; the last x are the pictures, in which what
 * was known is as it was, to the bit. Raises a ConfigError or a ShapeError for a request that does not fit together.
 */
export async function* fillSteps(request: FillRequest): AsyncGenerator<SolverStep> {
  const { network, solver, seed, signal, count } = request;
  checkWhole("count", count);
  const shape = [count, ...network.imageShape];
  if (request.known.length !== sizeOf(shape)) {
    throw new ShapeError(`the known pictures hold ${request.known.length} values; ${shape.join("×")} are needed`);
  }
  const condition = conditionOf(request, 0, count);
  await using compiled = compile(request);
  const denoiser = guidedDenoiser(compiled, request);
  for await (const step of filled(solver, denoiser, { ...request, shape, seed, condition, signal })) {
    request.onStep?.(step.step, step.of);
    yield step;
  }
}

export interface FilledOptions extends FillPart {
  shape: readonly number[];
  seed: number;
  condition?: Condition;
  signal?: AbortSignal;
}

/** `fillSteps` for any denoiser. */
export async function* filled(solver: Solver, denoiser: Denoiser, options: FilledOptions): AsyncGenerator<SolverStep> {
  const { known, drawn, rounds = ROUNDS, shape, seed, condition, signal } = options;
  if (!Number.isSafeInteger(rounds) || rounds < 0) {
    throw new ConfigError(`rounds must be a whole number from 0, not ${rounds}`);
  }
  const watched = watch(denoiser);
  const own = { shape, seed, condition, signal };
  const levels: Level[] = []; // of each step
  let x: Float32Array | undefined;
  let done = 0;
  let whole = 0;
  for (let round = 0; round <= rounds; round++) {
    const skip = round === 0 ? 0 : skipped(levels.length, round, rounds);
    if (round > 0 && skip === 0) return; // a solver of one step has nowhere to go back to
    const noise = normals(seed, round, shape);
    const beside = knowing(watched.denoiser, { known, drawn, noise });
    const again = x && { skip, initial: noisedTo(levels[skip], x, noise), noise: streamsOf(seed, round, shape) };
    watched.next();
    for await (const step of solver.sample(beside, { ...own, ...again })) {
      if (round === 0) levels.push(watched.level());
      whole ||= stepsOf(step.of, rounds);
      watched.next();
      const numbered = { ...step, step: ++done, of: whole };
      if (step.step < step.of) yield numbered;
      else {
        x = kept(step.x, known, drawn);
        yield { ...numbered, x: x.slice(), sample: kept(step.sample, known, drawn) };
      }
    }
  }
}

/** Steps that a round, from 1, leaves out. */
function skipped(of: number, round: number, rounds: number): number {
  const share = SHARES.first + ((SHARES.last - SHARES.first) * (round - 1)) / Math.max(1, rounds - 1);
  return Math.floor(share * of);
}

/** Steps of all rounds, for a solver of `of` steps. */
function stepsOf(of: number, rounds: number): number {
  let sum = of;
  for (let round = 1; round <= rounds && skipped(of, round, rounds) > 0; round++)
    sum += of - skipped(of, round, rounds);
  return sum;
}

/** A denoiser that tells the level of its first call since `next()`. */
function watch(inner: Denoiser): { denoiser: Denoiser; next(): void; level(): Level } {
  let first: Level | undefined;
  return {
    next() {
      first = undefined;
    },
    level: () => first!,
    denoiser: Object.freeze({
      path: inner.path,
      denoise(x: Float32Array, at: number | Level, condition?: Condition) {
        first ??= typeof at === "number" ? inner.path.at(at) : at;
        return inner.denoise(x, at, condition);
      },
    }),
  };
}

function noisedTo({ alpha, sigma }: Level, x: Float32Array, noise: Float32Array): Float32Array {
  return x.map((value, i) => alpha * value + sigma * noise[i]);
}

/** What was known in place of what came out there. */
function kept(values: Float32Array, known: Float32Array, drawn: Uint8Array): Float32Array {
  return values.map((value, i) => (drawn[i] ? value : known[i]));
}

/** The noise of a round, [N, ...]: a stream for each image. */
function normals(seed: number, round: number, shape: readonly number[]): Float32Array {
  return fromStreams(shape, (image) => Random.from(seed, "fill", round, image))();
}

function streamsOf(seed: number, round: number, shape: readonly number[]): () => Float32Array {
  return fromStreams(shape, (image) => Random.from(seed, "fill", round, image, "steps"));
}

function fromStreams(shape: readonly number[], streamOf: (image: number) => Random): () => Float32Array {
  const [count] = shape;
  const size = sizeOf(shape) / count;
  const streams = Array.from({ length: count }, (_, image) => streamOf(image));
  return () => {
    const out = new Float32Array(count * size);
    streams.forEach((stream, i) => {
      stream.fillNormal(out.subarray(i * size, (i + 1) * size));
    });
    return out;
  };
}
