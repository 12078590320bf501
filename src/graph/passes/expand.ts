/**
 * Composed ops written out in primitive ones, after the gradients have been taken on the composed form. What the
 * forward and the backward pass have in common (the unfolded input of a convolution, the statistics of a
 * normalisation) then becomes one node.
 *
 * Convolution as unfold and matmul, channels last: measured against the runtime's own convolution, with one `Gather`
 * for the unfolding, it is as fast on large maps, twice as fast on maps of 7×7, and two to three times as fast for the
 * weight gradient (docs/decisions/0002-channels-last.md).
 */
import { sizeOf } from "../../core/shape.ts";
import { isPointwise } from "../geometry.ts";
import type { Graph } from "../graph.ts";
import {
  add,
  constant,
  matmul,
  mul,
  reciprocal,
  reshape,
  sigmoid,
  slice,
  sqrt,
  sub,
  sum,
  transpose,
  transposeLast,
  unfold,
  unfoldImages,
} from "../ops.ts";
import { inScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { hasTiles } from "../tiles.ts";
import { rewrite } from "./rewrite.ts";
import { type ConvSize, convByTiles, kernelGradByTiles } from "./winograd.ts";

export interface ExpandOptions {
  /** Convolutions that the target runs as they are; all of them are expanded by default. */
  keepConv?: (node: Tensor<"conv">) => boolean;
  /** Group normalisations that the target runs as they are; all of them are expanded by default. */
  keepGroupNorm?: (node: Tensor<"groupNorm">) => boolean;
  /** Convolutions that take Winograd's form, of those that have it; none by default. */
  winogradConv?: (size: ConvSize) => boolean;
  /** Kernel gradients that take Winograd's form, of those that have it; none by default. */
  winogradKernelGrad?: (node: Tensor<"convKernelGrad">) => boolean;
  /** Whether the target runs x · sigmoid(x) as it is; it is two ops by default. */
  keepSilu?: boolean;
}

/** Replaces composed ops by primitive ones. */
export function expandComposed(graph: Graph, options: ExpandOptions = {}): Graph {
  const none = () => false;
  const {
    keepConv = none,
    winogradConv = none,
    winogradKernelGrad = none,
    keepGroupNorm = none,
    keepSilu = false,
  } = options;
  return rewrite(graph, (node) =>
    inScope(node.scope, () => {
      if (node.is("conv")) {
        const { geometry, groups } = node.attributes;
        const size = { batch: node.shape[0], geometry, kernel: node.inputs[1].shape };
        if (hasTiles(geometry, groups) && winogradConv(size)) return convByTiles(node);
        return keepConv(node) ? node : expandConv(node);
      }
      if (node.is("convKernelGrad")) {
        const { geometry, groups } = node.attributes;
        const byTiles = hasTiles(geometry, groups) && !geometry.transposed && winogradKernelGrad(node);
        return byTiles ? kernelGradByTiles(node) : expandConvKernelGrad(node);
      }
      if (node.is("silu")) return keepSilu ? node : mul(node.inputs[0], sigmoid(node.inputs[0]));
      if (node.is("groupNorm")) {
        if (keepGroupNorm(node)) return node;
        const [x, scale, shift] = node.inputs;
        return expandGroupNorm(x, scale, shift, node.attributes.groups, node.attributes.epsilon);
      }
      return node;
    }),
  );
}

function expandConv({ inputs: [x, w, bias], attributes: { geometry, groups } }: Tensor<"conv">): Tensor {
  const batch = x.shape[0];
  const [taps, perGroup, outputs] = w.shape;
  const positions = batch * sizeOf(geometry.output);
  const columns = unfold(x, geometry); // [N, Q, taps · C]
  const shape = [batch, ...geometry.output, outputs];
  if (groups === 1) {
    const rows = reshape(columns, [positions, taps * perGroup]);
    const product = matmul(rows, reshape(w, [taps * perGroup, outputs])); // [P, O]
    return reshape(bias ? add(product, bias) : product, shape);
  }
  const grouped = groupColumns(columns, positions, taps, groups, perGroup);
  const kernels = transpose(reshape(w, [taps, perGroup, groups, outputs / groups]), [2, 0, 1, 3]);
  const products = matmul(grouped, reshape(kernels, [groups, taps * perGroup, outputs / groups])); // [G, P, O/G]
  const product = reshape(transpose(products, [1, 0, 2]), shape);
  return bias ? add(product, bias) : product;
}

/**
 * Bytes of unfolded input that a kernel gradient works on at a time. Above the caches of a core, the columns would go
 * to memory and back; parts of the batch that fit made a whole training step 10 % faster.
 */
const COLUMN_BYTES = 2e6;

function expandConvKernelGrad({ inputs: [x, dy], attributes }: Tensor<"convKernelGrad">): Tensor {
  const { geometry, groups } = attributes;
  const batch = x.shape[0];
  const taps = sizeOf(geometry.kernel);
  const perGroup = x.shape[x.rank - 1] / groups;
  const outputs = dy.shape[dy.rank - 1];
  if (groups === 1) {
    const bytes = 4 * batch * sizeOf(geometry.output) * taps * perGroup;
    const size = batch / partsOf(batch, isPointwise(geometry) ? 1 : bytes / COLUMN_BYTES);
    let total: Tensor | undefined;
    for (let start = 0; start < batch; start += size) {
      const columns = unfoldImages(x, geometry, start, start + size);
      const rows = reshape(columns, [-1, taps * perGroup]);
      const product = matmul(transposeLast(rows), reshape(slice(dy, 0, start, start + size), [-1, outputs]));
      total = total ? add(total, product) : product;
    }
    return reshape(total!, [taps, perGroup, outputs]);
  }
  const positions = batch * sizeOf(geometry.output);
  const grouped = groupColumns(unfold(x, geometry), positions, taps, groups, perGroup);
  const gradient = transpose(reshape(dy, [positions, groups, outputs / groups]), [1, 0, 2]); // [G, P, O/G]
  const product = matmul(transposeLast(grouped), gradient); // [G, taps · C/G, O/G]
  const kernels = transpose(reshape(product, [groups, taps, perGroup, outputs / groups]), [1, 2, 0, 3]);
  return reshape(kernels, [taps, perGroup, outputs]);
}

/** The smallest divisor of `batch` that is at least `least`, or `batch`. */
function partsOf(batch: number, least: number): number {
  let parts = 1;
  while (parts < batch && (parts < least || batch % parts !== 0)) parts++;
  return parts;
}

/** [N, Q, taps · C] → [G, N · Q, taps · C/G]. */
function groupColumns(columns: Tensor, positions: number, taps: number, groups: number, perGroup: number): Tensor {
  const split = reshape(columns, [positions, taps, groups, perGroup]);
  return reshape(transpose(split, [2, 0, 1, 3]), [groups, positions, taps * perGroup]);
}

/** The pieces of a group normalisation that its gradient needs too. */
export interface GroupStatistics {
  /** x as [N, S, C]. */
  flat: Tensor;
  /** x − mean of its group, [N, S, C]. */
  centred: Tensor;
  /** 1 / sqrt(variance + epsilon) per channel, [N, 1, C]. */
  inverseDeviation: Tensor;
  /** Sums [N, 1, C] over the channels of each group, divided by the count of a group, back on every channel. */
  groupMean(channelSums: Tensor): Tensor;
}

const averagings = new Map<string, Float32Array>();

/**
 * The matrix [C, C] that replaces each channel's sum by the mean of its group: one small product instead of a reshape,
 * a sum, a scaling and an expansion.
 */
export function groupAveraging(channels: number, groups: number, positions: number): Float32Array {
  const key = `${channels} ${groups} ${positions}`;
  let matrix = averagings.get(key);
  if (!matrix) {
    const perGroup = channels / groups;
    matrix = new Float32Array(channels * channels);
    for (let from = 0; from < channels; from++) {
      const first = Math.floor(from / perGroup) * perGroup;
      const row = from * channels;
      matrix.fill(1 / (positions * perGroup), row + first, row + first + perGroup);
    }
    averagings.set(key, matrix);
  }
  return matrix;
}

/** Mean and variance over space and the channels of a group; two passes, so that no cancellation occurs. */
export function groupStatistics(x: Tensor, groups: number, epsilon: number): GroupStatistics {
  const batch = x.shape[0];
  const channels = x.shape[x.rank - 1];
  const flat = reshape(x, [batch, -1, channels]);
  const positions = flat.shape[1];
  const averaging = constant(groupAveraging(channels, groups, positions), [channels, channels]);
  const groupMean = (channelSums: Tensor) => {
    return reshape(matmul(reshape(channelSums, [batch, channels]), averaging), [batch, 1, channels]);
  };
  const overSpace = (y: Tensor) => sum(y, { axes: [1], keepAxes: true }); // [N, 1, C]
  const centred = sub(flat, groupMean(overSpace(flat)));
  const variance = groupMean(overSpace(mul(centred, centred)));
  return { flat, centred, inverseDeviation: reciprocal(sqrt(add(variance, epsilon))), groupMean };
}

function expandGroupNorm(x: Tensor, scale: Tensor, shift: Tensor, groups: number, epsilon: number): Tensor {
  const { centred, inverseDeviation } = groupStatistics(x, groups, epsilon);
  const gain = mul(inverseDeviation, scale); // [N, 1, C]
  return reshape(add(mul(centred, gain), shift), x.shape);
}
