/**
 * What a network takes: its parameters by block, the operations of its graphs, and an estimate of the memory of a training
 * step and of a sampling step.
 *
 * Memory: the arrays that are fed, plus the largest sum of arrays that are alive at once when the nodes run in the order of
 * the graph, each freed after its last reader. Reshapes are views and take nothing. It is an estimate: the runtime's own buffers,
 * fused kernels and scratch space are not in it.
 */
import { type DType, type Shape, sizeOf } from "../core/shape.ts";
import { type Graph, inputsOf, topological } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { predictionGraph } from "../models/compiled.ts";
import type { ImageNetwork } from "../models/network.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";
import { optimise } from "../onnx/export.ts";
import type { AdamOptions } from "../optim/adam.ts";
import { stateDict } from "../train/network-config.ts";
import { fusedProgram } from "../train/programs.ts";

export interface Block {
  /** The first names of the path, such as `down_blocks.0`. */
  name: string;
  tensors: number;
  parameters: number;
}

/** The parameters by block, in order of definition. `all`: every parameter is a block of its own. */
export function blocksOf(network: ImageNetwork, all = false): Block[] {
  const blocks = new Map<string, Block>();
  const layout = new SlabLayout(network);
  for (const [name, { shape }] of stateDict(network, new Weights(layout, layout.zeros()))) {
    const path = all ? name : blockOf(name);
    const block = blocks.get(path) ?? { name: path, tensors: 0, parameters: 0 };
    blocks.set(path, { ...block, tensors: block.tensors + 1, parameters: block.parameters + sizeOf(shape) });
  }
  return [...blocks.values()];
}

/** `down_blocks.0.resnets.1.conv1.weight` is in `down_blocks.0`, `mid_block.resnets.0…` in `mid_block`. */
function blockOf(name: string): string {
  const parts = name.split(".");
  return parts.slice(0, /^\d+$/.test(parts[1]) ? 2 : 1).join(".");
}

const BYTES: Readonly<Record<DType, number>> = { float32: 4, int32: 4, bool: 1 };
const bytesOf = ({ shape, dtype }: { shape: Shape; dtype: DType }) => BYTES[dtype] * sizeOf(shape);

/** Most bytes alive at once, of all that the nodes of a graph compute; inputs and constants not counted. */
export function peakBytes(graph: Graph): number {
  const order = topological(graph.outputs.values());
  const outputs = new Set(graph.outputs.values());
  /** A reshape holds the array that it views. */
  const owner = new Map<Tensor, Tensor>();
  const lastReader = new Map<Tensor, number>();
  for (const [at, node] of order.entries()) {
    owner.set(node, node.op === "reshape" ? owner.get(node.inputs[0])! : node);
    for (const input of node.inputs) lastReader.set(owner.get(input)!, at);
    if (outputs.has(node)) lastReader.set(owner.get(node)!, order.length);
  }
  for (const output of outputs) lastReader.set(owner.get(output)!, order.length);
  let alive = 0;
  let peak = 0;
  for (const [at, node] of order.entries()) {
    if (owner.get(node) === node && isComputed(node)) {
      alive += bytesOf(node);
      peak = Math.max(peak, alive);
    }
    for (const held of new Set(node.inputs.map((input) => owner.get(input)!))) {
      if (isComputed(held) && lastReader.get(held) === at) alive -= bytesOf(held);
    }
  }
  return peak;
}

const isComputed = (node: Tensor) => node.op !== "input" && node.op !== "constant";

export interface GraphFigures {
  /** Images in a run. */
  batch: number;
  /** How often each operation occurs in what will run, most frequent first. */
  ops: Record<string, number>;
  /** Estimated bytes of a run: what is fed, the weights, and the largest activations. */
  bytes: number;
}

/** The graph of one training step: loss, gradients, clipping, Adam and the average of the weights. */
export function trainingFigures(
  network: ImageNetwork,
  options: { batch: number; optimiser: AdamOptions; clip?: number },
): GraphFigures {
  const graph = optimise(fusedProgram({ ...options, network, layout: new SlabLayout(network) }));
  const fed = inputsOf(graph).reduce((sum, input) => sum + bytesOf(input), 0);
  return { batch: options.batch, ops: opsOf(graph), bytes: fed + peakBytes(graph) };
}

/** The graph of one prediction, with the weights as constants. */
export function samplingFigures(network: ImageNetwork, batch: number): GraphFigures {
  const layout = new SlabLayout(network);
  const graph = optimise(predictionGraph(network, new Weights(layout, layout.zeros()), batch));
  const weights = 4 * layout.lengths.reduce((sum, length) => sum + length, 0);
  const fed = inputsOf(graph).reduce((sum, input) => sum + bytesOf(input), 0);
  return { batch, ops: opsOf(graph), bytes: fed + weights + peakBytes(graph) };
}

function opsOf(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const node of topological(graph.outputs.values())) {
    if (isComputed(node)) counts[node.op] = (counts[node.op] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort((a, b) => b[1] - a[1]));
}
