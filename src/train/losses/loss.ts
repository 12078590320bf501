/**
 * What a training step minimises. A loss says three things: which numbers a run of the network is fed beside images and
 * noise, how the graph makes the losses of its images from them, and how the host draws those numbers for a step.
 *
 *   loss of the step = mean over its images of importance · losses
 *
 * Where a value must not be followed by the gradient, the graph says `detach` (`graph/ops.ts`): a target that the
 * network itself computes, say. Calls with averaged or given weights come detached.
 */
import type { Shape } from "../../core/shape.ts";
import type { Path } from "../../diffusion/path-contract.ts";
import type { TimeSampler } from "../../diffusion/time-sampler.ts";
import { add, mul, reshape } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Module, Parameter } from "../../nn/module.ts";
import type { Weights } from "../../nn/weights.ts";
import type { Part } from "../ranks.ts";
import type { TrainingState } from "../state.ts";

export interface Loss {
  readonly name: string;
  /** Output channels that it needs for each channel of the images: 2 with learned variances. */
  readonly outputs: 1 | 2;
  /**
   * What a run is fed beside images, noise and labels, by name: the shape of what belongs to one image, such as [] for a
   * number or [C, H, W] for a picture. All are float32. The names images, noise, classLabels, importance, dropoutSeed and
   * scalars are taken.
   */
  feeds(imageShape: Shape): Readonly<Record<string, Shape>>;
  /** The losses of the N images of a run, in the graph. */
  graph(inputs: LossInputs): LossGraph;
  /** The numbers of a step, for all its images. May take its time: it is waited for. */
  draw(step: LossStep): LossDraw | Promise<LossDraw>;
  /** Trained parts of the loss itself, such as a schedule: its parameters are updated with those of the network. */
  readonly module?: Module<never[], unknown>;
  /** The path that trained weights stand for, where the loss learns it. */
  path?(weights: Weights): Path;
  /** The sampler of the times that `draw` returns; where it adapts, the loop tells it the losses of each step. */
  readonly time?: TimeSampler;
  /** Whether its images must come with the noise that a teacher made them of; see `train/pairs.ts`. */
  readonly pairs?: boolean;
  /** The decay of the averaged weights at an update, for losses to which the average is a target; else as the settings say. */
  readonly averageDecay?: (step: number, steps: number) => number;
}

export type NetworkCall = (x: Tensor, time: Tensor, options?: CallOptions) => Tensor;

export interface CallOptions {
  /**
   * "trained" (default): the weights of this step. "average": their average, detached. Or given weights of the same
   * architecture, detached: they become part of the graph.
   */
  weights?: "trained" | "average" | Weights;
  /** Other labels than those of the images, int32 [N]. */
  classLabels?: Tensor;
  /** Whether dropout acts, with the same masks in every call; by default for "trained" alone. */
  dropout?: boolean;
}

/** What the graph of a loss is made of. */
export interface LossInputs {
  /** [N, C, H, W] */
  readonly images: Tensor;
  /** Standard normal (with offset noise where the objective asks for it), [N, C, H, W]. */
  readonly noise: Tensor;
  /** By the names of `feeds`, each [N, ...its shape]. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** int32 [N], where the network has classes. */
  readonly classLabels?: Tensor;
  /** The network: x [N, C, H, W], time [N] in the unit of its embedding → [N, outputs · C, H, W]. */
  readonly call: NetworkCall;
}

export interface LossGraph {
  /** What is noted by noise level, [N]: the squared error before weighting. */
  readonly errors: Tensor;
  /** What is minimised, [N], before the importance of each image. */
  readonly losses: Tensor;
  /**
   * Other gradients than those of the loss, for parameters of the loss's own: made of the gradients of the mean loss at
   * some tensors of the graph. What is returned takes the place of the gradient of each parameter named.
   */
  readonly steer?: {
    readonly at: readonly Tensor[];
    gradients(slopes: readonly Tensor[]): ReadonlyMap<Parameter, Tensor>;
  };
}

/** What the host knows of a step; N images in all its runs on this rank. */
export interface LossStep {
  readonly seed: number;
  /** From 1. */
  readonly step: number;
  /** Updates of the whole run, as planned. */
  readonly steps: number;
  readonly count: number;
  /** Where they stand among the images of a step that ranks share. Absent on one process: they are all. */
  readonly part?: Part;
  readonly imageShape: Shape;
  /** [N, C, H, W]; the same arrays as the graph is fed, not to be changed. */
  readonly images: Float32Array;
  readonly noise: Float32Array;
  readonly classLabels?: Int32Array;
  /** The state before the step: its weights, their average, the losses by time. */
  readonly state: TrainingState;
}

export interface LossDraw {
  /** Times of the path, [N], for the loss by noise level. */
  readonly times: Float64Array;
  /** By the names of `feeds`, each [N, ...its shape], flat. */
  readonly feeds: Readonly<Record<string, Float32Array>>;
  /** Factor of each loss, [N]: 1 / (T p(t)) where the sampler of times adapts, and only there. */
  readonly importance?: Float32Array;
}

/**
 * The part of this rank of what is drawn for all images of a step, so that ranks together have the numbers that one process
 * would draw. `draw`: numbers for a count of images, `each` for one.
 */
export function drawPart<T extends { slice(from: number, to: number): T }>(
  { count, part }: Pick<LossStep, "count" | "part">,
  draw: (count: number) => T,
  each = 1,
): T {
  if (!part) return draw(count);
  return draw(part.whole).slice(part.first * each, (part.first + count) * each);
}

/** A number for each image, to be broadcast over pictures: [N] → [N, 1, 1, 1]. */
export function perImage(values: Tensor): Tensor {
  return reshape(values, [values.shape[0], 1, 1, 1]);
}

/** a x + b y, with a number of each for each image: [N], [N, C, H, W] → [N, C, H, W]. */
export function mix(a: Tensor, x: Tensor, b: Tensor, y: Tensor): Tensor {
  return add(mul(x, perImage(a)), mul(y, perImage(b)));
}
