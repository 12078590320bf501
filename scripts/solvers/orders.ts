/**
 * How fast each deterministic solver converges, measured where the exact end is known: data N(0.3, 0.5²), from x = 80 at
 * sigma = 80 on Karras' levels (rho = 7, 0.002 to 80, then 0) of the EDM path; and on the straight line from x = 1 at t = 1.
 *
 * The error at a number of evaluations is that of the most steps that ask the denoiser at most so often. The order is the
 * slope of ln(error) over ln(steps), between the two largest step counts whose errors are still well above rounding.
 */
import { pathFrom } from "../../src/diffusion/path.ts";
import type { Path } from "../../src/diffusion/path-contract.ts";
import type { PredictionName } from "../../src/diffusion/prediction.ts";
import { gaussianDenoiser } from "../../src/diffusion/testing/gaussian.ts";
import { counted, type SolverRow, solverRows } from "./rows.ts";

const data = { mean: 0.3, std: 0.5 };
export const evaluations = [5, 10, 20, 50, 100] as const;

/** A path, the start of it, and where the exact flow ends. */
export interface Problem {
  readonly path: Path;
  readonly prediction: PredictionName;
  readonly start: number;
  readonly exact: number;
}

/** The flow of Gaussian data keeps (x - alpha mean) / sqrt(alpha² std² + sigma²). */
function problem(config: object, prediction: PredictionName, start: number): Problem {
  const path = pathFrom(config);
  const { alpha, sigma } = path.at(path.span[1]);
  const spread = Math.sqrt(alpha ** 2 * data.std ** 2 + sigma ** 2);
  return { path, prediction, start, exact: data.mean + (data.std * (start - alpha * data.mean)) / spread };
}

export const problems = {
  edm: problem({ name: "edm", sigmaMin: 0.002, sigmaMax: 80 }, "sample", 80),
  line: problem({ name: "straightLine" }, "flow", 1),
  linear: problem({ name: "linear", timesteps: 1000 }, "v", 1),
} as const;

/** Runs a solver; undefined where it refuses so few steps. */
async function run(row: SolverRow, steps: number): Promise<{ error: number; calls: number } | undefined> {
  const { path, prediction, start, exact } = problems[row.problem];
  const oracle = gaussianDenoiser(data, path, prediction);
  const found = await counted(row.options(steps), oracle, { shape: [1, 1], seed: 0, initial: Float32Array.of(start) });
  return found && { error: Math.abs(found.images[0] - exact), calls: found.calls };
}

/** The error at each number of evaluations, NaN where the solver cannot do with so few, and the order. */
export interface Convergence {
  row: SolverRow;
  errors: number[];
  order: number;
}

/** What a slope can be read above: the rounding of float32, or that of whole timesteps. */
const FLOOR = { edm: 2e-5, line: 2e-5, linear: 2e-3 };

export async function convergence(row: SolverRow): Promise<Convergence> {
  const runs = new Map<number, { error: number; calls: number }>();
  for (let steps = 1; steps <= 100; steps++) {
    const found = await run(row, steps);
    if (found) runs.set(steps, found);
    if (found && found.calls > 100) break;
  }
  const errors = evaluations.map((most) => {
    const fitting = [...runs.values()].filter(({ calls }) => calls <= most);
    return fitting.length > 0 ? fitting.at(-1)!.error : Number.NaN;
  });
  const doubled: [number, number][] = [];
  for (const steps of [5, 10, 20, 40, 80, 160]) {
    const found = await run(row, steps);
    if (found && found.error > FLOOR[row.problem]) doubled.push([steps, found.error]);
  }
  const [[fewer, coarse], [more, fine]] = doubled.slice(-2);
  return { row, errors, order: Math.log(coarse / fine) / Math.log(more / fewer) };
}

export async function convergenceOfAll(): Promise<Convergence[]> {
  const all: Convergence[] = [];
  for (const row of solverRows) if (row.order !== undefined) all.push(await convergence(row));
  return all;
}
