/**
 * Draws from a run folder, with two solvers and the same seed, and shows the way from noise to image.
 *
 *   node --import tsx examples/06-sample.ts runs/example-digits
 */
import { ddim, loadModel, nodeRuntime, sample, straightLine, writeDenoising, writeSamples } from "../src/index.ts";

const smoke = process.env.LANGEVIN_SMOKE === "1";
const folder = process.argv[2] ?? process.env.LANGEVIN_OUT ?? "runs/example-digits";

// Few steps are quick, more are better; the seed decides which digits come.
for (const steps of smoke ? [1, 2] : [10, 50]) {
  const { images, shape } = await sample(folder, { count: 16, solver: ddim({ steps }), seed: 7 });
  await writeSamples(`${folder}/${steps}-steps.png`, images, shape);
  console.log(`${shape[0]} images in ${steps} steps`);
}

// Everything by name: what `sample` does for you.
const { network, weights } = await loadModel(folder);
await writeDenoising(`${folder}/way.webp`, {
  network,
  weights,
  objective: { path: straightLine(), prediction: "flow" },
  runtime: nodeRuntime("cpu"),
  solver: ddim({ steps: smoke ? 2 : 50 }),
  count: 9,
  seed: 7,
});
console.log(`written to ${folder}/way.webp`);
