/**
 * Graph → ONNX bytes. Composed ops are expanded and common nodes shared first; each output is named by the node that
 * computes it, because a renaming node would copy the tensor.
 */
import { isPointwise } from "../graph/geometry.ts";
import { type Graph, inputsOf, topological } from "../graph/graph.ts";
import type { OpName } from "../graph/op-types.ts";
import { shareCommon } from "../graph/passes/common.ts";
import { expandComposed } from "../graph/passes/expand.ts";
import { dropDetached, foldBiases, mergeReshapes } from "../graph/passes/simplify.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isBlockable, readsBlocks } from "./blocked.ts";
import { blockedLowerings, deferredNodes } from "./blocked-ops.ts";
import { OnnxBuilder } from "./builder.ts";
import { canBlock, Layouts } from "./layouts.ts";
import { lowerings } from "./lowerings.ts";

/** What the bytes may rely on. */
export interface OnnxTarget {
  /**
   * Channels of a block of the runtime's blocked convolutions (8 or 16), where the CPU has them. Such a model runs only
   * on a machine with the same block; without it the model is plain ONNX and runs everywhere.
   */
  convBlock?: number;
}

/** What will run: composed ops expanded, except those that run in blocks, and common nodes shared. */
export function optimise(graph: Graph, { convBlock }: OnnxTarget = {}): Graph {
  const folded = foldBiases(shareCommon(dropDetached(graph)));
  if (convBlock === undefined) return shareCommon(mergeReshapes(expandComposed(folded)));
  const predicts = isPrediction(folded);
  const expanded = expandComposed(folded, {
    keepConv: (node) =>
      predicts ? readsBlocks(node, convBlock) : isBlockable(node, convBlock) && !isPointwise(node.attributes.geometry),
    keepGroupNorm: (node) => predicts && canBlock(node.inputs[0], convBlock),
  });
  return shareCommon(mergeReshapes(expanded));
}

/** Whether a graph only predicts: nothing in it is the gradient of a convolution. */
function isPrediction(graph: Graph): boolean {
  return !topological(graph.outputs.values()).some((node) => node.is("convKernelGrad"));
}

/** The bytes of an ONNX model of `graph`; `metadata` becomes the model's metadata_props. */
export function toOnnx(
  graph: Graph,
  metadata: Readonly<Record<string, string>> = {},
  target: OnnxTarget = {},
): Uint8Array {
  const { convBlock } = target;
  const optimised = optimise(graph, target);
  const inputs = inputsOf(optimised);
  const builder = new OnnxBuilder([...inputs.map(({ name }) => name), ...optimised.outputs.keys()], convBlock);
  for (const { name, shape, dtype } of inputs) builder.input(name, shape, dtype);

  const outputNames = new Map<Tensor, string>();
  for (const [name, tensor] of optimised.outputs) {
    if (!outputNames.has(tensor) && tensor.op !== "input" && tensor.op !== "constant") outputNames.set(tensor, name);
  }
  const inBlocks = convBlock !== undefined && isPrediction(graph);
  const deferred = inBlocks ? deferredNodes(optimised, convBlock) : undefined;
  const layouts = new Layouts(builder, outputNames, deferred);
  for (const node of topological(optimised.outputs.values())) {
    if (!layouts.isDeferred(node)) lower(layouts, node, inBlocks);
  }
  for (const [name, tensor] of optimised.outputs) {
    const computed = layouts.plain(tensor);
    // An output that is an input, a constant, or the twin of another output.
    if (outputNames.get(tensor) !== name) builder.node("Identity", [computed], {}, name);
    builder.output(name, tensor.shape, tensor.dtype);
  }
  return builder.bytes(metadata);
}

function lower<K extends OpName>(layouts: Layouts, node: Tensor<K>, inBlocks: boolean): void {
  const blocked = inBlocks || node.is("conv") ? blockedLowerings[node.op]?.(layouts, node) : undefined;
  if (blocked !== undefined) {
    layouts.setBlocked(node, blocked);
  } else {
    const inputs = node.inputs.map((input) => layouts.plain(input));
    layouts.setPlain(node, lowerings[node.op](layouts.builder, node, inputs, layouts.outputName(node)));
  }
}
