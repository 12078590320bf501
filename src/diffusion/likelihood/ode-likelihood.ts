/**
 * The exact log-likelihood of a diffusion model by its probability flow. Along dz / dphi = v (angle.ts) the density changes
 * by the divergence, so
 *
 *   log p(x) = log N(z_end; 0, I) + D log(alpha / r) + integral from data to noise of div v dphi
 *
 * from z = alpha x / r at the path's least noise (or `sigmaMin`): the density is that of data with this much noise,
 * x + (sigma / alpha) eps, and the prior is what solvers start from. div v is Hutchinson's estimate with a probe that is held along the flow, so the
 * result is exact on average over seeds, and for every seed where the Jacobian is diagonal. Solved by the Runge-Kutta
 * pair, to a tolerance.
 *
 *   bits per dimension = -log p / (D ln 2) - log2(binWidth)     binWidth 2/255: 256 levels in [-1, 1]
 *
 * For 8-bit data it bounds the likelihood of the levels when x is dequantised first, by noise that is uniform in its bin
 * (`dequantised`). The offset is 7 where the bins have width 1/128, 8 for [0, 1].
 *
 * Sources: Song et al., "Score-Based Generative Modeling through SDEs" (2021), §4.3 and D.2; Theis, van den Oord, Bethge,
 * "A note on the evaluation of generative models" (2016), §3.1 (dequantisation). Tested against true log densities, of
 * Gaussian, correlated Gaussian and mixed data, to 1e-4.
 */
import { Random } from "../../core/random.ts";
import { angularPath, angularVelocity, radiusOf, sigmaMinField } from "../angle.ts";
import type { Condition, Denoiser } from "../denoiser.ts";
import { choice, integer, optional, readOptions, real, withDefault } from "../options.ts";
import { adaptive } from "../runge-kutta.ts";
import { type DenoiserVjp, divergenceByDifferences, divergenceByVjp, type ProbeName, probeOf } from "./divergence.ts";
import { checkImages, type ImageBatch } from "./images.ts";

export interface OdeLikelihoodOptions extends ImageBatch {
  /** Default "rademacher". */
  probe?: ProbeName;
  /** Probes whose estimates are averaged. Default 1. */
  probes?: number;
  /** Error of a Runge-Kutta step relative to the state, and in its units. Defaults 1e-5. */
  rtol?: number;
  atol?: number;
  /** sigma / alpha at which x is taken. Default: the path's least, or 1e-3 where that is 0. */
  sigmaMin?: number;
  /** The product with the network's Jacobian (`vjpOf`); central differences of the denoiser without it. */
  vjp?: DenoiserVjp;
  /** Half the length of a central difference, in units of sigma. Default 0.03. */
  differenceStep?: number;
  /** The width of a level's bin in the units of x, for bits per dimension. Default 2/255. */
  binWidth?: number;
  condition?: Condition;
  /** Called after each twentieth of the way. */
  onPart?: (done: number, of: number) => void;
  signal?: AbortSignal;
}

export interface OdeLikelihood {
  /** log p(x) of each image, nats: a log density. */
  readonly nats: Float64Array; // [N]
  /** Bits per dimension of each image. */
  readonly bits: Float64Array; // [N]
  /** Their mean. */
  readonly mean: number;
  /** x at the noise end, in the path's units: the image's latent. */
  readonly latent: Float32Array;
  /** Times that the slope was asked for; each takes 1 + 2 probes calls of the denoiser, or `probes` of the vjp. */
  readonly evaluations: number;
}

const parts = 20;
const tolerance = withDefault(real(0, 1, true), 1e-5);
const fields = {
  probe: withDefault(choice("rademacher", "gaussian"), "rademacher"),
  probes: withDefault(integer(1), 1),
  rtol: tolerance,
  atol: tolerance,
  sigmaMin: sigmaMinField,
  vjp: optional({ expected: "a function", accepts: (value: unknown) => typeof value === "function" }),
  differenceStep: withDefault(real(0, 1, true), 0.03),
  binWidth: withDefault(real(0, Infinity, true), 2 / 255),
};

/** The log-likelihood of each image. */
export async function odeLikelihood(denoiser: Denoiser, options: OdeLikelihoodOptions): Promise<OdeLikelihood> {
  const { images, shape, seed, firstImage, condition, onPart, signal, ...rest } = options;
  const { count, size } = checkImages("odeLikelihood", { images, shape, seed, firstImage });
  const config = readOptions("odeLikelihood", fields, rest);
  const vjp = config.vjp as DenoiserVjp | undefined;
  const { data, noise, levelAt } = angularPath(denoiser.path, config.sigmaMin);
  const total = count * size;
  const streams = Array.from({ length: count }, (_, i) => Random.from(seed, "probe", (firstImage ?? 0) + i));
  const probes = Array.from({ length: config.probes }, () => probeOf(config.probe, streams, size));

  /** The state is z of all images, then the integral of div v of each. */
  const slope = async (phi: number, y: Float64Array): Promise<Float64Array> => {
    const level = levelAt(phi);
    const r = radiusOf(level);
    const query = { x: Float32Array.from(y.subarray(0, total), (value) => r * value), level, condition, images: count };
    const out = new Float64Array(total + count);
    let known = vjp ? undefined : await denoiser.denoise(query.x, level, condition);
    for (const probe of probes) {
      let divergence: Float64Array;
      if (vjp) ({ denoised: known, divergence } = await divergenceByVjp(vjp, query, probe));
      else divergence = await divergenceByDifferences(denoiser, query, probe, config.differenceStep);
      for (let n = 0; n < count; n++) out[total + n] += divergence[n] / probes.length;
    }
    out.set(angularVelocity(known!, level));
    return out;
  };

  const least = levelAt(data);
  const shrink = least.alpha / radiusOf(least);
  const y = new Float64Array(total + count);
  images.forEach((value, i) => {
    y[i] = shrink * value;
  });
  const stops = Array.from({ length: parts }, (_, i) =>
    i + 1 === parts ? noise : data + ((i + 1) * (noise - data)) / parts,
  );
  const segments = [...new Array<number>(count).fill(size), ...new Array<number>(count).fill(1)];
  const { rtol, atol } = config;
  let end = { t: data, y, evaluations: 0 };
  let done = 0;
  for await (end of adaptive(slope, { t: data, y }, stops, { rtol, atol, segments, signal })) onPart?.(++done, parts);

  const nats = Float64Array.from({ length: count }, (_, n) => {
    let squares = 0;
    for (let i = n * size; i < (n + 1) * size; i++) squares += end.y[i] ** 2;
    return -0.5 * (squares + size * Math.log(2 * Math.PI)) + size * Math.log(shrink) + end.y[total + n];
  });
  const bits = nats.map((value) => -value / (size * Math.LN2) - Math.log2(config.binWidth));
  const scale = radiusOf(levelAt(noise));
  return {
    nats,
    bits,
    mean: bits.reduce((sum, value) => sum + value, 0) / count,
    latent: Float32Array.from(end.y.subarray(0, total), (value) => scale * value),
    evaluations: end.evaluations,
  };
}

/** Images moved within their bins: x + binWidth (u - 1/2), u uniform in [0, 1), each image from its own stream. */
export function dequantised({ images, shape, seed, firstImage = 0 }: ImageBatch, binWidth = 2 / 255): Float32Array {
  const { count, size } = checkImages("dequantised", { images, shape, seed, firstImage });
  const out = images.slice();
  for (let n = 0; n < count; n++) {
    const uniform = Random.from(seed, "dequantise", firstImage + n).fillUniform(new Float32Array(size));
    uniform.forEach((u, i) => {
      out[n * size + i] += binWidth * (u - 0.5);
    });
  }
  return out;
}
