/**
 * The registry of solvers: a new solver is one file and one entry here, and passes conformance.test.ts.
 */
import { lookUp } from "../options.ts";
import { type DdimOptions, ddim } from "./ddim.ts";
import { type DdpmOptions, ddpm } from "./ddpm.ts";
import { type PndmOptions, pndm } from "./pndm.ts";
import type { Solver } from "./solver.ts";

/** The options of each solver. */
export interface SolverOptions {
  ddpm: DdpmOptions;
  ddim: DdimOptions;
  pndm: PndmOptions;
}

export type SolverName = keyof SolverOptions;

/** Every solver by its name. */
export const solvers: { readonly [K in SolverName]: (options: SolverOptions[K]) => Solver } = { ddpm, ddim, pndm };

/**
 * The solver of a name and its options, as they come from a command line or a file. An unknown name or option, or a
 * value out of range, is a ConfigError with the nearest names.
 */
export function solverFrom<K extends SolverName>(name: K, options: SolverOptions[K]): Solver;
export function solverFrom(name: string, options?: unknown): Solver;
export function solverFrom(name: string, options: unknown = {}): Solver {
  return (lookUp("solver", solvers, name) as (options: unknown) => Solver)(options);
}
