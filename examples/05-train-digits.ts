/**
 * Trains a small U-Net on handwritten digits for a few minutes and draws with it.
 *
 *   node --import tsx examples/05-train-digits.ts
 */
import { ddim, digits, logitNormal, Patched, sample, straightLine, train, UNet, writeSamples } from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1"; // a few steps, to see that it runs
const folder = process.env.LANGEVIN_OUT ?? "runs/example-digits";

// 28 × 28 pixels are cut into 14 × 14 patches of 2 × 2: a quarter of the work.
const inner = new UNet({ size: 14, channels: 4, width: 32, multipliers: [1, 2], attentionAt: [7], blocks: 1 });
const model = new Patched(inner, 2);

const run = train({
  model,
  path: straightLine(),
  predict: "flow",
  time: logitNormal(),
  data: digits({ split: "train" }),
  steps: smoke ? 3 : 1000,
  batch: smoke ? 4 : 64,
  learningRate: { peak: 2e-3, warmup: 50, decay: "cosine" },
  ema: { decay: 0.997 },
  seed: 0,
});

for await (const { step, steps, loss, imagesPerSecond } of run) {
  if (step % 50 === 0 || step === steps) {
    console.log(`${step}/${steps}  loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(0)} images/s`);
  }
}

await run.save(folder);
const { images, shape } = await sample(run, { count: 16, solver: ddim({ steps: smoke ? 2 : 50 }), seed: 1 });
await writeSamples(`${folder}/samples.png`, images, shape);
console.log(`written to ${folder}: weights, ONNX model and samples.png`);
