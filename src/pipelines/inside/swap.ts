/**
 * Which noise levels decide what: pictures drawn with one condition until step k, and with another from then on.
 *
 *   step i of n is drawn with A where i <= k, and with B where i > k:   k = 0 is all B, k = n all A
 *
 * All of them begin in the same noise and are stirred with the same noise, so what differs between two neighbours was decided
 * between their levels. One batch draws them all, each with its own k. Such a change of the condition on the way is in Balaji
 * et al., "eDiff-I" (2022), section 3 and figure 4.
 *
 * Tested: k = 0 and k = n are the plain samples of B and A of that seed, to rounding; in between, an oracle sees the
 * conditions that it should.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Condition, Denoiser } from "../../diffusion/denoiser.ts";
import type { Solver, SolverStep } from "../../diffusion/solvers/solver.ts";
import { guidedDenoiser } from "../denoiser.ts";
import { compile, conditionOf, type SampleRequest } from "../sample.ts";

export interface SwapPart {
  /** The class until the swap, A. */
  from: number;
  /** The class after it, B. */
  to: number;
  /** For each picture the number of steps that are drawn with A, from 0. */
  at: readonly number[];
}

export type SwapRequest = Omit<SampleRequest, "count" | "batch" | "classLabel" | "initial"> & SwapPart;

/**
 * The steps of all pictures at once: x is [at.length, C, H, W]. They show the first picture of the seed. Raises a ConfigError for
 * a network without classes, for classes that it does not have, and for swaps that are no whole numbers from 0.
 */
export async function* swapCondition(request: SwapRequest): AsyncGenerator<SolverStep> {
  const { network, from, to, at, solver, seed, signal } = request;
  if (network.classes === undefined) {
    throw new ConfigError("a swap of the class needs a network with classes; this one has none");
  }
  const of = (classLabel: number) => conditionOf({ ...request, classLabel, count: at.length }, 0, at.length)!;
  await using compiled = compile({ ...request, count: at.length });
  const options = { shape: [at.length, ...network.imageShape], seed, signal };
  for await (const step of swapped(solver, guidedDenoiser(compiled, request), of(from), of(to), at, options)) {
    request.onStep?.(step.step, step.of);
    yield step;
  }
}

/** `swapCondition` for any denoiser; `from` and `to` hold one row for each entry of `at`. */
export function swapped(
  solver: Solver,
  denoiser: Denoiser,
  from: Condition,
  to: Condition,
  at: readonly number[],
  options: { shape: readonly number[]; seed: number; signal?: AbortSignal },
): AsyncGenerator<SolverStep> {
  const bad = at.find((swap) => !Number.isSafeInteger(swap) || swap < 0);
  if (at.length === 0 || bad !== undefined) {
    throw new ConfigError(
      `the steps of a swap must be whole numbers from 0, at least one, not ${bad ?? "an empty list"}`,
    );
  }
  let done = 0;
  const swapping: Denoiser = Object.freeze({
    path: denoiser.path,
    denoise: (x: Float32Array, level: Parameters<Denoiser["denoise"]>[1]) =>
      denoiser.denoise(
        x,
        level,
        mixed(from, to, (row) => done < at[row], at.length),
      ),
  });
  async function* run(): AsyncGenerator<SolverStep> {
    const noise = sameNoise(options.seed, at.length, sizeOf(options.shape));
    for await (const step of solver.sample(swapping, { ...options, noise })) {
      done = step.step;
      yield step;
    }
  }
  return run();
}

/** For each row that of `from` where it is still to be used, else that of `to`. */
function mixed(from: Condition, to: Condition, still: (row: number) => boolean, rows: number): Condition {
  return Object.fromEntries(
    Object.entries(from).map(([name, first]) => {
      const each = first.length / rows;
      return [name, first.map((value, i) => (still(Math.floor(i / each)) ? value : to[name][i]))];
    }),
  );
}

/** The numbers that the first picture of a seed is drawn with (diffusion/solvers/solver.ts), for each of `count` pictures. */
function sameNoise(seed: number, count: number, total: number): () => Float32Array {
  const stream = Random.from(seed, "sample", 0);
  return () => {
    const one = stream.normals(total / count);
    const all = new Float32Array(total);
    for (let i = 0; i < count; i++) all.set(one, i * one.length);
    return all;
  };
}
