/** Losses on their own: a graph of a loss around a network that a test writes down, evaluated by the reference. */
import type { Shape } from "../../core/shape.ts";
import { gradients } from "../../grad/gradients.ts";
import { graphOf } from "../../graph/graph.ts";
import { input, sum } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { evaluate } from "../../runtime/reference/session.ts";
import type { Loss, LossStep, NetworkCall } from "../losses/loss.ts";

/** A step of a new run, of which a loss sees images [N, C, H, W] and noise. */
export function stepOf(options: {
  images: Float32Array;
  noise: Float32Array;
  imageShape: Shape;
  step?: number;
  state?: object;
}): LossStep {
  const { images, imageShape, step = 1, state = {} } = options;
  const count = images.length / imageShape.reduce((a, b) => a * b, 1);
  return { seed: 0, steps: 100, count, ...options, step, state: state as LossStep["state"] };
}

/**
 * The errors and losses of a step, and the gradients of the sum of the losses with respect to what `call` made of
 * `wanted`. `call`: the network; it may read `input(name, …)`, fed by `extra`.
 */
export async function lossesOf(
  loss: Loss,
  step: LossStep,
  call: (x: Tensor, time: Tensor) => Tensor,
  options: { extra?: Record<string, ArrayLike<number>>; wanted?: () => Tensor[] } = {},
): Promise<{
  errors: Float64Array;
  losses: Float64Array;
  times: Float64Array;
  slopes: Float64Array[];
  feeds: Record<string, Float32Array>;
}> {
  const { times, feeds } = await loss.draw(step);
  const shape = [step.count, ...step.imageShape];
  const inputs = Object.entries(loss.feeds(step.imageShape)).map(([name, each]) => {
    return [name, input(name, [step.count, ...each])] as const;
  });
  const { errors, losses } = loss.graph({
    images: input("images", shape),
    noise: input("noise", shape),
    feeds: Object.fromEntries(inputs),
    call: call as NetworkCall,
  });
  const slopes = gradients(sum(losses), options.wanted?.() ?? []);
  const outputs = { errors, losses, ...Object.fromEntries(slopes.map((slope, i) => [`slope${i}`, slope])) };
  const fed = { ...feeds, images: step.images, noise: step.noise, ...options.extra };
  const values = evaluate(graphOf(outputs), fed);
  return {
    errors: values.errors,
    losses: values.losses,
    times,
    feeds,
    slopes: slopes.map((_, i) => values[`slope${i}`]),
  };
}
