/**
 * That jax-js computes what we do: the same weights, images, times and noise through both, on two images.
 *
 *   node --import tsx bench/peers/jax-js-check.ts digits
 *
 * Prints the largest difference of the predictions, the relative ones of the loss and of the gradient's norm, and the
 * mean one of the weights after an update, in learning rates; ends with 1 unless all are below 1e-3.
 */
import { parseArgs } from "node:util";
import { Random } from "../../src/core/random.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { objectiveFrom } from "../../src/diffusion/index.ts";
import { CompiledNetwork } from "../../src/models/compiled.ts";
import { Weights } from "../../src/nn/weights.ts";
import { adamDefaults, adamScalars } from "../../src/optim/adam.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { drawStep } from "../../src/train/draw.ts";
import { drawCoefficients } from "../../src/train/losses/simple.ts";
import { stateDict } from "../../src/train/network-config.ts";
import { initialState } from "../../src/train/state.ts";
import { compileStep } from "../../src/train/step.ts";
import { networkOf, networks } from "../networks.ts";
import { jaxNetworkOf, openJax } from "./jax-js-open.ts";
import { biasCorrections, initialJaxState, jaxUpdate, LEARNING_RATE } from "./jax-js-train.ts";

const BATCH = 2;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "2" } },
});
const fields = networks[positionals[0] ?? "digits"].network;
const { jax } = await openJax(Number(values.threads));
const network = networkOf(fields);
const weights = Weights.initial(network, 0);
const shape = [BATCH, ...network.imageShape];
const images = Random.from(0, "images").normals(sizeOf(shape));
const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });
const draw = drawStep({ seed: 0, step: 1, count: BATCH, imageShape: network.imageShape, runs: 1 });
const runtime = nodeRuntime();

const compiled = new CompiledNetwork(network, weights, runtime);
const predicted = await compiled.predict(images, 500);
const state = initialState({ network, steps: 1, seed: 0, lossByNoise: [], initial: weights });
const { layout, slabs } = state;
const step = await compileStep(
  { network, layout, batch: BATCH, optimiser: adamDefaults, clip: 1 },
  { runs: 1, replicas: 1 },
  runtime,
);
const { feeds } = drawCoefficients(objective, { seed: 0, step: 1, count: BATCH, state });
const { alpha, sigma, time } = feeds;
const scalars = { ...adamScalars(1, LEARNING_RATE, adamDefaults), emaDecay: 0.999 };
const ours = await step.run(slabs, { ...draw, feeds, images, scalars });
const ourWeights = stateDict(network, new Weights(layout, ours.next!.parameters));

const [jaxNetwork, parameters] = jaxNetworkOf(jax, fields, weights);
const array = (values: Float32Array, as = shape) => jax.numpy.array(values).reshape(as);
const times = jax.numpy.array(new Float32Array(BATCH).fill(500));
const theirPrediction = await jax.jit(jaxNetwork)(jax.tree.ref(parameters), array(images), times).data();
const column = [BATCH, 1, 1, 1];
const theirs = jaxUpdate(jax, jaxNetwork)(initialJaxState(jax, parameters), {
  images: array(images),
  noise: array(draw.noise),
  alpha: array(alpha, column),
  sigma: array(sigma, column),
  times: jax.numpy.array(time),
  corrections: biasCorrections(jax, 1),
});
const [loss] = await theirs.loss.data();
const [norm] = await theirs.norm.data();
let difference = 0;
let count = 0;
for (const [name, value] of Object.entries(theirs.state.parameters)) {
  const { data } = ourWeights.get(name)!;
  const theirData = await value.data();
  for (let i = 0; i < data.length; i++) difference += Math.abs(data[i] - theirData[i]);
  count += data.length;
}

const figures = {
  forward: largestDifference(predicted, theirPrediction),
  loss: Math.abs(loss / ours.loss - 1),
  gradientNorm: Math.abs(norm / ours.gradientNorm - 1),
  weights: difference / count / LEARNING_RATE,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(Object.values(figures).every((figure) => figure < 1e-3) ? 0 : 1);

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
