/**
 * The quality of pictures against the number of evaluations: one network, drawn from by every solver in 10, 20 and 50
 * evaluations, judged by the Fréchet distance of the digits classifier's features (not an FID).
 *
 *   node --import tsx scripts/solvers/quality.ts --run runs/table --count 300 --out docs/solvers-quality.json
 *
 * Every solver begins with the same noise (seed 0). Results are added to the file one by one, and those that are there
 * already are not computed again.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { linear, vp } from "../../src/diffusion/discrete-vp.ts";
import { objectiveFrom } from "../../src/diffusion/objective.ts";
import { gaussianDenoiser } from "../../src/diffusion/testing/gaussian.ts";
import { judgeDigits, loadJudge } from "../../src/metrics/digits-judge.node.ts";
import { sample } from "../../src/pipelines/sample.ts";
import { type SolverConfig, solverOf } from "../../src/recipes/recipe.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { loadModel } from "../../src/train/index.node.ts";
import { counted, pictureRows, type SolverRow } from "./rows.ts";

export interface Quality {
  solver: string;
  /** Calls of the network for each picture. */
  evaluations: number;
  steps: number;
  frechet: number;
  /** Share of the pictures of which the classifier is over 0.9 sure. */
  sure: number;
  count: number;
  /** The same distance for real digits, mean over sets. */
  real: number;
}

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "runs/table" },
    count: { type: "string", default: "300" },
    out: { type: "string", default: "docs/solvers-quality.json" },
    evaluations: { type: "string", default: "10,20,50" },
    ancestral: { type: "string", default: "1000" },
  },
});
const count = Number(values.count);
const runtime = nodeRuntime();
const { network, weights, run } = await loadModel(values.run);
const objective = objectiveFrom(run!.objective);
await using judge = await loadJudge(runtime);
const results: Quality[] = existsSync(values.out) ? JSON.parse(readFileSync(values.out, "utf8")) : [];

async function measure(solver: string, config: SolverConfig, evaluations: number, steps: number): Promise<void> {
  if (results.some((row) => row.solver === solver && row.evaluations === evaluations && row.count === count)) return;
  const { images } = await sample({
    network,
    weights,
    objective,
    runtime,
    solver: solverOf(config),
    count,
    seed: 0,
    batch: 50,
  });
  const { frechet, shareOver90 } = await judgeDigits({ images, judge });
  const row: Quality = {
    solver,
    evaluations,
    steps,
    frechet: frechet.generated,
    sure: shareOver90,
    count,
    real: frechet.floor,
  };
  results.push(row);
  writeFileSync(values.out, `${JSON.stringify(results, null, 1)}\n`);
  console.log(
    `${solver.padEnd(24)} ${String(evaluations).padStart(5)} ${row.frechet.toFixed(1).padStart(8)} ${shareOver90}`,
  );
}

/** The most steps in which a solver asks the denoiser at most so often; undefined where it cannot. */
async function stepsWithin(row: SolverRow, evaluations: number): Promise<number | undefined> {
  const oracle = gaussianDenoiser({ mean: 0, std: 0.5 }, vp(linear()));
  for (let steps = evaluations; steps > 0; steps--) {
    const found = await counted(row.pictures!(steps), oracle, { shape: [1, 1], seed: 0 });
    if (found && found.calls <= evaluations) return steps;
  }
  return undefined;
}

for (const evaluations of values.evaluations.split(",").map(Number)) {
  for (const row of pictureRows) {
    const steps = await stepsWithin(row, evaluations);
    if (steps !== undefined) await measure(row.label, row.pictures!(steps), evaluations, steps);
  }
}
const ancestral = Number(values.ancestral);
if (ancestral > 0)
  await measure("DDPM, ancestral", { name: "ddpm", steps: ancestral, variance: "large" }, ancestral, ancestral);
