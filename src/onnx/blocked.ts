/**
 * Convolutions in the runtime's blocked layout, NCHWc: channels in blocks of 8 or 16, the innermost axis.
 *
 * ONNX Runtime's CPU provider has direct convolutions for this layout, but its optimiser uses them only where the
 * weights are constants, which they are not while training. Here the nodes are emitted as such and the weights are
 * reordered inside the graph: measured two to three times as fast as unfolding and a matrix product, because nothing is
 * unfolded (docs/decisions/0002-channels-last.md). The input gradient of a convolution of stride 1 is a convolution
 * with the taps reversed.
 *
 * The nodes are internal to the runtime (domain com.microsoft.nchwc) and tied to the CPU's vector width, so they are
 * only used for sessions of this process, after a probe has found the block (`runtime/node/blocks.ts`), never in files.
 */

import type { Shape } from "../core/shape.ts";
import type { ConvGeometry } from "../graph/geometry.ts";
import type { Tensor } from "../graph/tensor.ts";
import { BLOCKED_DOMAIN, type OnnxBuilder } from "./builder.ts";
import type { Layouts } from "./layouts.ts";

/** Whether a convolution can run in blocks: two spatial axes, whole blocks of channels that it reads and writes. */
export function isBlockable(node: Tensor<"conv">, block: number): boolean {
  return node.shape[node.rank - 1] % block === 0 && readsBlocks(node, block);
}

/** Whether a convolution can run on blocks of channels. Where it writes no whole blocks, the last one is filled up. */
export function readsBlocks({ inputs: [x], attributes: { geometry, groups } }: Tensor<"conv">, block: number): boolean {
  const whole = x.shape[x.rank - 1] % block === 0;
  const plain = !geometry.transposed || geometry.stride.every((stride) => stride === 1);
  if (groups !== 1 || geometry.input.length !== 2 || !whole || !plain) return false;
  // Less than a stride may be left over behind the last position; nothing else can be cut off.
  const { before, after } = padding(geometry);
  return before.every((zeros) => zeros >= 0) && after.every((zeros, axis) => zeros > -geometry.stride[axis]);
}

/**
 * Zeros before and after each axis, for a plain convolution that does what `geometry` says; negative where positions
 * are left over.
 */
function padding(geometry: ConvGeometry): { before: number[]; after: number[] } {
  const { input, output, kernel, stride, dilation, transposed } = geometry;
  const reach = kernel.map((extent, axis) => dilation[axis] * (extent - 1));
  const before = geometry.before.map((zeros, axis) => (transposed ? reach[axis] - zeros : zeros));
  const after = output.map((positions, axis) => {
    return (positions - 1) * stride[axis] + reach[axis] + 1 - input[axis] - before[axis];
  });
  return { before, after };
}

/**
 * [taps, C, O] → [O/b, C/b, taps, b, b], the input channel before the output channel, declared as [O, C, ...kernel].
 * Taps are reversed for an input gradient.
 */
function blockKernel(builder: OnnxBuilder, w: string, source: Tensor, block: number, geometry: ConvGeometry): string {
  const [taps, channels] = source.shape;
  const outputs = wholeBlocks(source.shape[2], block);
  return builder.once(`blocked kernel ${w} ${geometry.kernel} ${geometry.transposed}`, () => {
    const order = Int32Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
    const ordered = geometry.transposed
      ? builder.node("Gather", [w, builder.constant(order, [taps], "int32")], { axis: 0 })
      : w;
    const filled = fillUp(builder, ordered, source.shape, outputs);
    const split = [taps, channels / block, block, outputs / block, block];
    const blocks = builder.reshape(filled, split);
    const reordered = builder.node("Transpose", [blocks], { perm: [3, 1, 0, 2, 4] });
    return builder.reshape(reordered, [outputs, channels, ...geometry.kernel]);
  });
}

/** The channels of the blocks that hold `channels`. */
const wholeBlocks = (channels: number, block: number) => Math.ceil(channels / block) * block;

/** Zeros behind the last axis, up to `extent`. */
function fillUp(builder: OnnxBuilder, name: string, shape: Shape, extent: number): string {
  const missing = extent - shape[shape.length - 1];
  if (missing === 0) return name;
  const none = shape.map(() => 0);
  return builder.node("Pad", [name, builder.integers([...none, ...none.slice(1), missing])]);
}

/** Adds the nodes of a convolution that reads blocks and returns the result in blocks; `sum` is added to it in the same pass. */
export function lowerBlockedConv(layouts: Layouts, node: Tensor<"conv">, sum?: Tensor): string {
  const { builder, block } = layouts;
  const { inputs, attributes } = node;
  const [x, w, bias] = inputs;
  const { kernel, stride, dilation } = attributes.geometry;
  const { before, after } = padding(attributes.geometry);
  const kernelName = blockKernel(builder, layouts.plain(w), w, block, attributes.geometry);
  const outputs = wholeBlocks(w.shape[2], block);
  const biased = bias ? [fillUp(builder, layouts.plain(bias), bias.shape, outputs)] : sum ? [""] : [];
  return builder.node(
    "Conv",
    [layouts.blocked(x), kernelName, ...biased, ...(sum ? [layouts.blocked(sum)] : [])],
    {
      auto_pad: "NOTSET",
      group: 1,
      kernel_shape: kernel,
      strides: stride,
      dilations: dilation,
      pads: [...before, ...after.map((zeros) => Math.max(zeros, 0))],
    },
    undefined,
    BLOCKED_DOMAIN,
  );
}
