/**
 * Time embeddings: from a number for each example to a vector.
 *
 * Sinusoidal (DDPM; Vaswani et al. 2017): half of the channels sin(t · f_i), half cos(t · f_i), with
 * f_i = scale · maxPeriod^(−i / (half − shift)), by default scale 1 and maxPeriod 10000. DDPM orders [sin, cos] with shift 1; OpenAI's code, DiT and Stable Diffusion
 * [cos, sin] with shift 0. Agrees with diffusers' `get_timestep_embedding`.
 */
import { concat, constant, cos, mul, pad, reshape, silu, sin } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Initialiser } from "./initialise.ts";
import { Linear } from "./layers.ts";
import { Module } from "./module.ts";

export interface SinusoidOptions {
  /** [cos, sin] instead of [sin, cos]. */
  flipSinToCos: boolean;
  freqShift: number;
  /** The largest frequency, radians per unit of t. Default 1. */
  scale?: number;
  /** The ratio of the largest frequency to the smallest, about. Default 10000. */
  maxPeriod?: number;
}

/** t [N] → [N, channels]. */
export function sinusoid(t: Tensor, channels: number, options: SinusoidOptions): Tensor {
  const { flipSinToCos, freqShift, scale = 1, maxPeriod = 10_000 } = options;
  const half = Math.floor(channels / 2);
  const frequencies = Float32Array.from(
    { length: half },
    (_, i) => scale * Math.exp((-Math.log(maxPeriod) * i) / (half - freqShift)),
  );
  const angles = mul(reshape(t, [t.shape[0], 1]), constant(frequencies, [1, half]));
  const parts = [sin(angles), cos(angles)];
  const embedding = concat(flipSinToCos ? parts.reverse() : parts, 1);
  return pad(embedding, [0, 0], [0, channels % 2]);
}

/** Linear, SiLU, Linear. */
export class TimestepEmbedding extends Module<[Tensor], Tensor> {
  readonly linear_1: Linear;
  readonly linear_2: Linear;

  constructor(inputs: number, outputs: number, initialise?: Initialiser) {
    super();
    this.linear_1 = new Linear(inputs, outputs, { initialise });
    this.linear_2 = new Linear(outputs, outputs, { initialise });
  }

  protected override forward(x: Tensor): Tensor {
    return this.linear_2.call(silu(this.linear_1.call(x)));
  }
}
