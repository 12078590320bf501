/**
 * Plain knowledge distillation: the student makes in one step of the noise what its teacher made of it in many,
 *
 *   loss = w · mean over pixels of |x̂(z, T) - teacher's image of z|²   (in the terms of what is predicted)
 *
 * Source: Luhman and Luhman, "Knowledge Distillation in Iterative Generative Models for Improved Sampling Speed" (2021).
 * The data are pairs (`train/pairs.ts`). Tested on Gaussian data, whose map from noise to data is affine.
 */
import type { Objective } from "../../diffusion/objective.ts";
import { spreadAt } from "../../diffusion/solvers/solver.ts";
import type { Loss } from "./loss.ts";
import { checkTellsSample, matchingFeeds, matchingGraph } from "./matching.ts";

/** The loss of an objective. A prediction that does not tell the sample at the noise end is a ConfigError. */
export function knowledgeLoss(objective: Objective): Loss {
  const { path, prediction } = objective;
  checkTellsSample("knowledge", prediction, path);
  const level = path.at(path.span[1]);
  const spread = spreadAt(level);
  return {
    ...matchingGraph,
    name: "knowledge",
    pairs: true,
    draw({ count, images, noise }) {
      const levels = new Array<typeof level>(count).fill(level);
      const start = spread === 1 ? noise : noise.map((z) => spread * z); // where solvers begin
      return {
        times: new Float64Array(count).fill(level.t),
        feeds: matchingFeeds(objective, levels, start, images),
      };
    },
  };
}
