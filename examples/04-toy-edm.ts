/**
 * EDM on eight Gaussians: the preconditioned denoiser, and one trained network drawn by four solvers. The recipe `toy-edm`,
 * written out.
 *
 *   node --import tsx examples/04-toy-edm.ts
 */
import {
  dpmppMultistep,
  edm,
  euler,
  eulerAncestral,
  heun,
  judgePoints,
  logNormal,
  Mlp,
  readPoints,
  sample,
  toy,
  train,
  writeSamples,
} from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1";
const folder = process.env.LANGEVIN_OUT ?? "runs/example-toy";

const data = toy({ name: "eightGaussians" });
const run = train({
  model: new Mlp({ width: 64, blocks: 3, timeScale: 16, maxPeriod: 40 }),
  path: edm(), // x_t = x_0 + t noise, t from 0.002 to 80
  predict: "edm",
  time: logNormal({ mean: -1.2, std: 1.2 }), // most of the training where it matters most
  weight: { name: "edm" },
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

const real = await readPoints(data, 1000);
const steps = smoke ? 3 : 20;
for (const solver of [heun, euler, eulerAncestral, dpmppMultistep].map((of) => of({ steps, schedule: "karras" }))) {
  const { images, shape } = await sample(run, { count: 1000, solver, seed: 1 });
  await writeSamples(`${folder}/${solver.name}.png`, images, shape, { real });
  const { energy } = await judgePoints({ points: images, data: { name: "eightGaussians" } });
  console.log(`${solver.name}: energy distance ${energy.ratio.toFixed(2)} times that of real points`);
}
