/**
 * Graph → ONNX bytes. Composed ops are expanded and common nodes shared first; each output is named by the node that
 * computes it, because a renaming node would copy the tensor.
 */
import { isPointwise } from "../graph/geometry.ts";
import { countReaders, type Graph, inputsOf, topological } from "../graph/graph.ts";
import type { OpName } from "../graph/op-types.ts";
import { shareCommon } from "../graph/passes/common.ts";
import { type ExpandOptions, expandComposed } from "../graph/passes/expand.ts";
import { dropDetached, foldBiases, mergeReshapes } from "../graph/passes/simplify.ts";
import { convGains, kernelGradGains } from "../graph/passes/winograd.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isBlockable, readsBlocks } from "./blocked.ts";
import { type BlockedLowerings, blockedLowerings, deferredImages } from "./blocked-ops.ts";
import { OnnxBuilder } from "./builder.ts";
import { deferredProducts, productLowerings, siluLowerings } from "./fused.ts";
import { canBlock, Layouts } from "./layouts.ts";
import { lowerings } from "./lowerings.ts";
import type { PassName } from "./passes.ts";
import type { TargetLowerings } from "./target-lowerings.ts";
import { trigonometryLowerings } from "./trigonometry.ts";

/** What the bytes may rely on. */
export interface OnnxTarget {
  /**
   * Channels of a block of the runtime's blocked convolutions (8 or 16), where the CPU has them. Such a model runs only
   * on a machine with the same block; without it the model is plain ONNX and runs everywhere.
   */
  convBlock?: number;
  /** Writes sine and cosine out, for devices whose own are not exact enough. */
  ownSine?: boolean;
  /** Passes that are left out. */
  without?: readonly PassName[];
}

/** What will run: composed ops expanded, except those that run in blocks, and common nodes shared. */
export function optimise(graph: Graph, target: OnnxTarget = {}): Graph {
  const on = passesOf(target);
  const after = (pass: PassName, rewrite: (graph: Graph) => Graph, before: Graph) =>
    on(pass) ? rewrite(before) : before;
  const detached = after("drop-detached", dropDetached, graph);
  const folded = after("fold-biases", foldBiases, after("share-common", shareCommon, detached));
  const expanded = expandComposed(folded, formsOfComposed(folded, target));
  return after("share-common", shareCommon, after("merge-reshapes", mergeReshapes, expanded));
}

/** Which composed ops stay as they are, and which forms the others take. */
function formsOfComposed(graph: Graph, target: OnnxTarget): ExpandOptions {
  const { convBlock } = target;
  const on = passesOf(target);
  const inBlocks = isPrediction(graph) && on("blocked-images");
  const forms: ExpandOptions = {
    winogradKernelGrad: on("winograd-kernel-gradients") ? kernelGradGains : undefined,
  };
  const tiled = on("winograd-convolutions") && !inBlocks;
  if (convBlock === undefined) return { ...forms, winogradConv: (size) => tiled && convGains(size, "unfolded") };
  const blocked = on("blocked-convolutions");
  return {
    ...forms,
    keepSilu: on("fused-silu"),
    keepConv: (node) => {
      if (!blocked) return false;
      return inBlocks
        ? readsBlocks(node, convBlock)
        : isBlockable(node, convBlock) && !isPointwise(node.attributes.geometry);
    },
    winogradConv: (size) => tiled && convGains(size, blocked ? "blocked" : "unfolded"),
    keepGroupNorm: (node) => inBlocks && canBlock(node.inputs[0], convBlock),
  };
}

function passesOf({ without = [] }: OnnxTarget): (pass: PassName) => boolean {
  return (pass) => !without.includes(pass);
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
  const on = passesOf(target);
  const optimised = optimise(graph, target);
  const inputs = inputsOf(optimised);
  const builder = new OnnxBuilder([...inputs.map(({ name }) => name), ...optimised.outputs.keys()], convBlock);
  for (const { name, shape, dtype } of inputs) builder.input(name, shape, dtype);

  const outputNames = new Map<Tensor, string>();
  for (const [name, tensor] of optimised.outputs) {
    if (!on("name-outputs")) break;
    if (!outputNames.has(tensor) && tensor.op !== "input" && tensor.op !== "constant") outputNames.set(tensor, name);
  }
  const order = topological(optimised.outputs.values());
  const forms = formsFor(target, graph);
  const layouts = new Layouts(builder, outputNames, forms.deferred(order, countReaders(optimised)));
  for (const node of order) if (!layouts.isDeferred(node)) lower(layouts, node, forms);
  for (const [name, tensor] of optimised.outputs) {
    const computed = layouts.plain(tensor);
    // An output that is an input, a constant, or the twin of another output.
    if (outputNames.get(tensor) !== name) builder.node("Identity", [computed], {}, name);
    builder.output(name, tensor.shape, tensor.dtype);
  }
  return builder.bytes(metadata);
}

/** The forms that a target has besides the plain ones. */
interface Forms {
  blocked: BlockedLowerings;
  own: TargetLowerings;
  /** Nodes that only exist inside of others. */
  deferred(order: readonly Tensor[], readers: ReadonlyMap<Tensor, number>): ReadonlySet<Tensor>;
}

function formsFor(target: OnnxTarget, graph: Graph): Forms {
  const { convBlock, ownSine } = target;
  const on = passesOf(target);
  if (convBlock === undefined) {
    return { blocked: {}, own: ownSine ? trigonometryLowerings : {}, deferred: () => new Set() };
  }
  const inBlocks = isPrediction(graph) && on("blocked-images");
  const products = on("fused-products");
  return {
    blocked: inBlocks ? blockedLowerings : { conv: blockedLowerings.conv },
    own: { ...(products && productLowerings), ...siluLowerings },
    deferred: (order, readers) => {
      const images = inBlocks ? deferredImages(order, readers, convBlock) : [];
      return new Set([...images, ...(products ? deferredProducts(order, readers) : [])]);
    },
  };
}

function lower<K extends OpName>(layouts: Layouts, node: Tensor<K>, { blocked, own }: Forms): void {
  const inBlocks = blocked[node.op]?.(layouts, node);
  if (inBlocks !== undefined) {
    layouts.setBlocked(node, inBlocks);
    return;
  }
  const plain = () => {
    const inputs = node.inputs.map((input) => layouts.plain(input));
    return lowerings[node.op](layouts.builder, node, inputs, layouts.outputName(node));
  };
  layouts.setPlain(node, own[node.op]?.(layouts, node) ?? plain());
}
