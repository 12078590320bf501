/**
 * The registry of solvers: a new solver is one file and one entry here, and passes conformance.test.ts.
 */
import { lookUp } from "../options.ts";
import { type AnnealedLangevinOptions, annealedLangevin } from "./annealed-langevin.ts";
import { type ConsistencyOptions, consistency } from "./consistency.ts";
import { type DdimOptions, ddim } from "./ddim.ts";
import { type DdpmOptions, ddpm } from "./ddpm.ts";
import { type Dpm2AncestralOptions, type Dpm2Options, dpm2, dpm2Ancestral } from "./dpm2.ts";
import { type Dpmpp2sAncestralOptions, dpmpp2sAncestral } from "./dpmpp-2s-ancestral.ts";
import { type DpmppMultistepOptions, dpmppMultistep } from "./dpmpp-multistep.ts";
import { type DpmppMultistepSdeOptions, dpmppMultistepSde } from "./dpmpp-multistep-sde.ts";
import { type DpmppSdeOptions, dpmppSde } from "./dpmpp-sde.ts";
import { type DpmppSinglestepOptions, dpmppSinglestep } from "./dpmpp-singlestep.ts";
import { type EulerOptions, euler } from "./euler.ts";
import { type EulerAncestralOptions, eulerAncestral } from "./euler-ancestral.ts";
import { type FlowEulerOptions, flowEuler } from "./flow-euler.ts";
import { type FlowHeunOptions, flowHeun } from "./flow-heun.ts";
import { type HeunOptions, heun } from "./heun.ts";
import { type LcmOptions, lcm } from "./lcm.ts";
import { type LmsOptions, lms } from "./lms.ts";
import { type PndmOptions, pndm } from "./pndm.ts";
import { type PredictorCorrectorOptions, predictorCorrector } from "./predictor-corrector.ts";
import { type ProbabilityFlowOptions, probabilityFlow } from "./probability-flow.ts";
import { type SitSdeOptions, sitSde } from "./sit-sde.ts";
import type { Solver } from "./solver.ts";
import { type UnipcOptions, unipc } from "./unipc.ts";

/** The options of each solver. */
export interface SolverOptions {
  ddpm: DdpmOptions;
  ddim: DdimOptions;
  pndm: PndmOptions;
  annealedLangevin: AnnealedLangevinOptions;
  predictorCorrector: PredictorCorrectorOptions;
  probabilityFlow: ProbabilityFlowOptions;
  sitSde: SitSdeOptions;
  dpmppMultistep: DpmppMultistepOptions;
  dpmppMultistepSde: DpmppMultistepSdeOptions;
  dpmppSinglestep: DpmppSinglestepOptions;
  unipc: UnipcOptions;
  euler: EulerOptions;
  eulerAncestral: EulerAncestralOptions;
  heun: HeunOptions;
  dpm2: Dpm2Options;
  dpm2Ancestral: Dpm2AncestralOptions;
  lms: LmsOptions;
  dpmpp2sAncestral: Dpmpp2sAncestralOptions;
  dpmppSde: DpmppSdeOptions;
  lcm: LcmOptions;
  flowEuler: FlowEulerOptions;
  flowHeun: FlowHeunOptions;
  consistency: ConsistencyOptions;
}

export type SolverName = keyof SolverOptions;

/** Every solver by its name. */
export const solvers: { readonly [K in SolverName]: (options: SolverOptions[K]) => Solver } = {
  ddpm,
  ddim,
  pndm,
  dpmppMultistep,
  dpmppMultistepSde,
  dpmppSinglestep,
  unipc,
  annealedLangevin,
  predictorCorrector,
  probabilityFlow,
  sitSde,
  euler,
  eulerAncestral,
  heun,
  dpm2,
  dpm2Ancestral,
  lms,
  dpmpp2sAncestral,
  dpmppSde,
  lcm,
  flowEuler,
  flowHeun,
  consistency,
};

/**
 * The solver of a name and its options, as they come from a command line or a file. An unknown name or option, or a
 * value out of range, is a ConfigError with the nearest names.
 */
export function solverFrom<K extends SolverName>(name: K, options: SolverOptions[K]): Solver;
export function solverFrom(name: string, options?: unknown): Solver;
export function solverFrom(name: string, options: unknown = {}): Solver {
  return (lookUp("solver", solvers, name) as (options: unknown) => Solver)(options);
}
