/**
 * Makes assets/digits-classifier: trains the classifier that judges digits on the MNIST training split and measures it
 * on the test split. With the defaults it takes about two minutes of one core.
 *
 *   node --import tsx scripts/train-classifier.ts [--threads 1] [--epochs 2] [--out assets/digits-classifier]
 */
import { parseArgs } from "node:util";
import { digits } from "../src/data/digits.node.ts";
import { type ClassifierConfig, classifierDefaults, DigitsClassifier } from "../src/metrics/classifier.ts";
import { accuracy, judgeOf, shippedClassifier } from "../src/metrics/digits-judge.node.ts";
import { saveClassifier, trainClassifier } from "../src/metrics/train-classifier.node.ts";
import { countParameters } from "../src/nn/module.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    epochs: { type: "string", default: "2" },
    out: { type: "string", default: shippedClassifier },
  },
});
const threads = Number(values.threads);
const epochs = Number(values.epochs);
const [batch, learningRate, seed] = [100, 3e-3, 0];

const runtime = nodeRuntime();
const classifier = new DigitsClassifier();
const data = await digits({ split: "train" });
const steps = Math.round((epochs * data.size) / batch);
console.log(`${countParameters(classifier)} parameters, ${steps} steps of ${batch} images`);

const started = performance.now();
let running = 0;
const weights = await trainClassifier({
  classifier,
  data,
  runtime,
  steps,
  batch,
  learningRate,
  seed,
  threads,
  onStep: (step, loss) => {
    running += loss;
    if (step % 100 !== 0) return;
    const seconds = (performance.now() - started) / 1000;
    console.log(`step ${step}  loss ${(running / 100).toFixed(4)}  ${seconds.toFixed(0)} s`);
    running = 0;
  },
});

await using judge = await judgeOf(classifier, classifierDefaults, weights, runtime);
const testAccuracy = await accuracy(judge, await digits({ split: "test" }));
const training = { data: data.name, epochs, batch, learningRate, seed, testAccuracy };
const config: ClassifierConfig = { ...classifierDefaults, training };
await saveClassifier(values.out, config, weights);
console.log(`${(100 * testAccuracy).toFixed(2)} % of the test digits are classified rightly; written to ${values.out}`);
