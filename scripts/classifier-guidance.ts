/**
 * Classifier guidance on digits: trains the classifier of noised images on the path of a run, and lets it say which digit
 * a network draws that is told none (the null class of the run's network). Prints how often the judge reads the wished digit,
 * by the scale of guidance, and writes a picture of the last scale.
 *
 *   node --import tsx scripts/classifier-guidance.ts --run runs/table --out docs/pictures/classifier-guidance.png
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sizeOf } from "../src/core/shape.ts";
import { digits } from "../src/data/digits.node.ts";
import type { Denoiser } from "../src/diffusion/denoiser.ts";
import { classifierGuided } from "../src/diffusion/guidance/index.ts";
import { objectiveFrom } from "../src/diffusion/objective.ts";
import { ddim } from "../src/diffusion/solvers/ddim.ts";
import { solve } from "../src/diffusion/solvers/solver.ts";
import { judgeDigits, loadJudge } from "../src/metrics/digits-judge.node.ts";
import { CompiledNetwork } from "../src/models/compiled.ts";
import { CompiledNoisyClassifier, NoisyClassifier } from "../src/models/noisy-classifier.ts";
import { compiledDenoiser } from "../src/pipelines/denoiser.ts";
import { writeSamples } from "../src/pipelines/pictures.node.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";
import { loadModel, saveNoisyClassifier } from "../src/train/index.node.ts";
import { noisyAccuracy, noisyClassifierGradient, trainNoisyClassifier } from "../src/train/noisy-classifier.ts";

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "runs/table" },
    steps: { type: "string", default: "1000" },
    count: { type: "string", default: "300" },
    scales: { type: "string", default: "0,1,2,4" },
    threads: { type: "string", default: "2" },
    out: { type: "string", default: "runs/classifier-guidance.png" },
  },
});
const count = Number(values.count);
const threads = Number(values.threads);
const runtime = nodeRuntime();
const { network, weights, run } = await loadModel(values.run);
const objective = objectiveFrom(run!.objective);
const { path } = objective;

const classifier = new NoisyClassifier({ channels: [16, 32, 64] });
const training = { steps: Number(values.steps), batch: 64, learningRate: 1e-3, seed: 0 };
const started = performance.now();
const trained = await trainNoisyClassifier({
  classifier,
  data: await digits({ split: "train" }),
  path,
  runtime,
  threads,
  ...training,
  onStep: (step, loss) => {
    if (step % 100 === 0) console.log(`step ${step}  loss ${loss.toFixed(3)}`);
  },
});
console.log(`trained in ${((performance.now() - started) / 1000).toFixed(0)} s`);
await saveNoisyClassifier(join(values.run, "noisy-classifier"), classifier, trained, training);

await using compiled = new CompiledNoisyClassifier(classifier, trained, runtime, { threads });
const test = await digits({ split: "test" });
for (const share of [0, 0.2, 0.4, 0.6, 0.8]) {
  const t = Math.round(share * path.span[1]);
  const right = await noisyAccuracy(compiled, test, path, { t, seed: 0, count: 1000 });
  console.log(`at t = ${t}, sigma ${path.at(t).sigma.toFixed(3)}: ${(100 * right).toFixed(1)} % right`);
}

/** The network without a word about the digit. */
const unconditional = (compiledNetwork: CompiledNetwork): Denoiser => {
  const denoiser = compiledDenoiser(compiledNetwork, objective);
  const none = network.classes! - 1;
  return {
    path,
    denoise: (x, at) => {
      const classLabels = new Int32Array(x.length / sizeOf(network.imageShape)).fill(none);
      return denoiser.denoise(x, at, { classLabels });
    },
  };
};

await using compiledNetwork = new CompiledNetwork(network, weights, runtime, { threads });
await using judge = await loadJudge(runtime);
const shape = [count, ...network.imageShape];
const wished = Int32Array.from({ length: count }, (_, i) => i % 10);
let images: Float32Array = new Float32Array();
for (const scale of values.scales.split(",").map(Number)) {
  const guided = classifierGuided(unconditional(compiledNetwork), {
    guides: { gradient: noisyClassifierGradient(compiled), scale },
  });
  const solver = ddim({ steps: 50, noiseFromClipped: true });
  images = await solve(solver, guided, { shape, seed: 0, condition: { classLabels: wished } });
  const { probabilities } = await judge.features(images.map((value) => Math.max(-1, Math.min(1, value))));
  const read = Array.from(wished, (label, i) => {
    const row = probabilities.data.subarray(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row)) === label ? 1 : 0;
  });
  const { frechet, shareOver90 } = await judgeDigits({ images, judge });
  const hits = read.reduce<number>((sum, value) => sum + value, 0) / count;
  console.log(
    `scale ${scale}: the wished digit ${(100 * hits).toFixed(1)} %, over 0.9 sure ${(100 * shareOver90).toFixed(1)} %, ` +
      `Fréchet distance ${frechet.generated.toFixed(1)} (real ${frechet.floor.toFixed(1)})`,
  );
}
const shown = Math.min(40, count);
await writeSamples(values.out, images.subarray(0, shown * sizeOf(network.imageShape)), [shown, ...network.imageShape]);
