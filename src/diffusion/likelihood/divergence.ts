/**
 * The divergence of the flow by Hutchinson's estimator: for a random probe e with E[e eᵀ] = I,
 *
 *   div v = tr(dv/dz) = E[eᵀ (dv/dz) e]
 *
 * so one product with the Jacobian of the network is enough, where the trace itself would take as many as x has numbers.
 * With entries of ±1 (Rademacher) it is exact for a diagonal Jacobian; with normal entries it has more variance.
 *
 * The product comes from the network's own gradient (`vjp`), or from central differences of the Denoiser along the probe,
 * eᵀ (v(z + h e) - v(z - h e)) / 2h, with h a part of the level's sigma, since that is the scale on which a denoiser bends.
 *
 * Sources: Hutchinson, "A stochastic estimator of the trace" (1990); Grathwohl et al., "FFJORD" (2019), §3.1; Song et al.
 * (2021), appendix D.2. Tested through the likelihoods of Gaussian, correlated and mixed data.
 */
import { ShapeError } from "../../core/errors.ts";
import type { Random } from "../../core/random.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import type { Level } from "../path-contract.ts";
import { type Prediction, recovery, toDenoised } from "../prediction.ts";

export type ProbeName = "rademacher" | "gaussian";

/** A network's prediction and the gradient of its product with the probe: probeᵀ d prediction / d input. */
export type NetworkVjp = (
  x: Float32Array,
  networkTime: number,
  probe: Float32Array,
  condition?: Condition,
) => Promise<{ prediction: Float32Array; product: Float32Array }>;

/** Sample and noise at a level, and probeᵀ d(alpha noise - sigma sample) / dx. */
export type DenoiserVjp = (
  x: Float32Array,
  level: Level,
  probe: Float32Array,
  condition?: Condition,
) => Promise<{ denoised: Denoised; product: Float32Array }>;

/**
 * The vjp of a denoiser from that of its network: with v = alpha eps - sigma x0 = p x + q output(scale x), the product is
 * p probe + q scale (probeᵀ output').
 */
export function vjpOf(network: NetworkVjp, prediction: Prediction): DenoiserVjp {
  return async (x, level, probe, condition) => {
    const scale = prediction.inputScale?.(level) ?? 1;
    const input = scale === 1 ? x : x.map((value) => scale * value);
    const time = prediction.networkTime?.(level) ?? level.networkTime;
    const { prediction: output, product } = await network(input, time, probe, condition);
    const { sampleFromX, sampleFromOutput, noiseFromX, noiseFromOutput } = recovery(prediction, level);
    const fromX = level.alpha * noiseFromX - level.sigma * sampleFromX;
    const fromOutput = scale * (level.alpha * noiseFromOutput - level.sigma * sampleFromOutput);
    return {
      denoised: toDenoised(prediction, level, x, output),
      product: probe.map((e, i) => fromX * e + fromOutput * product[i]),
    };
  };
}

/** A probe of every image, each from its own stream. */
export function probeOf(name: ProbeName, streams: readonly Random[], size: number): Float32Array {
  const probe = new Float32Array(streams.length * size);
  streams.forEach((stream, n) => {
    const row = probe.subarray(n * size, (n + 1) * size);
    if (name === "gaussian") stream.fillNormal(row);
    else row.set(stream.fillUniform(row).map((u) => (u < 0.5 ? -1 : 1)));
  });
  return probe;
}

/** The sums over each image of a · b. */
function dots(a: ArrayLike<number>, b: ArrayLike<number>, images: number): Float64Array {
  const size = a.length / images;
  return Float64Array.from({ length: images }, (_, n) => {
    let sum = 0;
    for (let i = n * size; i < (n + 1) * size; i++) sum += a[i] * b[i];
    return sum;
  });
}

/** The estimate of div v for each image, [images], by the vjp of the denoiser; and what it predicts. */
export async function divergenceByVjp(
  vjp: DenoiserVjp,
  { x, level, condition, images }: Query,
  probe: Float32Array,
): Promise<{ denoised: Denoised; divergence: Float64Array }> {
  const { denoised, product } = await vjp(x, level, probe, condition);
  if (product.length !== x.length) {
    throw new ShapeError(
      `vjp returned a product of ${product.length} numbers for an x of ${x.length}; it has x's shape`,
    );
  }
  return { denoised, divergence: dots(probe, product, images) };
}

export interface Query {
  x: Float32Array;
  level: Level;
  condition?: Condition;
  images: number;
}

/**
 * The estimate of div v for each image, [images], by central differences. `step`: h in units of sigma. Two calls of the
 * denoiser. The difference that float32 really makes of x takes the place of 2 h e, so that rounding of x does not count.
 */
export async function divergenceByDifferences(
  denoiser: Denoiser,
  { x, level, condition, images }: Query,
  probe: Float32Array,
  step: number,
): Promise<Float64Array> {
  const h = step * level.sigma;
  const [ahead, behind] = [x.map((value, i) => value + h * probe[i]), x.map((value, i) => value - h * probe[i])];
  const first = await denoiser.denoise(ahead, level, condition);
  const second = await denoiser.denoise(behind, level, condition);
  const { alpha, sigma } = level;
  const moved = Float64Array.from(x, (_, i) => ahead[i] - behind[i]);
  const changed = Float64Array.from(
    x,
    (_, i) => alpha * (first.noise[i] - second.noise[i]) - sigma * (first.sample[i] - second.sample[i]),
  );
  const [lengths, products, norms] = [
    dots(moved, moved, images),
    dots(moved, changed, images),
    dots(probe, probe, images),
  ];
  return products.map((product, n) => (norms[n] * product) / lengths[n]);
}
