/**
 * The analytic oracle of mixtures: each element of the data is drawn on its own from sum_k weight_k N(mean_k, std_k²).
 * On x = alpha x0 + sigma eps the posterior weights are softmax of ln weight_k + ln N(x; alpha mean_k, V_k), with
 * V_k = alpha² std_k² + sigma², and E[x0 | x] is their mean of the Gaussian cases. It takes any level of any path, and
 * rounds once, at the end.
 */
import type { Denoiser } from "../denoiser.ts";
import type { Level, Path } from "../path-contract.ts";

export interface Component {
  weight: number;
  mean: number;
  std: number;
}

type Place = Pick<Level, "alpha" | "sigma">;

function logs(components: readonly Component[], x: number, { alpha, sigma }: Place): number[] {
  return components.map(({ weight, mean, std }) => {
    const variance = alpha * alpha * std * std + sigma * sigma;
    return Math.log(weight) - 0.5 * (Math.log(2 * Math.PI * variance) + (x - alpha * mean) ** 2 / variance);
  });
}

/** ln p(x) at a level; at alpha 1 and sigma 0 of the data itself. */
export function mixtureLogDensity(components: readonly Component[], x: number, place: Place): number {
  const values = logs(components, x, place);
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** d ln p(x) / dx at a level. */
export function mixtureScore(components: readonly Component[], x: number, place: Place): number {
  const total = mixtureLogDensity(components, x, place);
  return logs(components, x, place).reduce((sum, value, k) => {
    const { mean, std } = components[k];
    const variance = (place.alpha * std) ** 2 + place.sigma ** 2;
    return sum - (Math.exp(value - total) * (x - place.alpha * mean)) / variance;
  }, 0);
}

/** The perfect denoiser of the mixture on a path. */
export function mixtureDenoiser(components: readonly Component[], path: Path): Denoiser {
  return Object.freeze({
    path,
    async denoise(x: Float32Array, at: number | Level) {
      const level = typeof at === "number" ? path.at(at) : at;
      const { alpha, sigma } = level;
      const sample = new Float32Array(x.length);
      const noise = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) {
        const total = mixtureLogDensity(components, x[i], level);
        logs(components, x[i], level).forEach((value, k) => {
          const { mean, std } = components[k];
          const share = Math.exp(value - total);
          const offset = (x[i] - alpha * mean) / ((alpha * std) ** 2 + sigma ** 2);
          sample[i] += share * (mean + alpha * std * std * offset);
          noise[i] += share * sigma * offset;
        });
      }
      return { sample, noise };
    },
  });
}

/** The perfect denoiser of N(mean, std²). */
export function exactDenoiser({ mean, std }: { mean: number; std: number }, path: Path): Denoiser {
  return mixtureDenoiser([{ weight: 1, mean, std }], path);
}
