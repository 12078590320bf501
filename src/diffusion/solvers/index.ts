export { type DdimOptions, ddim } from "./ddim.ts";
export { type DdpmOptions, ddpm } from "./ddpm.ts";
export { type PndmOptions, pndm } from "./pndm.ts";
export { type SolverName, type SolverOptions, solverFrom, solvers } from "./registry.ts";
export { type SampleOptions, type Solver, type SolverStep, solve } from "./solver.ts";
