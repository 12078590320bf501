/**
 * The way of points from noise to data through the steps of a solver, frame by frame: the state, and the point that the
 * network expects each to end in when it is asked there.
 *
 *   frame 0        the start, and where it is expected to end
 *   frame k        x after step k, and what step k + 1 expects of it
 *   last frame     the drawn points, which are where they are
 *
 * The last frame is what `pipelines/sample.ts` draws with the same seed.
 */
import { ConfigError } from "../../../core/errors.ts";
import type { Denoiser } from "../../../diffusion/denoiser.ts";
import type { Solver, SolverStep } from "../../../diffusion/solvers/solver.ts";

export interface Trajectory {
  /** Frames, and points in each. */
  frames: number;
  count: number;
  /** [frames, count, 2] */
  x: Float32Array;
  /** [frames, count, 2] */
  sample: Float32Array;
  /** [frames]: the time of x on the path. */
  t: Float64Array;
  /** [frames]: steps done. */
  steps: Uint32Array;
  /** Steps of the solver. */
  of: number;
}

export interface TrajectoryOptions {
  count: number;
  seed: number;
  /** At most so many frames; of more steps, every so manieth is kept, and the ends. */
  frames: number;
  /** Starts [count, 2] in place of the seed's. */
  initial?: Float32Array;
  signal?: AbortSignal;
}

/** Raises what the solver raises. Yields after each step. */
export async function* trajectory(
  solver: Solver,
  denoiser: Denoiser,
  { count, seed, frames: most, initial, signal }: TrajectoryOptions,
): AsyncGenerator<Pick<SolverStep, "step" | "of">, Trajectory, void> {
  // A solver tells x after each step only: its start is what it first asks the network about.
  let begin: { x: Float32Array; t: number } | undefined;
  const watched: Denoiser = {
    path: denoiser.path,
    denoise: (x, at, condition) => {
      begin ??= { x: x.slice(), t: typeof at === "number" ? at : at.t };
      return denoiser.denoise(x, at, condition);
    },
  };
  const kept: { x: Float32Array; sample: Float32Array; t: number; step: number }[] = [];
  let before: { x: Float32Array; step: number } | undefined;
  let of = 0;
  for await (const step of solver.sample(watched, { shape: [count, 2, 1, 1], seed, initial, signal })) {
    of = step.of;
    const every = Math.max(1, Math.ceil(of / (most - 1)));
    before ??= { x: initial ?? begin!.x, step: 0 };
    if (before.step % every === 0) kept.push({ ...before, sample: step.sample, t: step.t });
    before = { x: step.x, step: step.step };
    yield { step: step.step, of };
  }
  if (!before) throw new ConfigError(`the solver ${solver.name} made no step`);
  kept.push({ ...before, sample: before.x, t: denoiser.path.span[0] });
  return {
    frames: kept.length,
    count,
    x: joined(kept.map(({ x }) => x)),
    sample: joined(kept.map(({ sample }) => sample)),
    t: Float64Array.from(kept, ({ t }) => t),
    steps: Uint32Array.from(kept, ({ step }) => step),
    of,
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, i) => void all.set(part, i * part.length));
  return all;
}
