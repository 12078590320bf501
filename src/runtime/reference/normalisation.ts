/**
 * Softmax and the two normalisations by definition, in two passes: first mean and largest value, then the rest.
 *
 * softmax:    y_i = exp(x_i − max x) / Σ_j exp(x_j − max x)
 * layerNorm:  y_i = (x_i − mean x) / sqrt(mean (x − mean x)² + epsilon), over the last axis
 * groupNorm:  the same over space and the channels of a group, then · scale[c] + shift[c] (Wu and He 2018, eq. 1 to 3)
 */
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";

/** Applies a function to each vector along the last axis. */
function alongLastAxis(node: Tensor, x: Float64Array, row: (values: Float64Array) => Float64Array): Float64Array {
  const extent = node.shape[node.rank - 1];
  const result = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += extent) result.set(row(x.slice(start, start + extent)), start);
  return result;
}

function meanOf(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Zero mean and unit variance. */
function standardise(values: Float64Array, epsilon: number): Float64Array {
  const mean = meanOf(values);
  const variance = meanOf(values.map((value) => (value - mean) ** 2));
  return values.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
}

export function softmaxByDefinition(node: Tensor<"softmax">, [x]: readonly Float64Array[]): Float64Array {
  return alongLastAxis(node, x, (values) => {
    const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const weights = values.map((value) => Math.exp(value - largest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
}

export function layerNormByDefinition(node: Tensor<"layerNorm">, [x]: readonly Float64Array[]): Float64Array {
  return alongLastAxis(node, x, (values) => standardise(values, node.attributes.epsilon));
}

export function groupNormByDefinition(
  node: Tensor<"groupNorm">,
  [x, scale, shift]: readonly Float64Array[],
): Float64Array {
  const { groups, epsilon } = node.attributes;
  const batch = node.shape[0];
  const channels = node.shape[node.rank - 1];
  const positions = sizeOf(node.shape) / (batch * channels);
  const perGroup = channels / groups;
  const result = new Float64Array(x.length);
  for (let n = 0; n < batch; n++) {
    for (let group = 0; group < groups; group++) {
      const members: number[] = []; // flat positions of the group's elements
      for (let s = 0; s < positions; s++) {
        for (let c = 0; c < perGroup; c++) members.push((n * positions + s) * channels + group * perGroup + c);
      }
      const normalised = standardise(
        Float64Array.from(members, (at) => x[at]),
        epsilon,
      );
      members.forEach((at, i) => {
        result[at] = normalised[i] * scale[at % channels] + shift[at % channels];
      });
    }
  }
  return result;
}
