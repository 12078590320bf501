/**
 * All that a training run carries from one step to the next. The arrays are never changed: every step makes new ones,
 * so a state can be kept, saved or sampled from while training goes on.
 */
import { CheckpointError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { ImageNetwork } from "../models/network.ts";
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
  readonly layout: SlabLayout;
  readonly slabs: StateSlabs;
}

/** The state before the first step. */
export function initialState(options: {
  network: ImageNetwork;
  steps: number;
  seed: number;
  lossByNoise: readonly NoiseBucket[];
  /** Fresh weights by the seed when absent. */
  initial?: Weights;
}): TrainingState {
  const { network, steps, seed, lossByNoise, initial = Weights.initial(network, seed) } = options;
  const layout = new SlabLayout(network);
  checkSameLayout(initial.layout, layout, "the initial weights");
  // A copy: whoever made the weights may change them.
  const parameters = initial.slabs.map((slab) => slab.slice());
  return {
    step: 0,
    steps,
    examples: 0,
    seconds: 0,
    seed,
    lossByNoise,
    layout,
    slabs: { parameters, first: layout.zeros(), second: layout.zeros(), average: parameters },
  };
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
