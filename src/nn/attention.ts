/**
 * Multi-head attention: softmax(Q Kᵀ / sqrt(d)) V (Vaswani et al. 2017, eq. 1), over the sequence itself or over a
 * context. Parameter names are those of the diffusers library's `Attention`.
 */
import { ConfigError } from "../core/errors.ts";
import { add, matmul, mul, reshape, softmax, transpose, transposeLast } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Initialiser } from "./initialise.ts";
import { GroupNorm, Linear } from "./layers.ts";
import { Module, report } from "./module.ts";

export interface AttentionOptions {
  /** Channels of the sequence. */
  channels: number;
  heads: number;
  /** Channels of each head; channels / heads by default. */
  headChannels?: number;
  /** Channels of the context of a cross-attention; the sequence itself otherwise. */
  contextChannels?: number;
  /** A group normalisation before, over the sequence. */
  norm?: { groups: number; epsilon: number };
  /** Whether the query, key and value projections have biases; true by default. */
  bias?: boolean;
  /** Add the input to the output. */
  residual?: boolean;
  initialise?: Initialiser;
  /** How the output projection begins. */
  initialiseOutput?: Initialiser;
}

/** x [N, T, C], context [N, S, contextChannels] → [N, T, C]. */
export class Attention extends Module<[Tensor, Tensor?], Tensor> {
  readonly group_norm?: GroupNorm;
  readonly to_q: Linear;
  readonly to_k: Linear;
  readonly to_v: Linear;
  readonly to_out: readonly [Linear];
  readonly #heads: number;
  readonly #residual: boolean;

  constructor(options: AttentionOptions) {
    super();
    const { channels, heads, norm, bias, initialise } = options;
    const headChannels = options.headChannels ?? channels / heads;
    if (!Number.isInteger(heads) || heads < 1 || !Number.isInteger(headChannels)) {
      throw new ConfigError(`${heads} heads do not divide ${channels} channels of an attention`);
    }
    const inner = heads * headChannels;
    const context = options.contextChannels ?? channels;
    if (norm) this.group_norm = new GroupNorm(norm.groups, channels, norm.epsilon);
    this.to_q = new Linear(channels, inner, { bias, initialise });
    this.to_k = new Linear(context, inner, { bias, initialise });
    this.to_v = new Linear(context, inner, { bias, initialise });
    this.to_out = [new Linear(inner, channels, { initialise: options.initialiseOutput ?? initialise })];
    this.#heads = heads;
    this.#residual = options.residual ?? false;
  }

  protected override forward(x: Tensor, context?: Tensor): Tensor {
    const normalised = this.group_norm ? this.group_norm.call(x) : x;
    const source = context ?? normalised;
    const queries = this.#split(this.to_q.call(normalised)); // [N, heads, T, d]
    const keys = this.#split(this.to_k.call(source)); // [N, heads, S, d]
    const values = this.#split(this.to_v.call(source)); // [N, heads, S, d]
    const scale = 1 / Math.sqrt(queries.shape[3]);
    const weights = softmax(matmul(mul(queries, scale), transposeLast(keys))); // [N, heads, T, S]
    report("probabilities", weights);
    const mixed = transpose(matmul(weights, values), [0, 2, 1, 3]); // [N, T, heads, d]
    const out = this.to_out[0].call(reshape(mixed, [x.shape[0], x.shape[1], -1])); // [N, T, C]
    return this.#residual ? add(out, x) : out;
  }

  /** [N, T, heads · d] → [N, heads, T, d]. */
  #split(x: Tensor): Tensor {
    const [batch, length, channels] = x.shape;
    return transpose(reshape(x, [batch, length, this.#heads, channels / this.#heads]), [0, 2, 1, 3]);
  }
}
