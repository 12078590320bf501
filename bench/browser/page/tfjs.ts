/**
 * TensorFlow.js, on WebAssembly or on WebGL, from where the benchmark's server has it: a training step as its users write one, with
 * `variableGrads` and its own Adam, clipping and the average of the weights beside it.
 */
import { Random } from "../../../src/core/random.ts";
import { objectiveFrom } from "../../../src/diffusion/index.ts";
import { drawObjective } from "../../../src/diffusion/objective.ts";
import { Weights } from "../../../src/nn/weights.ts";
import { describeNetwork, stateDict } from "../../../src/train/network-config.ts";
import { networkOf } from "../../networks.ts";
import { LEARNING_RATE } from "../../peers/jax-js-train.ts";
import type { NetworkFields, Task } from "../../peers/protocol.ts";
import { type Figures, sameNumbers, TIME } from "../../peers/same-numbers.ts";
import { type TfNetwork, type TfParameters, tfNetwork } from "./tfjs-network.ts";
import type { TensorFlow, TfTensor } from "./tfjs-types.ts";
import type { Open } from "./worker.ts";

const EMA_DECAY = 0.999;

async function load(backend: "wasm" | "webgl", threads: number): Promise<TensorFlow> {
  const from = (path: string) => new URL(`/peers/@tensorflow/${path}`, location.href).href;
  await import(/* @vite-ignore */ from("tfjs/dist/tf.min.js"));
  const { tf } = globalThis as unknown as { tf: TensorFlow };
  if (backend === "wasm") {
    await import(/* @vite-ignore */ from("tfjs-backend-wasm/dist/tf-backend-wasm.min.js"));
    tf.wasm!.setWasmPaths(from("tfjs-backend-wasm/dist/"));
    tf.wasm!.setThreadsCount(threads);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend} here`);
  await tf.ready();
  return tf;
}

interface Model {
  tf: TensorFlow;
  network: TfNetwork;
  parameters: TfParameters;
}

function modelOf(tf: TensorFlow, fields: NetworkFields, weights: Weights): Model {
  const network = networkOf(fields);
  const { unet, patch } = describeNetwork(network);
  const parameters = [...stateDict(network, weights)].map(([name, { data, shape }]) => {
    const value = tf.tensor(Float32Array.from(data), shape);
    // [O, I, kh, kw] → [kh, kw, I, O]; [O, I] → [I, O]
    const kept = shape.length === 4 ? value.transpose([2, 3, 1, 0]) : shape.length === 2 ? value.transpose() : value;
    return [name, tf.variable(kept, true, `${name}#${count++}`)] as const;
  });
  return { tf, network: tfNetwork(tf, unet!, patch), parameters: Object.fromEntries(parameters) };
}

/** Names of variables are used once. */
let count = 0;

interface Batch {
  images: TfTensor;
  noise: TfTensor;
  alpha: Float32Array;
  sigma: Float32Array;
  time: Float32Array;
}

/** The loss, the gradients and their norm; the caller's `tidy` cleans up. */
function gradientsOf({ tf, network, parameters }: Model, { images, noise, alpha, sigma, time }: Batch) {
  const column = (values: Float32Array) => tf.tensor(values, [values.length, 1, 1, 1]);
  const noised = images.mul(column(alpha)).add(noise.mul(column(sigma)));
  const times = tf.tensor(time, [time.length]);
  const loss = () => network(parameters, noised, times).sub(noise).square().mean();
  const { value, grads } = tf.variableGrads(loss, Object.values(parameters));
  const squares = Object.values(grads).map((gradient) => gradient.square().sum());
  const norm = squares.reduce((sum, square) => sum.add(square)).sqrt();
  return { loss: value, grads, norm };
}

function trainStep(model: Model, shape: number[]): () => Promise<void> {
  const { tf, parameters } = model;
  const [batch] = shape;
  const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });
  const images = tf.randomNormal(shape);
  const averages = Object.values(parameters).map((value) => tf.variable(value, false, `average of ${value.name}`));
  const adam = tf.train.adam(LEARNING_RATE, 0.9, 0.999, 1e-8);
  let k = 0;
  return async () => {
    k++;
    const { alpha, sigma, networkTime } = drawObjective(objective, batch, Random.from(0, "time", k));
    const loss = tf.tidy(() => {
      const noise = tf.randomNormal(shape);
      const { loss, grads, norm } = gradientsOf(model, { images, noise, alpha, sigma, time: networkTime });
      const scale = tf.minimum(tf.tensor(Float32Array.of(1), []).div(norm), 1);
      adam.applyGradients(Object.fromEntries(Object.entries(grads).map(([name, each]) => [name, each.mul(scale)])));
      for (const [i, value] of Object.values(parameters).entries()) {
        averages[i].assign(averages[i].mul(EMA_DECAY).add(value.mul(1 - EMA_DECAY)));
      }
      return loss;
    });
    await loss.data();
    loss.dispose();
  };
}

function forward({ tf, network, parameters }: Model, shape: number[]): () => Promise<void> {
  const images = tf.randomNormal(shape);
  const times = tf.tensor(new Float32Array(shape[0]).fill(TIME), [shape[0]]);
  return async () => {
    const predicted = tf.tidy(() => network(parameters, images, times));
    await predicted.data();
    predicted.dispose();
  };
}

/** Without loss and gradients for the sampling task: the WebAssembly backend has none. */
async function figures(model: Model, fields: NetworkFields, task: Task): Promise<Partial<Figures>> {
  const { tf, network, parameters } = model;
  const { shape, alpha, sigma, time, ...numbers } = sameNumbers(fields);
  const [images, noise] = [tf.tensor(numbers.images, shape), tf.tensor(numbers.noise, shape)];
  const times = tf.tensor(new Float32Array(shape[0]).fill(TIME), [shape[0]]);
  const predicted = await network(parameters, images, times).data();
  if (task === "sample-forward") return { predicted };
  const { loss, norm } = gradientsOf(model, { images, noise, alpha, sigma, time });
  return { predicted, loss: (await loss.data())[0], gradientNorm: (await norm.data())[0] };
}

export function openTensorFlow(backend: "wasm" | "webgl"): Open {
  return async ({ task, network: fields, batch, threads }) => {
    const tf = await load(backend, threads);
    const weights = Weights.initial(networkOf(fields), 0);
    const model = modelOf(tf, fields, weights);
    const shape = [batch, ...networkOf(fields).imageShape];
    return {
      parameters: weights.slabs.reduce((sum, slab) => sum + slab.length, 0),
      step: task === "train-step" ? trainStep(model, shape) : forward(model, shape),
      figures: () => figures(modelOf(tf, fields, weights), fields, task),
    };
  };
}
