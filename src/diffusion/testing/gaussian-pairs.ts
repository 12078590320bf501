/**
 * An oracle with a correlation: pairs (a, b) of unit variance and correlation R. In the axes s = (a + b)/√2 and
 * d = (a - b)/√2, whose variances are 1 + R and 1 - R, each is a Gaussian alone, so the perfect denoiser is known.
 */
import type { Denoiser } from "../denoiser.ts";
import type { Level, Path } from "../path-contract.ts";

/** The perfect denoiser of such pairs, x is [N, 2]. */
export function pairsDenoiser(correlation: number, path: Path): Denoiser {
  return Object.freeze({
    path,
    async denoise(x: Float32Array, at: number | Level) {
      const { alpha, sigma } = typeof at === "number" ? path.at(at) : at;
      const variances = [1 + correlation, 1 - correlation];
      const [gainS, gainD] = variances.map((variance) => 1 / (alpha * alpha * variance + sigma * sigma));
      const [sample, noise] = [new Float32Array(x.length), new Float32Array(x.length)];
      for (let n = 0; n < x.length; n += 2) {
        const [s, d] = [(gainS * (x[n] + x[n + 1])) / 2, (gainD * (x[n] - x[n + 1])) / 2];
        const [s0, d0] = [alpha * variances[0] * s, alpha * variances[1] * d];
        sample.set([s0 + d0, s0 - d0], n);
        noise.set([sigma * (s + d), sigma * (s - d)], n);
      }
      return { sample, noise };
    },
  });
}
