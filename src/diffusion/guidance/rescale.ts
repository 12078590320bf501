/**
 * Rescaled guidance: strong guidance makes predictions too large, so that images are overexposed. Each image's guided
 * prediction g is given back the standard deviation of the conditional one c, by the part phi:
 *
 *   g <- phi g std(c) / std(g) + (1 - phi) g
 *
 * g is the noise, the sample, or v = alpha eps - sigma x0; the other parts follow from it and x = alpha x0 + sigma eps.
 * diffusers rescales what the network predicts.
 *
 * Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), eq. 15 and 16 (phi = 0.7).
 */
import { ConfigError } from "../../core/errors.ts";
import type { Level } from "../path-contract.ts";
import type { Denoised } from "../prediction.ts";

export type RescaleOf = "noise" | "sample" | "v";

function std(values: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  const mean = sum / (to - from);
  let squares = 0;
  for (let i = from; i < to; i++) squares += (values[i] - mean) ** 2;
  return Math.sqrt(squares / (to - from));
}

/** `guided` image by image with the spread of `like`, by the part `phi`; an image without spread stays as it is. */
function respread(guided: Float32Array, like: Float32Array, images: number, phi: number): Float32Array {
  const size = guided.length / images;
  const out = guided.slice();
  for (let from = 0; from < out.length; from += size) {
    const own = std(guided, from, from + size);
    if (own === 0) continue;
    const factor = phi * (std(like, from, from + size) / own) + 1 - phi;
    for (let i = from; i < from + size; i++) out[i] *= factor;
  }
  return out;
}

function needs(value: number, what: string, of: RescaleOf, { t }: Level): void {
  if (value > 0) return;
  throw new ConfigError(
    `rescaled guidance of the ${of} has no answer at t = ${t}, where ${what} = 0; take rescaleOf "v", which has one everywhere`,
  );
}

/** The guided prediction with the spread of the conditional one. `images`: how many x holds. */
export function rescaled(
  x: Float32Array,
  level: Level,
  guided: Denoised,
  conditional: Denoised,
  { images, phi, of }: { images: number; phi: number; of: RescaleOf },
): Denoised {
  const { alpha, sigma } = level;
  if (of === "noise") {
    needs(alpha, "alpha", of, level);
    const noise = respread(guided.noise, conditional.noise, images, phi);
    return { ...guided, noise, sample: x.map((value, i) => (value - sigma * noise[i]) / alpha) };
  }
  if (of === "sample") {
    needs(sigma, "sigma", of, level);
    const sample = respread(guided.sample, conditional.sample, images, phi);
    return { ...guided, sample, noise: x.map((value, i) => (value - alpha * sample[i]) / sigma) };
  }
  const vOf = ({ sample, noise }: Denoised) => sample.map((x0, i) => alpha * noise[i] - sigma * x0);
  const v = respread(vOf(guided), vOf(conditional), images, phi);
  const scale = alpha ** 2 + sigma ** 2;
  return {
    ...guided,
    sample: x.map((value, i) => (alpha * value - sigma * v[i]) / scale),
    noise: x.map((value, i) => (sigma * value + alpha * v[i]) / scale),
  };
}
