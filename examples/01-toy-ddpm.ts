/**
 * DDPM in ten seconds: two moons of points come out of noise. The recipe `toy-ddpm`, written out.
 *
 *   node --import tsx examples/01-toy-ddpm.ts
 */
import { ddpm, judgePoints, linear, Mlp, readPoints, sample, toy, train, vp, writeSamples } from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1"; // a few steps, to see that it runs
const folder = process.env.LANGEVIN_OUT ?? "runs/example-toy";

const data = toy({ name: "moons" });
const run = train({
  model: new Mlp({ width: 64, blocks: 3 }),
  path: vp(linear({ timesteps: smoke ? 20 : 1000 })), // x_t = alpha x_0 + sigma noise
  predict: "noise",
  data,
  steps: smoke ? 3 : 4000,
  batch: 256,
  learningRate: { peak: 4e-3, warmup: smoke ? 1 : 100, decay: "cosine" },
  ema: { decay: 0.998 },
  threads: 1, // so small a network gains nothing from more
  replicas: 1,
});
for await (const { step, steps, loss } of run) {
  if (step % 500 === 0 || step === steps) console.log(`${step}/${steps}  loss ${loss.toFixed(4)}`);
}

const { images, shape } = await sample(run, { count: 1000, solver: ddpm(), seed: 1 });
const real = await readPoints(data, 1000);
await writeSamples(`${folder}/moons.png`, images, shape, { real });
const { lines } = await judgePoints({ points: images, data: { name: "moons" } });
console.log([...lines, `drawn to ${folder}/moons.png`].join("\n"));
