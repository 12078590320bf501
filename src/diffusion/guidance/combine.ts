/**
 * Extrapolation from one prediction through another: base + scale (better - base). x is the same in both, so it may be
 * applied to sample and noise alike and they keep x = alpha sample + sigma noise.
 */
import type { Denoised } from "../prediction.ts";

function extrapolated(base: Float32Array, better: Float32Array, scale: number): Float32Array {
  return base.map((value, i) => value + scale * (better[i] - value));
}

/** Of sample and noise; a learned variance is that of `better`. */
export function extrapolate(base: Denoised, better: Denoised, scale: number): Denoised {
  return {
    ...better,
    sample: extrapolated(base.sample, better.sample, scale),
    noise: extrapolated(base.noise, better.noise, scale),
  };
}
