/**
 * Adam and AdamW as graph functions over slabs, so that the update runs on the device.
 *
 *   m ← β1 m + (1 − β1) g;  v ← β2 v + (1 − β2) g²
 *   p ← p (1 − η λ) − η (m / (1 − β1^k)) / (sqrt(v / (1 − β2^k)) + ε)
 *
 * Sources: Kingma, Ba (2015), Algorithm 1; Loshchilov, Hutter (2019), Algorithm 2, for the decoupled decay λ. Agrees
 * with torch.optim.Adam and AdamW over 20 steps (`test/parity/training`).
 */
import { add, div, mul, sqrt, square, sub } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface AdamOptions {
  /** Decay of the mean of the gradients; default 0.9. */
  beta1?: number;
  /** Decay of the mean of the squares; default 0.999. */
  beta2?: number;
  /** Default 1e-8. */
  epsilon?: number;
  /** Decoupled weight decay (AdamW), per step and unit of learning rate; default 0. */
  weightDecay?: number;
}

export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } satisfies Required<AdamOptions>;

/** The numbers of one update that depend on the step; computed on the host in float64. */
export interface AdamScalars {
  /** η · sqrt(1 − β2^k) / (1 − β1^k) */
  stepSize: number;
  /** ε · sqrt(1 − β2^k) */
  epsilon: number;
  /** 1 − η λ */
  keep: number;
}

/** `step`: 1 for the first update. */
export function adamScalars(step: number, learningRate: number, options: AdamOptions): AdamScalars {
  const { beta1, beta2, epsilon, weightDecay } = { ...adamDefaults, ...options };
  const correction = Math.sqrt(1 - beta2 ** step);
  return {
    stepSize: (learningRate * correction) / (1 - beta1 ** step),
    epsilon: epsilon * correction,
    keep: 1 - learningRate * weightDecay,
  };
}

export interface AdamState<T> {
  parameters: T;
  /** Mean of the gradients. */
  first: T;
  /** Mean of their squares. */
  second: T;
}

/**
 * One update of one slab; all tensors of the slab's shape, scalars of rank 0. `factor` f clips the gradient: it scales the
 * two numbers by which g and g² are multiplied, so that no pass over the slab is spent on it.
 */
export function adamUpdate(
  { parameters, first, second }: AdamState<Tensor>,
  gradient: Tensor,
  scalars: Readonly<Record<keyof AdamScalars, Tensor>>,
  options: AdamOptions,
  factor?: Tensor,
): AdamState<Tensor> {
  const { beta1, beta2, weightDecay } = { ...adamDefaults, ...options };
  const ofGradient = factor ? mul(factor, 1 - beta1) : 1 - beta1;
  const ofSquare = factor ? mul(square(factor), 1 - beta2) : 1 - beta2;
  const nextFirst = add(mul(first, beta1), mul(gradient, ofGradient));
  const nextSecond = add(mul(second, beta2), mul(square(gradient), ofSquare));
  const change = mul(div(nextFirst, add(sqrt(nextSecond), scalars.epsilon)), scalars.stepSize);
  const kept = weightDecay === 0 ? parameters : mul(parameters, scalars.keep);
  return { parameters: sub(kept, change), first: nextFirst, second: nextSecond };
}
