/**
 * What a peer is compared on before it is timed: two images, their noise and times, and what our network makes of them with the
 * weights of seed 0.
 */
import { Random } from "../../src/core/random.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { objectiveFrom } from "../../src/diffusion/index.ts";
import { CompiledNetwork } from "../../src/models/compiled.ts";
import { Weights } from "../../src/nn/weights.ts";
import { adamDefaults, adamScalars } from "../../src/optim/adam.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { drawStep } from "../../src/train/draw.ts";
import { drawCoefficients } from "../../src/train/losses/simple.ts";
import { initialState } from "../../src/train/state.ts";
import { compileStep } from "../../src/train/step.ts";
import { networkOf } from "../networks.ts";
import { LEARNING_RATE } from "./jax-js-train.ts";
import type { NetworkFields } from "./protocol.ts";

/** Numbers that both sides are given; images and noise [2, C, H, W], the others [2]. */
export interface SameNumbers {
  shape: number[];
  images: Float32Array;
  noise: Float32Array;
  alpha: Float32Array;
  sigma: Float32Array;
  time: Float32Array;
}

/** What a side makes of them. */
export interface Figures {
  /** Of the images at time 500. */
  predicted: Float32Array;
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
}

/** The time of the prediction. */
export const TIME = 500;
const BATCH = 2;

export function sameNumbers(fields: NetworkFields): SameNumbers {
  const { imageShape } = networkOf(fields);
  const shape = [BATCH, ...imageShape];
  const images = Random.from(0, "images").normals(sizeOf(shape));
  const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });
  const { noise } = drawStep({ seed: 0, step: 1, count: BATCH, imageShape, runs: 1 });
  const { alpha, sigma, time } = drawCoefficients(objective, { seed: 0, step: 1, count: BATCH, state: {} }).feeds;
  return { shape, images, noise, alpha, sigma, time };
}

/** Our figures, and the weights after one update. */
export async function ourFigures(fields: NetworkFields, runtime: Runtime): Promise<Figures & { updated: Weights }> {
  const { images, noise, alpha, sigma, time } = sameNumbers(fields);
  const network = networkOf(fields);
  const weights = Weights.initial(network, 0);
  await using compiled = new CompiledNetwork(network, weights, runtime);
  const predicted = await compiled.predict(images, TIME);
  const { layout, slabs } = initialState({ network, steps: 1, seed: 0, lossByNoise: [], initial: weights });
  const program = { network, layout, batch: BATCH, optimiser: adamDefaults, clip: 1 };
  await using step = await compileStep(program, { runs: 1, replicas: 1 }, runtime);
  const scalars = { ...adamScalars(1, LEARNING_RATE, adamDefaults), emaDecay: 0.999 };
  const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });
  const { feeds } = drawCoefficients(objective, { seed: 0, step: 1, count: BATCH, state: {} });
  const { imageShape } = network;
  const { dropoutSeeds } = drawStep({ seed: 0, step: 1, count: BATCH, imageShape, runs: 1 });
  const inputs = { images, noise, dropoutSeeds, feeds: { ...feeds, alpha, sigma, time }, scalars };
  const { loss, gradientNorm, next } = await step.run(slabs, inputs);
  return { predicted, loss, gradientNorm, updated: new Weights(layout, next!.parameters) };
}

/** The largest difference of the predictions, and the relative ones of loss and gradient norm where the side has them. */
export function differences(
  ours: Figures,
  { predicted, loss, gradientNorm }: Pick<Figures, "predicted"> & Partial<Figures>,
): Record<string, number> {
  return {
    forward: ours.predicted.reduce((most, value, i) => Math.max(most, Math.abs(value - predicted[i])), 0),
    ...(loss !== undefined && { loss: Math.abs(loss / ours.loss - 1) }),
    ...(gradientNorm !== undefined && { gradientNorm: Math.abs(gradientNorm / ours.gradientNorm - 1) }),
  };
}
