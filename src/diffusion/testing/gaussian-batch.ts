/**
 * The analytic oracle of testing/gaussian.ts for batches whose images each have a time of their own, and the end points of
 * its flow: on data N(mean, std²) a trajectory keeps (x - alpha mean) / sqrt(alpha² std² + sigma²).
 */
import type { Denoiser } from "../denoiser.ts";
import type { BatchDenoiser } from "../distillation/batch-denoiser.ts";
import type { Level, Path } from "../path-contract.ts";
import type { Gaussian } from "./gaussian.ts";

type Place = Pick<Level, "alpha" | "sigma">;

/** E[x0 | x] at a level. */
export function gaussianSample({ mean, std }: Gaussian, x: number, { alpha, sigma }: Place): number {
  return mean + (alpha * std * std * (x - alpha * mean)) / (alpha * alpha * std * std + sigma * sigma);
}

/** Where the flow takes x from one level to another. */
export function gaussianFlow({ mean, std }: Gaussian, x: number, from: Place, to: Place): number {
  const spread = ({ alpha, sigma }: Place) => Math.sqrt(alpha * alpha * std * std + sigma * sigma);
  return to.alpha * mean + (spread(to) * (x - from.alpha * mean)) / spread(from);
}

/** The perfect denoiser. `asked` counts its calls. */
export function gaussianBatchDenoiser(data: Gaussian, path: Path): BatchDenoiser & { asked: () => number } {
  let calls = 0;
  return {
    path,
    asked: () => calls,
    async denoiseEach(x, levels) {
      calls++;
      const size = x.length / levels.length;
      const levelOf = (i: number) => levels[Math.floor(i / size)];
      const sample = x.map((value, i) => gaussianSample(data, value, levelOf(i)));
      const noise = x.map((value, i) => {
        const { alpha, sigma } = levelOf(i);
        return (sigma * (value - alpha * data.mean)) / (alpha * alpha * data.std * data.std + sigma * sigma);
      });
      return { sample, noise };
    },
  };
}

/** The perfect consistency model: its sample is the end of x's trajectory at the path's data end. */
export function gaussianConsistency(data: Gaussian, path: Path): Denoiser {
  const end = path.at(path.span[0]);
  return {
    path,
    async denoise(x, at) {
      const level = typeof at === "number" ? path.at(at) : at;
      const sample = x.map((value) => gaussianFlow(data, value, level, end) / end.alpha);
      return { sample, noise: x.map((value, i) => (value - level.alpha * sample[i]) / level.sigma) };
    },
  };
}
