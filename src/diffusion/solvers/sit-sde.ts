/**
 * The SDE of SiT: the flow towards the data with as much noise as one likes, drawn and taken out again in the same measure.
 * With u = 1 at the noise end and 0 at the data end of any path (SiT's own time is 1 - u), going down in u by h,
 *
 *   x' = x + (v + w(u) score) h + sqrt(2 w(u) h) z,     v = -(d alpha / du x0hat + d sigma / du epshat),  score = -epshat / sigma
 *
 *   w(u): constant 1 | sbdm g² / 2 | sigma sigma(u) | linear u | decreasing (1 - cos(pi u))² / 4 | sineSquared sin²(pi u)
 *
 * every w has the marginals of the path. "sbdm" is the reverse SDE of the path itself. Method "heun" adds the noise first
 * and then makes a Heun step of v + w score. The SDE runs down to u = lastStepSize, from where one step without noise goes
 * to the data: "mean" with v + w score, "euler" with v alone, "tweedie" x0hat; with "none" the SDE runs all the way.
 *
 * Source: Ma et al., "SiT: Exploring Flow and Diffusion-based Generative Models with Scalable Interpolant Transformers"
 * (2024), eq. 10, §2.3, 3.4 and appendix; its code's settings are sigma, mean, 0.04, 250 steps. Tested against the exact
 * moments of the chain on Gaussian data, within five standard errors, and the table of w in the paper.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { choice, integer, optional, readOptions, real, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import type { Denoised } from "../prediction.ts";
import { checkUnitSpan } from "../times.ts";
import { remaining, type SampleOptions, type Solver, type SolverStep, spreadAt, start } from "./solver.ts";

export type SitDiffusion = "constant" | "sbdm" | "sigma" | "linear" | "decreasing" | "sineSquared";

export interface SitSdeOptions {
  /** Steps, the last one included; the default is 250. */
  steps?: number;
  /** w(u). Default "sigma". */
  diffusion?: SitDiffusion;
  /** Multiplies w. Default 1; 0 is the flow alone. */
  diffusionScale?: number;
  /** "heun" asks the network twice a step. Default "euler". */
  method?: "euler" | "heun";
  /** How the last step goes to the data. Default "mean". */
  lastStep?: "mean" | "euler" | "tweedie" | "none";
  /** The length of the last step in u, 0 to 1. Default 0.04. */
  lastStepSize?: number;
  /** The time at which the run starts, in the path's units. Default: the noise end. */
  timeMax?: number;
}

const diffusions = ["constant", "sbdm", "sigma", "linear", "decreasing", "sineSquared"] as const;
const fields = {
  steps: withDefault(integer(2), 250),
  diffusion: withDefault(choice(...diffusions), "sigma"),
  diffusionScale: withDefault(real(0), 1),
  method: withDefault(choice("euler", "heun"), "euler"),
  lastStep: withDefault(choice("mean", "euler", "tweedie", "none"), "mean"),
  lastStepSize: withDefault(real(0, 1, true), 0.04),
  timeMax: optional(real()),
};

/** w(u) at a level, per unit of u, which runs over the whole span of the path. */
export function sitDiffusion(path: Path, diffusion: SitDiffusion, { t, sigma }: Level): number {
  const [first, last] = path.span;
  const u = (t - first) / (last - first);
  switch (diffusion) {
    case "constant":
      return 1;
    case "sbdm":
      return ((last - first) * path.diffusion(t)) / 2;
    case "sigma":
      return sigma;
    case "linear":
      return u;
    case "decreasing":
      return (1 - Math.cos(Math.PI * u)) ** 2 / 4;
    case "sineSquared":
      return Math.sin(Math.PI * u) ** 2;
  }
}

/** One step of the SDE, or the last one. */
interface SitMove {
  readonly level: Level;
  readonly next: Level;
  /** In u, above 0. */
  readonly size: number;
  readonly kind: "sde" | "mean" | "euler" | "tweedie";
}

type Config = ReturnType<typeof read>;
const read = (options: SitSdeOptions) => readOptions("sitSde", fields, options);

function sitMoves(path: Path, { steps, lastStep, lastStepSize, timeMax }: Config): SitMove[] {
  const [first, last] = path.span;
  const from = timeMax === undefined ? 1 : (timeMax - first) / (last - first);
  const until = lastStep === "none" ? 0 : lastStepSize;
  if (!(from <= 1 && from > until)) {
    throw new ConfigError(
      `sitSde: the SDE runs from timeMax down to ${first + until * (last - first)} (lastStepSize ${lastStepSize}), within ` +
        `the times ${first} to ${last} of the path ${path.name}; timeMax ${timeMax ?? last} leaves no interval`,
    );
  }
  const count = lastStep === "none" ? steps : steps - 1; // of the SDE
  const at = (u: number) => path.at(u === 1 ? last : first + u * (last - first));
  const grid = Array.from({ length: count + 1 }, (_, i) => (i === count ? until : from - (i * (from - until)) / count));
  const moves: SitMove[] = grid.slice(1).map((u, i) => ({
    level: at(grid[i]),
    next: at(u),
    size: grid[i] - u,
    kind: "sde",
  }));
  return lastStep === "none" ? moves : [...moves, { level: at(until), next: at(0), size: until, kind: lastStep }];
}

/** The SDE of SiT. */
export function sitSde(options: SitSdeOptions = {}): Solver {
  const config = read(options);
  return Object.freeze({
    name: "sitSde",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const { path } = denoiser;
      if (path.timesteps === undefined) checkUnitSpan(path, "the diffusion coefficients of sitSde");
      const length = path.span[1] - path.span[0];
      const moves = sitMoves(path, config);
      const w = (level: Level) => {
        const value = config.diffusionScale * sitDiffusion(path, config.diffusion, level);
        if (Number.isFinite(value)) return value;
        throw new ConfigError(
          `sitSde: the diffusion ${config.diffusion} is infinite at t = ${level.t} of the path ${path.name}; start below it ` +
            `with timeMax, or take sigma, linear or constant`,
        );
      };
      w(moves[0].level); // refuses at once
      const from = start(sampling, spreadAt(moves[0].level));
      const left = remaining(moves, from.skip);

      /** v + weight · score, as factors of x0hat and epshat. */
      const drift = ({ sample, noise }: Denoised, level: Level, weight: number): Float32Array => {
        const sampleFactor = -length * level.dAlpha;
        const noiseFactor = -length * level.dSigma - (weight === 0 ? 0 : weight / level.sigma);
        return sample.map((x0, i) => sampleFactor * x0 + noiseFactor * noise[i]);
      };
      const moved = (x: Float32Array, slope: Float32Array, size: number) =>
        x.map((value, i) => value + size * slope[i]);

      async function* run(): AsyncGenerator<SolverStep> {
        let x = from.x;
        for (const [step, { level, next, size, kind }] of left) {
          sampling.signal?.throwIfAborted();
          const weight = kind === "euler" ? 0 : w(level);
          const spread = kind === "sde" ? Math.sqrt(2 * weight * size) : 0;
          const z = spread > 0 ? from.noise() : undefined;
          const noised = z === undefined ? x : x.map((value, i) => value + spread * z[i]);
          const heun = kind === "sde" && config.method === "heun" && next.sigma > 0;
          const denoised = await denoiser.denoise(heun ? noised : x, level, sampling.condition);
          const slope = drift(denoised, level, weight);
          if (kind === "tweedie") {
            x = denoised.sample.slice();
          } else if (heun) {
            const ahead = await denoiser.denoise(moved(noised, slope, size), next, sampling.condition);
            const second = drift(ahead, next, w(next));
            x = noised.map((value, i) => value + (size / 2) * (slope[i] + second[i]));
          } else {
            x = moved(noised, slope, size);
          }
          yield { step, of: moves.length, t: level.t, x: x.slice(), sample: denoised.sample };
        }
      }
      return run();
    },
  });
}
