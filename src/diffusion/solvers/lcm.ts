/**
 * Multistep consistency sampling, of latent consistency models: predict the data, noise it to the next level, repeat,
 *
 *   f = cSkip x + cOut x0hat,   cSkip = 1 / (1 + 4 k²),   cOut = k / sqrt(k² + 1/4),   k = timestepScaling t
 *   x' = alpha' f + sigma' z;   after the last step x' = f
 *
 * The timesteps are evenly indexed among those of distillation: with T timesteps and `originalSteps` L, of
 * { i ⌊T / L⌋ - 1 } for i = L .. 1, the entries ⌊j L / N⌋. `boundary` "none" leaves f = x0hat, for networks that keep the
 * boundary condition themselves, such as consistency models in EDM's preconditioning.
 *
 * Source: Luo et al., "Latent Consistency Models" (2023), algorithm 3 and §4.4 (skipping); Song et al., "Consistency
 * Models" (2023), algorithm 1. Tested against the sums that diffusers' own tests of LCMScheduler hold.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { type LevelsOptions, levelFields, levelsFor, levelsOptions } from "../levels.ts";
import { choice, integer, readOptions, real, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { type LimitOptions, limited, limitFields } from "../thresholding.ts";
import { type Move, type SampleOptions, type Solver, spreadAt, start, walk } from "./solver.ts";

type Chosen = "steps" | "schedule" | "times" | "sigmas" | "sigmaMin" | "sigmaMax" | "rho" | "shift";

export interface LcmOptions extends Pick<LevelsOptions, Chosen>, LimitOptions {
  /** How many timesteps the model was distilled on, at most the path's. Default 50. */
  originalSteps?: number;
  /** Multiplies t in the boundary condition. Default 10. */
  timestepScaling?: number;
  /** Whether f has the boundary condition of LCM (default; discrete paths) or is x0hat. */
  boundary?: "lcm" | "none";
}

const { steps, schedule, times, sigmas, sigmaMin, sigmaMax, rho, shift } = levelFields;
const fields = {
  ...{ steps, schedule, times, sigmas, sigmaMin, sigmaMax, rho, shift },
  ...limitFields,
  originalSteps: withDefault(integer(1), 50),
  timestepScaling: withDefault(real(0, Infinity, true), 10),
  boundary: withDefault(choice("lcm", "none"), "lcm"),
};

/** `steps` falling timesteps among the `originalSteps` of distillation. */
export function lcmTimes(timesteps: number, originalSteps: number, steps: number): number[] {
  if (originalSteps > timesteps || steps > originalSteps) {
    throw new ConfigError(
      `lcm: ${steps} steps are chosen among originalSteps ${originalSteps}, which are among the path's ${timesteps} ` +
        `timesteps; each must be at most the next`,
    );
  }
  const stride = Math.floor(timesteps / originalSteps);
  return Array.from(
    { length: steps },
    (_, j) => (originalSteps - Math.floor((j * originalSteps) / steps)) * stride - 1,
  );
}

interface LcmMove extends Move {
  readonly level: Level;
  readonly to: Level;
}

function lcmLevels(path: Path, config: Required<Pick<LcmOptions, "originalSteps" | "boundary">> & LcmOptions): Level[] {
  const { steps, schedule, times, sigmas, originalSteps, boundary } = config;
  if (path.timesteps === undefined && boundary === "lcm") {
    throw new ConfigError(
      `lcm: its boundary condition counts in whole timesteps, and the path ${path.name} has continuous time; give ` +
        `boundary "none", or take flowEuler with stochastic true`,
    );
  }
  const chosen = levelsOptions(config);
  if (path.timesteps === undefined || steps === undefined || (schedule ?? times ?? sigmas) !== undefined) {
    return levelsFor(path, chosen);
  }
  return levelsFor(path, { ...chosen, times: lcmTimes(path.timesteps, originalSteps, steps) });
}

/** The two factors of f at a timestep. */
export function lcmBoundary(t: number, timestepScaling: number): { cSkip: number; cOut: number } {
  const k = timestepScaling * t;
  return { cSkip: 0.25 / (k * k + 0.25), cOut: k / Math.sqrt(k * k + 0.25) };
}

/** LCM. */
export function lcm(options: LcmOptions): Solver {
  const config = readOptions("lcm", fields, options);
  return Object.freeze({
    name: "lcm",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const levels = lcmLevels(denoiser.path, config);
      const moves = levels.slice(1).map((to, i): LcmMove => ({ level: levels[i], t: levels[i].t, to, std: to.sigma }));
      return walk(denoiser, sampling, start(sampling, spreadAt(levels[0])), moves, (move, x, denoised, noise) => {
        const { t, to, std } = move;
        const predicted = limited(denoised.sample, config, sampling.shape[0]);
        const { cSkip, cOut } =
          config.boundary === "lcm" ? lcmBoundary(t, config.timestepScaling) : { cSkip: 0, cOut: 1 };
        const sample = predicted.map((value, i) => cOut * value + cSkip * x[i]);
        return { x: sample.map((value, i) => (noise ? to.alpha * value + std * noise[i] : value)), sample };
      });
    },
  });
}
