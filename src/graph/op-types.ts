/**
 * The union of primitive operations and the attributes of each. Five tables are typed over it: shape rules
 * (`shape-rules.ts`), gradients (`../grad/rules.ts`), expansions (`passes/expand.ts`, for the composed ones), ONNX
 * forms (`../onnx/lowerings.ts`) and reference evaluation (`../runtime/reference/evaluators.ts`). An op that lacks an
 * entry does not compile.
 *
 * Images are channels-last, [N, H, W, C]; sequences [N, T, C]; one and three spatial axes work alike.
 */
import type { DType, Shape, TensorArray } from "../core/shape.ts";
import type { ConvGeometry } from "./geometry.ts";

type None = Readonly<Record<string, never>>;

export interface OpAttributes {
  // Leaves
  /** A value that is fed at every run. */
  input: { name: string; shape: Shape; dtype: DType };
  /** A value that is part of the graph, row-major. */
  constant: { data: TensorArray; shape: Shape; dtype: DType };
  /** Numbers in [0, 1) that depend on a fed seed (int32 [2]) and on `stream`: dropout masks. */
  randomUniform: { shape: Shape; stream: number };

  // Element-wise, NumPy broadcasting
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  reciprocal: None;
  sin: None;
  cos: None;
  tanh: None;
  sigmoid: None;
  erf: None;
  abs: None;
  add: None;
  sub: None;
  mul: None;
  div: None;
  maximum: None;
  minimum: None;
  less: None;
  equal: None;
  /** where(condition, a, b) */
  where: None;
  cast: { to: DType };
  /** x itself, as a value that no gradient passes. */
  detach: None;
  /**
   * checkpoint(x, ...from): x itself. For its gradient, what leads to x from the values `from` is computed once more, so
   * that it need not be kept; see `grad/checkpoint.ts`.
   */
  checkpoint: None;

  // Reductions; the reduced axes stay with extent 1
  reduceSum: { axes: readonly number[] };
  /** Without NaN: onnxruntime passes over one that is not the first element. */
  reduceMax: { axes: readonly number[] };

  // Movement
  reshape: { shape: Shape };
  transpose: { permutation: readonly number[] };
  expand: { shape: Shape };
  slice: { starts: readonly number[]; ends: readonly number[] };
  /** Zeros around. */
  pad: { before: readonly number[]; after: readonly number[] };
  concat: { axis: number };
  /** gather(table [V, ...], indices int32 [...I]) → [...I, ...] */
  gather: None;
  /** scatterAdd(indices int32 [...I], updates [...I, ...]) → [rows, ...], the sum of the updates of each row. */
  scatterAdd: { rows: number };

  // Linear algebra
  /** [..., M, K] × [K, N], or [...B, M, K] × [...B, K, N] */
  matmul: None;
  /** conv(x [N, ...input, C], w [taps, C / groups, O]) → [N, ...output, O] */
  conv: { geometry: ConvGeometry; groups: number };
  /** convKernelGrad(x [N, ...input, C], dy [N, ...output, O]) → [taps, C / groups, O] */
  convKernelGrad: { geometry: ConvGeometry; groups: number };
  /**
   * unfold(x [N, ...input, C]) → [N, outputs, taps · C]: the rows that a convolution multiplies; of the images `first` to
   * `end` − 1 alone where `images` is given.
   */
  unfold: { geometry: ConvGeometry; images?: readonly [first: number, end: number] };
  /** fold(columns [N, outputs, taps · C]) → [N, ...input, C]: the transpose of unfold */
  fold: { geometry: ConvGeometry };
  /** Nearest-neighbour up-sampling of every spatial axis of [N, ...S, C] by an integer. */
  upsample: { factor: number };

  // Fused, where the runtime has a kernel or the gradient has a short form
  /** x · sigmoid(x) */
  silu: None;
  /** Over the last axis. */
  softmax: None;
  /** (x − mean) / sqrt(variance + epsilon) over the last axis, no scale and shift. */
  layerNorm: { epsilon: number };
  /** groupNorm(x [N, ...S, C], scale [C], shift [C]): normalised over space and the channels of each group. */
  groupNorm: { groups: number; epsilon: number };
}

export type OpName = keyof OpAttributes;
