/**
 * The value of each op, by direct definition: the oracle that every runtime is compared with. Everything is computed in
 * float64; the session rounds each result to its dtype. Slow and obvious on purpose, and independent of the ONNX forms:
 * a convolution is a loop over positions, taps and channels here, a group normalisation is its formula.
 *
 * The ops' tests agree with closed forms and with ONNX Runtime's own Conv and ConvTranspose.
 */
import { ConfigError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { OpName } from "../../graph/op-types.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { convByDefinition, foldByDefinition, kernelGradByDefinition, unfoldByDefinition } from "./convolution.ts";
import { groupNormByDefinition, layerNormByDefinition, softmaxByDefinition } from "./normalisation.ts";
import { erfOf, randomWord } from "./scalar-functions.ts";
import { indicesOf, isInside, positionOf, tabulate } from "./space.ts";

/** A computed tensor, row-major: float32 and int32 as their numbers, bool as 0 and 1. */
export type Value = Float64Array;

export type Evaluator<K extends OpName> = (node: Tensor<K>, inputs: readonly Value[]) => Value;

/** An element-wise op with broadcasting. */
const elementwise =
  (element: (...operands: number[]) => number) =>
  (node: Tensor, inputs: readonly Value[]): Value =>
    tabulate(node.shape, (index) => element(...inputs.map((data, i) => data[positionOf(index, node.inputs[i].shape)])));

/** An element-wise op on numbers or on 32-bit integers, which wrap around. */
const arithmetic = (real: (a: number, b: number) => number, integer: (a: number, b: number) => number) => {
  const [onReals, onIntegers] = [elementwise(real), elementwise(integer)];
  return (node: Tensor, inputs: readonly Value[]) => (node.dtype === "int32" ? onIntegers : onReals)(node, inputs);
};

/** Folds the elements that share a position of the result. */
const reduction =
  (initial: number, combine: (total: number, element: number) => number) =>
  (node: Tensor, [x]: readonly Value[]): Value => {
    const result = new Float64Array(sizeOf(node.shape)).fill(initial);
    let read = 0;
    for (const index of indicesOf(node.inputs[0].shape)) {
      const position = positionOf(index, node.shape);
      result[position] = combine(result[position], x[read++]);
    }
    return result;
  };

const sigmoidOf = (x: number) => 1 / (1 + Math.exp(-x));

/** A row of a table, or a ConfigError: an index out of range is never wrapped or clamped. */
function checkedRow(index: number, rows: number): number {
  if (index < 0 || index >= rows) throw new ConfigError(`index ${index} is out of range for a table of ${rows} rows`);
  return index;
}

export const evaluators: { [K in OpName]: Evaluator<K> } = {
  input: (_, [fed]) => fed,
  constant: ({ attributes: { data } }) => Float64Array.from(data),
  randomUniform: ({ shape, attributes: { stream } }, [seed]) => {
    let position = 0;
    return tabulate(shape, () => (randomWord(seed[0], seed[1], stream, position++) >>> 8) * 2 ** -24);
  },

  neg: elementwise((x) => -x),
  exp: elementwise(Math.exp),
  log: elementwise(Math.log),
  sqrt: elementwise(Math.sqrt),
  reciprocal: elementwise((x) => 1 / x),
  sin: elementwise(Math.sin),
  cos: elementwise(Math.cos),
  tanh: elementwise(Math.tanh),
  sigmoid: elementwise(sigmoidOf),
  erf: elementwise(erfOf),
  abs: elementwise(Math.abs),
  add: arithmetic(
    (a, b) => a + b,
    (a, b) => (a + b) | 0,
  ),
  sub: arithmetic(
    (a, b) => a - b,
    (a, b) => (a - b) | 0,
  ),
  mul: arithmetic((a, b) => a * b, Math.imul),
  div: elementwise((a, b) => a / b),
  maximum: elementwise((a, b) => Math.max(a, b)),
  minimum: elementwise((a, b) => Math.min(a, b)),
  less: elementwise((a, b) => (a < b ? 1 : 0)),
  equal: elementwise((a, b) => (a === b ? 1 : 0)),
  where: elementwise((condition, a, b) => (condition !== 0 ? a : b)),
  cast: ({ attributes: { to } }, [x]) => {
    if (to === "float32") return x;
    return x.map(to === "bool" ? (value) => (value !== 0 ? 1 : 0) : (value) => Math.trunc(value) + 0);
  },
  detach: (_, [x]) => x,
  checkpoint: (_, [x]) => x,

  reduceSum: reduction(0, (total, element) => total + element),
  reduceMax: reduction(Number.NEGATIVE_INFINITY, (largest, element) => Math.max(largest, element)),

  reshape: (_, [x]) => x,
  transpose: (node, [x]) => {
    const { permutation } = node.attributes;
    const { shape } = node.inputs[0];
    return tabulate(node.shape, (index) => {
      const source = shape.map((_, axis) => index[permutation.indexOf(axis)]);
      return x[positionOf(source, shape)];
    });
  },
  expand: elementwise((x) => x),
  slice: (node, [x]) => {
    const { starts } = node.attributes;
    return tabulate(node.shape, (index) => {
      const source = index.map((at, axis) => at + starts[axis]);
      return x[positionOf(source, node.inputs[0].shape)];
    });
  },
  pad: (node, [x]) => {
    const { before } = node.attributes;
    const { shape } = node.inputs[0];
    return tabulate(node.shape, (index) => {
      const source = index.map((at, axis) => at - before[axis]);
      return isInside(source, shape) ? x[positionOf(source, shape)] : 0;
    });
  },
  concat: (node, parts) => {
    const { axis } = node.attributes;
    return tabulate(node.shape, (index) => {
      const source = [...index];
      let part = 0;
      while (source[axis] >= node.inputs[part].shape[axis]) source[axis] -= node.inputs[part++].shape[axis];
      return parts[part][positionOf(source, node.inputs[part].shape)];
    });
  },
  gather: (node, [table, indices]) => {
    const { shape } = node.inputs[0];
    const leading = node.inputs[1].rank;
    return tabulate(node.shape, (index) => {
      const row = checkedRow(indices[positionOf(index.slice(0, leading), node.inputs[1].shape)], shape[0]);
      return table[positionOf([row, ...index.slice(leading)], shape)];
    });
  },
  scatterAdd: (node, [indices, updates]) => {
    const leading = node.inputs[0].rank;
    const result = new Float64Array(sizeOf(node.shape));
    let read = 0;
    for (const index of indicesOf(node.inputs[1].shape)) {
      const named = indices[positionOf(index.slice(0, leading), node.inputs[0].shape)];
      const row = checkedRow(named, node.attributes.rows);
      result[positionOf([row, ...index.slice(leading)], node.shape)] += updates[read++];
    }
    return result;
  },

  matmul: (node, [a, b]) => {
    const [left, right] = node.inputs;
    const inner = left.shape[left.rank - 1];
    return tabulate(node.shape, (index) => {
      const batch = index.slice(0, -2);
      const [row, column] = index.slice(-2);
      let total = 0;
      for (let k = 0; k < inner; k++) {
        const rightIndex = right.rank === 2 ? [k, column] : [...batch, k, column];
        total += a[positionOf([...batch, row, k], left.shape)] * b[positionOf(rightIndex, right.shape)];
      }
      return total;
    });
  },
  conv: convByDefinition,
  convKernelGrad: kernelGradByDefinition,
  unfold: unfoldByDefinition,
  fold: foldByDefinition,
  upsample: (node, [x]) => {
    const { factor } = node.attributes;
    const last = node.rank - 1;
    return tabulate(node.shape, (index) => {
      const source = index.map((at, axis) => (axis === 0 || axis === last ? at : Math.floor(at / factor)));
      return x[positionOf(source, node.inputs[0].shape)];
    });
  },

  silu: elementwise((x) => x * sigmoidOf(x)),
  softmax: softmaxByDefinition,
  layerNorm: layerNormByDefinition,
  groupNorm: groupNormByDefinition,
};
