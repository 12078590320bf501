/**
 * A network as a tree of its modules, with what each holds and costs for a batch: parameters, the shape of what it returns,
 * multiply-adds and memory (see `graph-costs.ts`). Made from a trace; nothing is run.
 *
 * Tested: multiply-adds of convolutions, linear layers and attention by their closed formulas, and parameters of the shipped
 * model against the size of its file.
 */
import { type Shape, sizeOf } from "../../core/shape.ts";
import { topological } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ImageNetwork } from "../../models/network.ts";
import { ResnetBlock } from "../../models/unet-blocks.ts";
import { Attention } from "../../nn/attention.ts";
import { TimestepEmbedding } from "../../nn/embeddings.ts";
import { Conv, Downsample, Embedding, GroupNorm, LayerNorm, Linear, Upsample } from "../../nn/layers.ts";
import { type Module, namedModules, namedParameters } from "../../nn/module.ts";
import { bytesAlive, bytesOf, multiplyAdds, ownerOf } from "./graph-costs.ts";
import { symbolicParameters, traceWatched, withinPatches } from "./places.ts";

/** A module in the tree of a network. */
export interface ModelPart {
  /** Its path in the state dict; empty for the whole network. */
  readonly path: string;
  /** The path below the part that it stands in, such as `resnets.0`. */
  readonly name: string;
  /** What it is, in words. */
  readonly kind: string;
  /** Numbers that were trained. */
  readonly parameters: number;
  /** What it returns for one image: [C, H, W] or [C]; undefined where that is several tensors or depends on no image. */
  readonly shape?: Shape;
  /** For the batch. */
  readonly multiplyAdds: number;
  /** All that it computes, bytes for the batch. */
  readonly writtenBytes: number;
  /** The most that is alive while it works, bytes for the batch; skips that wait for the way up are part of that. */
  readonly peakBytes: number;
  /** In the order of the computation. */
  readonly parts: readonly ModelPart[];
}

/** Kinds by class, the more special first: names of classes do not survive bundling. */
const kinds: readonly [new (...given: never[]) => object, string][] = [
  [ResnetBlock, "residual block"],
  [Attention, "attention"],
  [Conv, "convolution"],
  [Linear, "linear layer"],
  [GroupNorm, "group normalisation"],
  [LayerNorm, "layer normalisation"],
  [TimestepEmbedding, "embedding of the time"],
  [Embedding, "table of vectors"],
  [Downsample, "half the size"],
  [Upsample, "twice the size"],
];

const kindOf = (module: object, path: string) =>
  path === "" ? "network" : (kinds.find(([kind]) => module instanceof kind)?.[1] ?? "block");

/** The tree of a network for a batch of `batch` images (default 1). Modules that compute nothing are left out. */
export function modelGraph(network: ImageNetwork, batch = 1): ModelPart {
  const traced = traceWatched(network, symbolicParameters(network), batch);
  const order = topological([traced.output]);
  const alive = bytesAlive(order, [traced.output]);
  const parameters = [...namedParameters(network)];
  const prefix = withinPatches(network);
  const modules = [...namedModules(network)].filter(([path]) => path === "" || path.length > prefix.length);

  const own = modules.map(([full, module]) => {
    const path = full.slice(prefix.length);
    const nodes = order.filter((node) => isWithin(node, full));
    const begin = full === "" ? "" : `${full}.`;
    const part = {
      path,
      kind: kindOf(module as Module, path),
      parameters: parameters.reduce((sum, [name, { shape }]) => sum + (name.startsWith(begin) ? sizeOf(shape) : 0), 0),
      shape: path === "" ? traced.output.shape.slice(1) : traced.seen.get(path)?.place.shape,
      multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAdds(node), 0),
      writtenBytes: nodes.reduce((sum, node) => sum + (ownerOf(node) === node ? bytesOf(node) : 0), 0),
      peakBytes: nodes.reduce((most, node) => Math.max(most, alive.get(node)!), 0),
    };
    return { part, first: nodes.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...nodes.map(({ id }) => id)) };
  });
  const used = own.filter(({ part, first }) => part.path === "" || Number.isFinite(first));
  return treeOf(used.sort((a, b) => a.first - b.first).map(({ part }) => part));
}

/** Whether a node was made inside of a module (of a path that is whole, patches included). */
export function isWithin({ scope }: Pick<Tensor, "scope">, module: string): boolean {
  const dot = scope.indexOf("."); // the name of the network's class comes first
  const path = dot < 0 ? "" : scope.slice(dot + 1);
  if (module === "") return scope !== "";
  return path === module || path.startsWith(`${module}.`);
}

type Flat = Omit<ModelPart, "parts" | "name">;

/** The tree of parts, each below the longest path that it begins with. */
function treeOf(flat: readonly Flat[]): ModelPart {
  const parts = new Map(flat.map((part) => [part.path, { ...part, name: part.path, parts: [] as ModelPart[] }]));
  for (const part of parts.values()) {
    if (part.path === "") continue;
    let above = part.path;
    do above = above.slice(0, Math.max(0, above.lastIndexOf(".")));
    while (!parts.has(above));
    part.name = part.path.slice(above === "" ? 0 : above.length + 1);
    parts.get(above)!.parts.push(part);
  }
  return parts.get("")!;
}

/** All parts of a tree, each before its own parts. */
export function flatten(part: ModelPart): ModelPart[] {
  return [part, ...part.parts.flatMap(flatten)];
}
