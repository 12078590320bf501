/**
 * The score, and Langevin dynamics: a network learns in which direction data become more likely, at ten noise levels, and a hundred
 * noisy steps uphill at each lead from noise to a Swiss roll. The recipe `toy-score`, written out.
 *
 *   node --import tsx examples/02-toy-score.ts
 */
import { annealedLangevin, Mlp, nodeRuntime, readPoints, toy, train, ve, writeTrace } from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1";
const folder = process.env.LANGEVIN_OUT ?? "runs/example-toy";

const data = toy({ name: "swissRoll" });
const path = ve({ sigmaMin: 0.01, sigmaMax: 1, timesteps: 10 }); // x_t = x_0 + sigma noise
const run = train({
  model: new Mlp({ width: 64, blocks: 3, timeScale: 4, maxPeriod: 40 }),
  path,
  predict: "preconditionedVe", // the network is sigma times the score
  weight: { name: "sigmaSquared" },
  data,
  steps: smoke ? 3 : 4000,
  batch: 256,
  learningRate: { peak: 4e-3, warmup: smoke ? 1 : 100, decay: "cosine" },
  ema: { decay: 0.998 },
  threads: 1,
  replicas: 1,
});
for await (const { step, steps, loss } of run) {
  if (step % 500 === 0 || step === steps) console.log(`${step}/${steps}  loss ${loss.toFixed(4)}`);
}

// The way there: above the points after each level, below what the network expects them to become.
const { path: file } = await writeTrace(
  `${folder}/swiss-roll.png`,
  {
    network: run.network,
    weights: run.average,
    objective: run.objective,
    runtime: nodeRuntime("cpu"),
    solver: annealedLangevin({ stepsPerLevel: smoke ? 2 : 100 }),
    count: 500,
    seed: 1,
  },
  { real: await readPoints(data, 1000) },
);
console.log(`drawn to ${file}`);
