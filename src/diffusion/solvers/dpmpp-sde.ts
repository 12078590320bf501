/**
 * DPM-Solver++ (SDE), single step: two evaluations a step, both reached by ancestral steps from the level's start,
 *
 *   m = s^(1-r) s'^r          e = (down_m / s) y + (1 - down_m / s) x0hat(y, s) + up_m z_m
 *   D = (1 - 1/2r) x0hat(y, s) + 1/2r x0hat(e, m)
 *   y' = (down / s) y + (1 - down / s) D + up z
 *
 * with down, up of the split of s to s', down_m, up_m of s to m (churn.ts). z_m and z are one Brownian motion over
 * [s, m] and [s, s'], each scaled to variance 1, so they are correlated:
 *
 *   z = (sqrt(s - m) z_m + sqrt(m - s') z') / sqrt(s - s'),   z' fresh
 *
 * The step to 0 takes x0hat. With eta 0 it is DPM-Solver++(2S) for r = 1/2. Order 2 without noise; 2 N - 1 evaluations.
 *
 * Source: Crowson, k-diffusion (sample_dpmpp_sde), after Lu et al., "DPM-Solver++" (2022). Tested against diffusers'
 * DPMSolverSDEScheduler with its Brownian tree, and against the moments of its chain on Gaussian data.
 */
import { type LevelsOptions, levelFields, levelOfRatio, ratioOf } from "../levels.ts";
import { readOptions, real, withDefault } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { type LimitOptions, limitFields } from "../thresholding.ts";
import { type AncestralOptions, ancestralFields, ancestralSplit } from "./churn.ts";
import { along, type Move, sigmaMoves, sigmaSpace, stateSolver, towards } from "./sigma-space.ts";
import type { Solver } from "./solver.ts";

export interface DpmppSdeOptions extends LevelsOptions, LimitOptions, AncestralOptions {
  /** Where between two levels the second evaluation is, in ln s: 0 to 1, both excluded. Default 1/2. */
  r?: number;
}

const fields = { ...levelFields, ...limitFields, ...ancestralFields, r: withDefault(real(0, 1, true), 0.5) };

interface SdeMove extends Move {
  /** Absent on the way to 0. */
  readonly middle?: Level;
}

function sdeMove(path: Path, { from, to }: Move, r: number): SdeMove {
  if (to.sigma === 0) return { from, to };
  return { from, to, middle: levelOfRatio(path, ratioOf(from) ** (1 - r) * ratioOf(to) ** r) };
}

/** The noise of the whole step from that of its first part and a fresh one, as one Brownian motion. */
export function joined(s: number, m: number, next: number, first: Float32Array, fresh: Float32Array): Float64Array {
  const [a, b] = [Math.sqrt((s - m) / (s - next)), Math.sqrt((m - next) / (s - next))];
  return Float64Array.from(first, (z, i) => a * z + b * fresh[i]);
}

/** DPM++ SDE. */
export function dpmppSde(options: DpmppSdeOptions): Solver {
  const config = readOptions("dpmppSde", fields, options);
  const { eta, sNoise, r } = config;
  return stateSolver<SdeMove>("dpmppSde", config, {
    space: sigmaSpace,
    moves: (path) => sigmaMoves("dpmppSde", path, config).map((move) => sdeMove(path, move, r)),
    begin:
      () =>
      async (y, { from, middle, to }, tools) => {
        const [s, next] = [ratioOf(from), ratioOf(to)];
        const { sample } = await tools.predict(y, from);
        if (middle === undefined) return { y: towards(y, 0, sample), sample };
        const m = ratioOf(middle);
        const noisy = eta * sNoise > 0 && s > next;
        const first = noisy ? tools.noise() : undefined;
        const half = ancestralSplit(s, m, eta);
        const calm = towards(y, half.down / s, sample);
        const second = await tools.predict(first ? along(calm, half.up * sNoise, first) : calm, middle);
        const mixed = second.sample.map((value, i) => sample[i] + (value - sample[i]) / (2 * r));
        const { down, up } = ancestralSplit(s, next, eta);
        const lower = towards(y, down / s, mixed);
        return { y: first ? along(lower, up * sNoise, joined(s, m, next, first, tools.noise())) : lower, sample };
      },
  });
}
