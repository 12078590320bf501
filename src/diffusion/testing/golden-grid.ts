/**
 * Where the golden values of solvers are taken: data N(0.3, 0.5²), from x = 80 at sigma = 80 over the karras levels 80 ..
 * 0.002 (rho 7) to the data, in float64 by an independent NumPy implementation of the published formulas. In
 * variance-exploding variables (the path `edm`) and in variance-preserving ones, where x = 80 / sqrt(1 + 80²).
 */
import { completePath } from "../derived.ts";
import { edm } from "../edm.ts";
import type { Path } from "../path-contract.ts";
import { type Solver, solve } from "../solvers/solver.ts";
import { gaussianDenoiser } from "./gaussian.ts";

export const goldenData = { mean: 0.3, std: 0.5 };
/** Where the exact flow ends. */
export const goldenEnd = 0.79811527;
/** The options of levelsFor. */
export const goldenLevels = { schedule: "karras" } as const;

/** The path of edm() in variance-preserving variables: alpha = 1 / sqrt(1 + t²), sigma = t alpha. */
export function preservingEdm(): Path {
  const alpha = (t: number) => 1 / Math.hypot(1, t);
  return completePath({
    name: "edm",
    span: [0.002, 80],
    alpha,
    sigma: (t: number) => t * alpha(t),
    dAlpha: (t: number) => -t * alpha(t) ** 3,
    dSigma: (t: number) => alpha(t) ** 3,
    timeOfLogSnr: (logSnr: number) => Math.exp(-logSnr / 2),
    networkTime: (t: number) => t,
    toJSON: () => ({ name: "edm" as const }),
  });
}

/** Both sets of variables, by name. */
export const goldenPaths: Readonly<Record<string, Path>> = { exploding: edm(), preserving: preservingEdm() };

/** Where a solver takes the golden start. */
export async function goldenRun(solver: Solver, path: Path): Promise<number> {
  const initial = Float32Array.of(80 * path.alpha(80));
  return (await solve(solver, gaussianDenoiser(goldenData, path), { shape: [1, 1], seed: 0, initial }))[0];
}

/** The orders measured between runs of steps, 2 steps, 4 steps, ...: log2 of the ratios of their errors. */
export function ordersOf(errors: readonly number[]): number[] {
  return errors.slice(1).map((error, i) => Math.log2(Math.abs(errors[i] / error)));
}
