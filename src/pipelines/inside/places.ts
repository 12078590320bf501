/**
 * The places inside of a network that can be looked at: what each of its modules returns, and the attention weights of each
 * attention layer. They are named as the weights are, by the path in the state dict.
 *
 *   down_blocks.0.resnets.0                   what that residual block returns
 *   mid_block.attentions.0.probabilities      softmax(Q Kᵀ / sqrt(d)) of that layer: each row sums to 1
 *
 * Found by tracing the network once over symbolic weights: no numbers, no runtime.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import { didYouMean } from "../../core/suggest.ts";
import { input, transpose } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ImageNetwork } from "../../models/network.ts";
import { Patched } from "../../models/patched.ts";
import { namedParameters, type Parameter, type Seen, traceWith } from "../../nn/module.ts";

/** What is seen at a place. */
export type PlaceKind = "attention" | "map" | "other";

export interface Place {
  /** Its name: the path of the module, with `.probabilities` for attention weights. */
  readonly id: string;
  /** The path of the module in the state dict. */
  readonly module: string;
  /** `attention`: weights; `map`: channels over positions; `other`: embeddings and sequences. */
  readonly kind: PlaceKind;
  /** Of one image: attention [heads, queries, keys]; a map [C, H, W]; others [C] or [T, C]. */
  readonly shape: Shape;
  /** Where attention is over the positions of a map: [H, W] of it. Position i is row i / W, column i mod W. */
  readonly grid?: readonly [height: number, width: number];
}

/** A network traced, with all that was seen on the way. */
export interface Traced {
  /** [N, C, H, W] */
  output: Tensor;
  /** By id, in the order of the computation. Maps are [N, C, H, W], as images are. */
  seen: Map<string, { place: Place; tensor: Tensor }>;
}

/** Traces a prediction for `batch` images: inputs `sample`, `timestep` (and `class_labels`), as `predictionGraph` has them. */
export function traceWatched(network: ImageNetwork, parameters: ReadonlyMap<Parameter, Tensor>, batch: number): Traced {
  const sample = input("sample", [batch, ...network.imageShape]);
  const time = input("timestep", [batch]);
  const classLabels = network.classes === undefined ? undefined : input("class_labels", [batch], "int32");
  const all: Seen[] = [];
  const watch = (seen: Seen) => all.push(seen);
  const output = traceWith({ parameters, watch }, () => network.call({ sample, time, classLabels }));
  return { output, seen: seenAt(all, withinPatches(network)) };
}

function seenAt(all: readonly Seen[], prefix: string): Traced["seen"] {
  const found: Traced["seen"] = new Map();
  const grids = new Map<string, readonly [number, number]>();
  for (const { path, name, tensor } of all) if (name === "out" && isMap(tensor)) grids.set(path, gridOf(tensor));
  for (const { path, name, tensor } of all) {
    if (!path.startsWith(prefix) || path.length === prefix.length) continue; // the network itself, and its patches
    const module = path.slice(prefix.length);
    const id = name === "out" ? module : `${module}.${name}`;
    const place = { id, module, ...kindOf(name, tensor, grids.get(path)) };
    // The weights of a module that is called twice are the same, what it computes is not: the last call counts.
    found.set(id, { place, tensor: place.kind === "map" ? transpose(tensor, [0, 3, 1, 2]) : tensor });
  }
  return found;
}

const isMap = (tensor: Tensor) => tensor.rank === 4;
const gridOf = ({ shape }: Tensor) => [shape[1], shape[2]] as const;

function kindOf(name: string, { shape }: Tensor, grid?: Place["grid"]): Pick<Place, "kind" | "shape" | "grid"> {
  const [, ...one] = shape;
  if (name === "probabilities") return { kind: "attention", shape: one, grid };
  if (one.length === 3) return { kind: "map", shape: [one[2], one[0], one[1]] };
  return { kind: "other", shape: one };
}

/** What the paths inside of a network begin with that files do not have: weights are named without the patches around. */
export function withinPatches(network: ImageNetwork): string {
  return network instanceof Patched ? `inner.${withinPatches(network.inner)}` : "";
}

/** Weights as inputs of a graph, for a trace that is only looked at. */
export function symbolicParameters(network: ImageNetwork): Map<Parameter, Tensor> {
  const named = [...namedParameters(network)];
  return new Map(named.map(([name, parameter]) => [parameter, input(name, parameter.keptShape)]));
}

/** All places of a network, in the order of its computation. */
export function placesOf(network: ImageNetwork): Place[] {
  return [...traceWatched(network, symbolicParameters(network), 1).seen.values()].map(({ place }) => place);
}

/** Some places by their ids. Raises a ConfigError with the nearest names for one that the network does not have. */
export function findPlaces(network: ImageNetwork, ids: readonly string[]): Place[] {
  const places = new Map(placesOf(network).map((place) => [place.id, place]));
  return ids.map((id) => {
    const place = places.get(id);
    if (!place)
      throw new ConfigError(`the network has no place ${JSON.stringify(id)}. ${didYouMean(id, [...places.keys()])}`);
    return place;
  });
}
