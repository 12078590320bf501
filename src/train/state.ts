/**
 * All that a training run carries from one step to the next. The arrays are never changed: every step makes new ones,
 * so a state can be kept, saved or sampled from while training goes on.
 */
import { CheckpointError, ConfigError } from "../core/errors.ts";
import { formatShape, sameShape, sizeOf } from "../core/shape.ts";
import type { LossHistory } from "../diffusion/time-sampler.ts";
import type { ImageNetwork } from "../models/network.ts";
import { Module } from "../nn/module.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";
import type { NoiseBucket } from "./noise-buckets.ts";

/** The vectors of a state, in the order in which they are stored. */
export const slabNames = ["parameters", "first", "second", "average"] as const;

export type SlabName = (typeof slabNames)[number];

/** Trained weights, the two moments of Adam, and the average of the weights. */
export type StateSlabs = Readonly<Record<SlabName, readonly Float32Array[]>>;

export interface TrainingState {
  /** Updates done. */
  readonly step: number;
  /** Updates of the whole run, as planned. */
  readonly steps: number;
  /** Examples of the data stream consumed. */
  readonly examples: number;
  /** Seconds of training so far. */
  readonly seconds: number;
  readonly seed: number;
  readonly lossByNoise: readonly NoiseBucket[];
  /** What a sampler of times that adapts has seen. */
  readonly history?: LossHistory;
  readonly layout: SlabLayout;
  readonly slabs: StateSlabs;
}

/** The state before the first step. */
export function initialState(options: {
  network: ImageNetwork;
  steps: number;
  seed: number;
  lossByNoise: readonly NoiseBucket[];
  history?: LossHistory;
  /** The trained parts of the loss, if it has any. */
  module?: Module<never[], unknown>;
  /** Fresh weights by the seed when absent. */
  initial?: Weights;
}): TrainingState {
  const { network, steps, seed, lossByNoise, history, module, initial } = options;
  if (initial) checkSameLayout(initial.layout, new SlabLayout(network), "the initial weights");
  const layout = trainedLayout(network, module);
  // Copied: whoever made the weights may change them.
  const own = (initial ?? Weights.initial(network, seed)).slabs.map((slab) => slab.slice());
  const parameters = module ? withLoss(layout, own, Weights.initial(module, seed)) : own;
  return {
    step: 0,
    steps,
    examples: 0,
    seconds: 0,
    seed,
    lossByNoise,
    ...(history && { history }),
    layout,
    slabs: { parameters, first: layout.zeros(), second: layout.zeros(), average: parameters },
  };
}

/** What the names of the loss's parameters begin with. */
export const LOSS_PREFIX = "loss.";

/** A network and the trained parts of its loss, as one module: the network's parameters come first. */
class WithLoss extends Module {
  readonly network: Module<never[], unknown>;
  readonly loss: Module<never[], unknown>;

  constructor(network: Module<never[], unknown>, loss: Module<never[], unknown>) {
    super();
    this.network = network;
    this.loss = loss;
  }

  protected override forward(): never {
    throw new ConfigError("a network and the parts of its loss are called one by one");
  }
}

/**
 * Where the parameters of a training run lie: those of the network as they always do, then those of the loss, called
 * `loss.…`.
 */
export function trainedLayout(network: ImageNetwork, module?: Module<never[], unknown>): SlabLayout {
  return new SlabLayout(module ? new WithLoss(network, module) : network);
}

/** The slabs of a network with those of its loss behind them, in a layout of both. */
export function withLoss(layout: SlabLayout, network: readonly Float32Array[], loss: Weights): Float32Array[] {
  const joined = layout.zeros();
  network.forEach((slab, i) => void joined[i].set(slab));
  const places = layout.entries.slice(-loss.layout.entries.length);
  loss.layout.entries.forEach(({ slab, offset, shape }, i) => {
    const values = loss.slabs[slab].subarray(offset, offset + sizeOf(shape));
    joined[places[i].slab].set(values, places[i].offset);
  });
  return joined;
}

/** The tensors of the loss among trained ones, by their names with the prefix; copies. */
export function lossTensors(weights: Weights): ReturnType<Weights["tensors"]> {
  if (!weights.layout.entries.some(({ name }) => name.startsWith(LOSS_PREFIX))) return new Map();
  return new Map([...weights.tensors()].filter(([name]) => name.startsWith(LOSS_PREFIX)));
}

/** The trained weights of a state, or another of its vectors, by parameter. */
export function weightsOf(state: Pick<TrainingState, "layout" | "slabs">, slab: SlabName = "parameters"): Weights {
  return new Weights(state.layout, state.slabs[slab]);
}

/** Raises a CheckpointError that names the first parameter in which two layouts differ. `label`: what was given. */
export function checkSameLayout(given: SlabLayout, expected: SlabLayout, label: string): void {
  const count = Math.max(given.entries.length, expected.entries.length);
  const text = (entry?: { name: string; shape: readonly number[] }) =>
    entry ? `${entry.name} ${formatShape(entry.shape)}` : "no further tensor";
  for (let i = 0; i < count; i++) {
    const [a, b] = [given.entries[i], expected.entries[i]];
    if (a?.name === b?.name && sameShape(a.shape, b.shape)) continue;
    throw new CheckpointError(`${label} have ${text(a)} where the network has ${text(b)}: another architecture`);
  }
}
