/**
 * Rectified flow on a checkerboard: the straight line between data and noise, and how many steps along it are enough. The
 * recipe `toy-flow`, written out, and a chart.
 *
 *   node --import tsx examples/03-toy-flow.ts
 */
import { ddim, judgePoints, Mlp, sample, straightLine, toy, train, writeChart } from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1";
const folder = process.env.LANGEVIN_OUT ?? "runs/example-toy";

const run = train({
  model: new Mlp({ width: 64, blocks: 3 }),
  path: straightLine(),
  predict: "flow",
  data: toy({ name: "checkerboard" }),
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

const counts = smoke ? [1, 2] : [1, 2, 3, 5, 8, 13, 20, 50, 100];
const judged = [];
for (const steps of counts) {
  const { images } = await sample(run, { count: 1000, solver: ddim({ steps }), seed: 1 }); // on this path, Euler's method
  const { energy } = await judgePoints({ points: images, data: { name: "checkerboard" } });
  console.log(`${steps} steps: energy distance ${energy.ratio.toFixed(2)} times that of real points`);
  judged.push(energy);
}
await writeChart(`${folder}/steps.svg`, {
  panels: [
    {
      title: "Rectified flow on a checkerboard",
      x: { label: "steps", scale: "log" },
      y: { label: "energy distance to real points", scale: "log" },
      series: [
        { label: "drawn", x: counts, y: judged.map(({ generated }) => generated) },
        { label: "real", x: counts, y: judged.map(({ real }) => real) },
      ],
    },
  ],
});
console.log(`drawn to ${folder}/steps.svg`);
