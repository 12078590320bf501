/**
 * Losses with the variational bound, for networks whose second half of the output channels is v, the variance:
 *
 *   hybrid   weight(t) |target - output|² + bound · T · L_t, the mean detached in L_t: it trains v alone
 *   vlb      T · L_t, bits per dimension: an estimate of the whole bound but its prior term
 *
 * Source: Nichol and Dhariwal, "Improved DDPM" (2021), eq. 16 and §3.3 (bound = 0.001 = lambda). `vlb` also takes the fixed
 * variances of Ho et al. 2020 ("fixedSmall" betaTilde, "fixedLarge" beta), with a network of the images' channels.
 * L_t agrees with NumPy (see `bound.ts`); that the mean gets no gradient of it is tested through the network.
 */
import type { LossOptions } from "../../diffusion/loss-config.ts";
import type { Objective } from "../../diffusion/objective.ts";
import { add, detach, mean, mul, slice, square, sub } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { boundFeeds, boundNumbers, boundPath, boundTerm, learnedGap } from "./bound.ts";
import { type Loss, type LossInputs, type LossStep, mix, perImage } from "./loss.ts";
import { coefficientFeeds, drawCoefficients } from "./simple.ts";

type Feeds = Record<keyof typeof boundFeeds | keyof typeof coefficientFeeds, Tensor>;

/** L_simple + bound · T · L_t. */
export function hybridLoss(objective: Objective, { bound }: Required<LossOptions["hybrid"]>): Loss {
  const { timesteps } = boundPath(objective, "hybrid");
  return {
    ...common(objective, "hybrid"),
    outputs: 2,
    graph(inputs) {
      const feeds = inputs.feeds as Feeds;
      const { error, variance } = predicted(inputs);
      const errors = meanOf(square(error)); // [N]
      const bits = boundTerm(inputs.images, detach(error), learnedGap(feeds, variance!), feeds);
      return { errors, losses: add(mul(errors, feeds.weight), mul(bits, bound * timesteps)) };
    },
  };
}

/** T · L_t, in bits per dimension. */
export function vlbLoss(objective: Objective, { variance }: Required<LossOptions["vlb"]>): Loss {
  const { timesteps } = boundPath(objective, "vlb");
  return {
    ...common(objective, "vlb"),
    outputs: variance === "learned" ? 2 : 1,
    graph(inputs) {
      const feeds = inputs.feeds as Feeds;
      const { error, variance: v } = predicted(inputs);
      const gap = v ? learnedGap(feeds, v) : perImage(mul(feeds.logGap, variance === "fixedSmall" ? 0 : 1));
      return {
        errors: meanOf(square(error)),
        losses: mul(boundTerm(inputs.images, error, gap, feeds), timesteps),
      };
    },
  };
}

function common(objective: Objective, name: string): Omit<Loss, "outputs" | "graph"> {
  const path = boundPath(objective, name);
  return {
    name,
    time: objective.time,
    feeds: () => ({ ...coefficientFeeds, ...boundFeeds }),
    draw(step: LossStep) {
      const { drawn, feeds, ...rest } = drawCoefficients(objective, step);
      return { ...rest, feeds: { ...feeds, ...boundNumbers(path, objective, drawn.levels) } };
    },
  };
}

const meanOf = (values: Tensor) => mean(values, { axes: [1, 2, 3] });

/** Target less prediction, and the raw variance where the network has twice the channels. */
function predicted({ images, noise, feeds, call }: LossInputs): { error: Tensor; variance?: Tensor } {
  const output = call(mix(feeds.alpha, images, feeds.sigma, noise), feeds.time);
  const [channels, outputs] = [images.shape[1], output.shape[1]];
  const target = mix(feeds.targetSample, images, feeds.targetNoise, noise);
  const error = sub(target, slice(output, 1, 0, channels));
  return outputs === channels ? { error } : { error, variance: slice(output, 1, channels, outputs) };
}
