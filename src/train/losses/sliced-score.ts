/**
 * Sliced score matching, variance-reduced: with s(x, t) the score of the network and v of ±1 by chance,
 *
 *   loss = weight(t) / D · (½ |s|² + v · grad_x (s · v))
 *
 * whose expectation over v is Hyvärinen's ½ |s|² + tr grad s: least where s is the score of what x is drawn from, and
 * nothing about that is asked. x is the image, noised as the path says; the weight is
 * that of a score, such as sigma² for "sigmaSquared". It is negative for a good network. D numbers of an
 * image; the mean is taken so that learning rates are those of the other losses.
 *
 * Source: Song, Garg, Shi, Ermon, "Sliced Score Matching" (2019), eq. 8 (SSM-VR). It differentiates twice, which costs
 * about thrice a usual step: for small networks. Agrees with the closed form for a linear score.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Objective } from "../../diffusion/objective.ts";
import { predictionFrom, recovery } from "../../diffusion/prediction.ts";
import { gradients } from "../../grad/gradients.ts";
import { add, mean, mul, square, sum } from "../../graph/ops.ts";
import { drawPart, type Loss, mix, perImage } from "./loss.ts";
import { coefficientFeeds, drawCoefficients } from "./simple.ts";

/** The sliced score matching loss of an objective; any prediction gives a score. */
export function slicedScoreLoss(objective: Objective): Loss {
  const { prediction } = objective;
  const score = predictionFrom("score");
  return {
    name: "slicedScore",
    outputs: 1,
    time: objective.time,
    feeds: (imageShape) => ({
      ...coefficientFeeds,
      scale: [],
      scoreFromX: [],
      scoreFromOutput: [],
      direction: imageShape,
    }),
    graph({ images, noise, feeds, call }) {
      const x = mix(feeds.alpha, images, feeds.sigma, noise);
      const output = call(mul(x, perImage(feeds.scale)), feeds.time);
      const score = mix(feeds.scoreFromX, x, feeds.scoreFromOutput, output); // [N, C, H, W]
      const [slope] = gradients(sum(mul(score, feeds.direction)), [x]);
      const each = add(mul(square(score), 0.5), mul(slope, feeds.direction));
      const errors = mean(each, { axes: [1, 2, 3] }); // [N]
      return { errors, losses: mul(errors, feeds.weight) };
    },
    draw(step) {
      const { drawn, feeds, ...rest } = drawCoefficients(objective, step);
      const { levels } = drawn;
      const of = (value: (i: number) => number) => Float32Array.from(levels, (_, i) => value(i));
      const clean = levels.find(({ sigma }) => sigma === 0);
      if (clean) {
        throw new ConfigError(
          `the slicedScore loss: at t = ${clean.t} the path ${objective.path.name} has no noise, and data of a few points no ` +
            "score; draw times above it",
        );
      }
      const back = levels.map((level) => recovery(prediction, level));
      const random = Random.from(step.seed, "slice", step.step);
      const size = sizeOf(step.imageShape);
      const directions = (length: number) => Float32Array.from({ length }, () => (random.uint32() < 2 ** 31 ? -1 : 1));
      return {
        ...rest,
        feeds: {
          ...feeds,
          // x itself, not scaled as the network is fed it: the score is a function of x.
          alpha: of((i) => levels[i].alpha),
          sigma: of((i) => levels[i].sigma),
          weight: of((i) => objective.weight.of(score, levels[i])),
          scale: of((i) => prediction.inputScale?.(levels[i]) ?? 1),
          scoreFromX: of((i) => -back[i].noiseFromX / levels[i].sigma),
          scoreFromOutput: of((i) => -back[i].noiseFromOutput / levels[i].sigma),
          direction: drawPart(step, (count) => directions(count * size), size),
        },
      };
    },
  };
}
