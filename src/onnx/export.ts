/**
 * Graph → ONNX bytes. Composed ops are expanded and common nodes shared first; each output is named by the node that
 * computes it, because a renaming node would copy the tensor.
 */
import { type Graph, inputsOf, topological } from "../graph/graph.ts";
import type { OpName } from "../graph/op-types.ts";
import { shareCommon } from "../graph/passes/common.ts";
import { expandComposed } from "../graph/passes/expand.ts";
import { dropDetached, foldBiases, mergeReshapes } from "../graph/passes/simplify.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isBlockable } from "./blocked.ts";
import { OnnxBuilder } from "./builder.ts";
import { lowerings } from "./lowerings.ts";

/** What the bytes may rely on. */
export interface OnnxTarget {
  /**
   * Channels of a block of the runtime's blocked convolutions (8 or 16), where the CPU has them. Such a model runs only
   * on a machine with the same block; without it the model is plain ONNX and runs everywhere.
   */
  convBlock?: number;
}

/** What will run: composed ops expanded, common nodes shared. */
export function optimise(graph: Graph, { convBlock }: OnnxTarget = {}): Graph {
  const folded = foldBiases(shareCommon(dropDetached(graph)));
  const expanded = expandComposed(folded, {
    keepConv: (node) => convBlock !== undefined && isBlockable(node, convBlock),
  });
  return shareCommon(mergeReshapes(expanded));
}

/** The bytes of an ONNX model of `graph`; `metadata` becomes the model's metadata_props. */
export function toOnnx(
  graph: Graph,
  metadata: Readonly<Record<string, string>> = {},
  target: OnnxTarget = {},
): Uint8Array {
  const optimised = optimise(graph, target);
  const inputs = inputsOf(optimised);
  const builder = new OnnxBuilder([...inputs.map(({ name }) => name), ...optimised.outputs.keys()], target.convBlock);
  const names = new Map<Tensor, string>();
  for (const { name, shape, dtype } of inputs) builder.input(name, shape, dtype);

  const outputName = new Map<Tensor, string>();
  for (const [name, tensor] of optimised.outputs) {
    if (!outputName.has(tensor) && tensor.op !== "input" && tensor.op !== "constant") outputName.set(tensor, name);
  }
  for (const node of topological(optimised.outputs.values())) {
    const inputs = node.inputs.map((input) => names.get(input)!);
    names.set(node, lower(builder, node, inputs, outputName.get(node)));
  }
  for (const [name, tensor] of optimised.outputs) {
    // An output that is an input, a constant, or the twin of another output.
    if (outputName.get(tensor) !== name) builder.node("Identity", [names.get(tensor)!], {}, name);
    builder.output(name, tensor.shape, tensor.dtype);
  }
  return builder.bytes(metadata);
}

function lower<K extends OpName>(
  builder: OnnxBuilder,
  node: Tensor<K>,
  inputs: readonly string[],
  output: string | undefined,
): string {
  return lowerings[node.op](builder, node, inputs, output);
}
