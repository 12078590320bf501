/**
 * Images from a network: the network compiled with its weights, wrapped with its path and prediction as a Denoiser,
 * guided where it is conditional, and driven by a solver.
 *
 * Picture i depends on the seed and on i alone: it is the same in any batch, up to the rounding of the runtime (each image
 * draws from a stream of its own, see `diffusion/solvers/solver.ts`).
 */
import { ConfigError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Condition } from "../diffusion/denoiser.ts";
import type { Path } from "../diffusion/path-contract.ts";
import type { Prediction, PredictionConfig } from "../diffusion/prediction.ts";
import type { Solver, SolverStep } from "../diffusion/solvers/solver.ts";
import { CompiledNetwork } from "../models/compiled.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Weights } from "../nn/weights.ts";
import type { Runtime } from "../runtime/session.ts";
import { guidedDenoiser } from "./denoiser.ts";

export interface SampleRequest {
  network: ImageNetwork;
  /** Usually the averaged ones. */
  weights: Weights;
  /** What the network was trained for. */
  objective: { path: Path; prediction: PredictionConfig | Prediction };
  runtime: Runtime;
  /** Threads of a session; all cores by default. */
  threads?: number;
  solver: Solver;
  /** Images. */
  count: number;
  /** An integer in [0, 2^53). */
  seed: number;
  /** Images at a time. Default 64, or 4096 of less than 64 numbers each, or `count` where that is less. */
  batch?: number;
  /**
   * The class of every image, or of each one in turn (the list is repeated). Default for a conditional network: all
   * classes in turn. The last row of its class table is the null class.
   */
  classLabel?: number | readonly number[];
  /** Scale of classifier-free guidance, from 0; 1 (default) is none. Above 1 a step costs twice as much. */
  guidance?: number;
  /**
   * x at the noise end, [count, C, H, W], in place of the seed's: such as `new TorchGenerator(0).randn(…)` for the start
   * that PyTorch would draw.
   */
  initial?: Float32Array;
  /** Stops between two steps, with the signal's reason. */
  signal?: AbortSignal;
  /** Is told after each step how many of all steps, over all batches, are done. */
  onStep?: (done: number, of: number) => void;
}

export interface Sampled {
  /** [count, C, H, W]; about [-1, 1], not clipped. */
  images: Float32Array;
  shape: Shape;
}

/** Draws images. Raises a ConfigError for a request that does not fit the network, and what solver and runtime raise. */
export async function sample(request: SampleRequest): Promise<Sampled> {
  const { network, count, onStep } = request;
  const size = sizeOf(network.imageShape);
  const { batch = size < 64 ? 4096 : 64 } = request;
  checkWhole("count", count);
  checkWhole("batch", batch);
  const runs = Math.ceil(count / batch);
  checkInitial(request, size);
  const each = Math.ceil(count / runs); // all runs have one size, so one session serves them; the last may draw too many
  await using compiled = compile(request);
  const images = new Float32Array(count * size); // [count, C, H, W]
  for (let run = 0; run < runs; run++) {
    let last: SolverStep | undefined;
    for await (const step of runSolver(compiled, request, run * each, each)) {
      last = step;
      onStep?.(run * step.of + step.step, runs * step.of);
    }
    const kept = Math.min(each, count - run * each);
    images.set(last!.x.subarray(0, kept * size), run * each * size);
  }
  return { images, shape: [count, ...network.imageShape] };
}

/**
 * The steps of one batch of `count` images, for pictures of the way from noise to image: after each, the state and the
 * predicted x0, [count, C, H, W] both.
 */
export async function* sampleSteps(request: SampleRequest): AsyncGenerator<SolverStep> {
  checkWhole("count", request.count);
  checkInitial(request, sizeOf(request.network.imageShape));
  await using compiled = compile(request);
  for await (const step of runSolver(compiled, request, 0, request.count)) {
    request.onStep?.(step.step, step.of);
    yield step;
  }
}

/** The network of a request with its weights; the caller closes it. */
export function compile({ network, weights, runtime, threads }: SampleRequest): CompiledNetwork {
  return new CompiledNetwork(network, weights, runtime, { threads });
}

function runSolver(
  compiled: CompiledNetwork,
  request: SampleRequest,
  firstImage: number,
  count: number,
): AsyncGenerator<SolverStep> {
  const { network, solver, seed, signal } = request;
  const condition = conditionOf(request, firstImage, count);
  const shape = [count, ...network.imageShape];
  const initial = startOf(request, firstImage, sizeOf(shape), sizeOf(network.imageShape));
  return solver.sample(guidedDenoiser(compiled, request), { shape, seed, condition, firstImage, signal, initial });
}

/** The given start of some images; zeros behind the last one, for a batch that draws too many. */
function startOf({ initial }: SampleRequest, firstImage: number, total: number, size: number) {
  if (initial === undefined) return undefined;
  const start = new Float32Array(total);
  start.set(initial.subarray(firstImage * size, firstImage * size + total));
  return start;
}

function checkInitial({ initial, count }: SampleRequest, size: number): void {
  if (initial === undefined || initial.length === count * size) return;
  throw new ConfigError(`initial must hold ${count * size} numbers for ${count} images, not ${initial.length}`);
}

/** The classes of some images of a request. Raises a ConfigError for a label that the network does not have. */
export function conditionOf(
  { network, classLabel }: SampleRequest,
  firstImage: number,
  count: number,
): Condition | undefined {
  const { classes } = network;
  if (classes === undefined) {
    if (classLabel === undefined) return undefined;
    throw new ConfigError("this network has no classes: leave the class label out");
  }
  const inTurn = Array.from({ length: Math.max(1, classes - 1) }, (_, label) => label);
  const labels = classLabel === undefined ? inTurn : [classLabel].flat();
  const bad = labels.find((label) => !Number.isInteger(label) || label < 0 || label >= classes);
  if (labels.length === 0 || bad !== undefined) {
    throw new ConfigError(
      `a class label must be an integer from 0 to ${classes - 1} (${classes - 1} is the null class), not ${bad ?? "an empty list"}`,
    );
  }
  return { classLabels: Int32Array.from({ length: count }, (_, i) => labels[(firstImage + i) % labels.length]) };
}

/** Raises a ConfigError unless a count is a whole number from 1. */
export function checkWhole(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new ConfigError(`${name} must be a whole number from 1, not ${value}`);
}
