/**
 * The loss of denoising: w(t) · mean over pixels of (network(alpha x0 + sigma eps, t) - (a x0 + b eps))².
 *
 * Source: Ho et al. 2020, eq. 14 (w = 1, a = 0, b = 1); every published weighting and prediction is another w, a, b,
 * which the host computes in float64 from path, prediction and weight (`diffusion/objective.ts`). With prediction
 * "score" it is denoising score matching (Vincent 2011). Its training agrees with PyTorch's
 * (`test/parity/training.test.ts`).
 */
import { Random } from "../../core/random.ts";
import { drawObjective, type Objective, type ObjectiveDraw } from "../../diffusion/objective.ts";
import { mean, mul, square, sub } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { TrainingState } from "../state.ts";
import { type Loss, type LossDraw, type LossInputs, type LossStep, mix } from "./loss.ts";

/** The numbers of each image: names of feeds, all [N]. */
export const coefficientNames = ["alpha", "sigma", "targetSample", "targetNoise", "weight", "time"] as const;

export type Coefficients = Readonly<Record<(typeof coefficientNames)[number], Float32Array>>;

export const coefficientFeeds = Object.fromEntries(coefficientNames.map((name) => [name, []])) as Record<
  (typeof coefficientNames)[number],
  []
>;

/** The graph of the loss; it depends on no path. */
export const simpleGraph: Pick<Loss, "outputs" | "feeds" | "graph"> = {
  outputs: 1,
  feeds: () => coefficientFeeds,
  graph: (inputs) => {
    const { errors } = denoisingErrors(inputs);
    return { errors, losses: mul(errors, inputs.feeds.weight) };
  },
};

/** The simple loss of an objective. */
export function simpleLoss(objective: Objective): Loss {
  return { ...simpleGraph, name: "simple", time: objective.time, draw: (step) => drawCoefficients(objective, step) };
}

/** x of the images, what the network says of it, and the mean squared error of each image, [N]. */
export function denoisingErrors({ images, noise, feeds, call }: LossInputs): {
  x: Tensor;
  output: Tensor;
  errors: Tensor;
} {
  const x = mix(feeds.alpha, images, feeds.sigma, noise);
  const output = call(x, feeds.time);
  return { x, output, errors: squaredErrors(output, mix(feeds.targetSample, images, feeds.targetNoise, noise)) };
}

/** The mean squared difference of each image: [N, C, H, W] twice → [N]. */
export function squaredErrors(output: Tensor, target: Tensor): Tensor {
  return mean(square(sub(output, target)), { axes: [1, 2, 3] });
}

/** The times and coefficients of a step, from its stream `Random.from(seed, "time", step)`. */
export function drawCoefficients(
  objective: Objective,
  {
    seed,
    step,
    count,
    part,
    state,
  }: Pick<LossStep, "seed" | "step" | "count" | "part"> & { state: Pick<TrainingState, "history"> },
): LossDraw & { drawn: ObjectiveDraw } {
  const all = drawObjective(objective, part?.whole ?? count, Random.from(seed, "time", step), state.history);
  const drawn = part ? ofPart(all, part.first, part.first + count) : all;
  const { t, networkTime, importance, levels: _, ...coefficients } = drawn;
  return { times: t, importance, feeds: { ...coefficients, time: networkTime }, drawn };
}

/** Of each column of a draw, the rows of some images. */
function ofPart(drawn: ObjectiveDraw, from: number, to: number): ObjectiveDraw {
  const columns = Object.entries(drawn) as [string, Float32Array | undefined][];
  return Object.fromEntries(
    columns.map(([name, values]) => [name, values?.slice(from, to)]),
  ) as unknown as ObjectiveDraw;
}
