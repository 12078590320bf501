/**
 * Stochasticity of the solvers of sigma space, in two published ways.
 *
 * Churn (Karras et al. 2022, algorithm 2): before a step from s the noise is raised,
 *
 *   sHat = s (1 + gamma),  y += sqrt(sHat² - s²) S_noise z,   gamma = min(S_churn / N, sqrt(2) - 1) for S_min <= s <= S_max
 *
 * Ancestral (Song et al. 2021, eq. 47, in Crowson's form with eta): a step from s to s' goes further down and noise
 * is added,
 *
 *   up = eta s' sqrt(1 - s'² / s²),   down = sqrt(s'² - up²)
 *
 * Tested against the split of 10 to 5: up 4.3301270, down 2.5.
 */
import { ConfigError } from "../../core/errors.ts";
import { levelOfRatio, ratioOf } from "../levels.ts";
import { optional, real, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { along, type Move, type Tools } from "./sigma-space.ts";

export interface ChurnOptions {
  /** How much noise is put in anew, over the whole run; 0 (default) for none. EDM has up to 80. */
  sChurn?: number;
  /** The sigma / alpha between which that is done. Default: 0, and as far as the path has the raised noise. */
  sMin?: number;
  sMax?: number;
  /** The standard deviation of what is put in. Default 1; EDM has 1.003. */
  sNoise?: number;
}

export const churnFields = {
  sChurn: withDefault(real(0), 0),
  sMin: withDefault(real(0), 0),
  sMax: optional(real(0)),
  sNoise: withDefault(real(0), 1),
};

/** A step with its raised level: where the denoiser is asked, and the noise that leads there. */
export interface ChurnedMove extends Move {
  readonly hat: Level;
  readonly fresh: number;
}

/** The steps with their raised levels. A raised level that the path does not have, within a given sMax, is a ConfigError. */
export function churned(path: Path, moves: readonly Move[], options: ChurnOptions): ChurnedMove[] {
  const { sChurn = 0, sMin = 0, sMax, sNoise = 1 } = options;
  const gamma = Math.min(sChurn / moves.length, Math.SQRT2 - 1);
  const most = ratioOf(path.at(path.span[1]));
  return moves.map((move) => {
    const s = ratioOf(move.from);
    const raised = s * (1 + gamma);
    if (gamma === 0 || s < sMin || (sMax === undefined ? raised > most : s > sMax)) {
      return { ...move, hat: move.from, fresh: 0 };
    }
    if (raised > most) {
      throw new ConfigError(
        `sChurn ${sChurn} raises sigma ${s} to ${raised}, and the path ${path.name} ends at ${most}; give an sMax below ${s}`,
      );
    }
    return { ...move, hat: levelOfRatio(path, raised), fresh: s * Math.sqrt(gamma * (2 + gamma)) * sNoise };
  });
}

/** The state at the raised level. */
export function shaken(y: Float64Array, { fresh }: ChurnedMove, tools: Tools): Float64Array {
  return fresh > 0 ? along(y, fresh, tools.noise()) : y;
}

export interface AncestralOptions {
  /** The share of noise that is drawn anew in each step: 0 (none, the deterministic solver) to 1 (the default). */
  eta?: number;
  /** Multiplies the noise. Default 1. */
  sNoise?: number;
}

export const ancestralFields = { eta: withDefault(real(0, 1), 1), sNoise: withDefault(real(0), 1) };

/** How far down a step from `from` to `to` (both sigma / alpha) goes, and how much noise is added there. */
export function ancestralSplit(from: number, to: number, eta: number): { down: number; up: number } {
  if (!(to <= from && to >= 0)) throw new ConfigError(`a step must go down in noise, not from ${from} to ${to}`);
  const up = eta * to * Math.sqrt(1 - (to / from) ** 2);
  return { down: Math.sqrt((to - up) * (to + up)), up };
}

/** The noise of an ancestral step, added. */
export function renewed(y: Float64Array, std: number, tools: Tools): Float64Array {
  return std > 0 ? along(y, std, tools.noise()) : y;
}
