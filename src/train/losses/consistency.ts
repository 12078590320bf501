/**
 * Consistency distillation and consistency training: f at a point of a trajectory is drawn to f at its neighbour nearer to
 * the data, without a gradient,
 *
 *   loss = w · d(f(x, t_n), f⁻(x', t_{n+1})),   d = mean square, or pseudo-Huber sqrt(|a - b|² + c²) - c
 *
 * Distillation: x' is one step of the teacher's flow from x. Training: x' has the image and the noise of x. f⁻ has the
 * average of the weights where `targetDecay` is above 0, which then decays by it (mu); else the weights themselves. So
 * with a target of its own, that is what is sampled from.
 *
 * Sources: Song et al., "Consistency Models" (2023), algorithms 2 and 3; Song and Dhariwal, "Improved Techniques for
 * Training Consistency Models" (2023), table 1, which are the defaults of training. Theory and schedules:
 * `diffusion/distillation/`. Tested on Gaussian data: a student learns the closed-form f.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { type Shape, sizeOf } from "../../core/shape.ts";
import type { BatchDenoiser } from "../../diffusion/distillation/batch-denoiser.ts";
import {
  consistencyLevels,
  consistencyScalings,
  type FlowRule,
  flowStep,
} from "../../diffusion/distillation/consistency.ts";
import {
  type GrowthOptions,
  huberConstant,
  levelCount,
  logNormalPairs,
  pick,
  targetDecay,
} from "../../diffusion/distillation/consistency-schedules.ts";
import { ratioOf } from "../../diffusion/levels.ts";
import type { ConsistencyLossOptions } from "../../diffusion/loss-config.ts";
import type { Objective } from "../../diffusion/objective.ts";
import type { Level } from "../../diffusion/path-contract.ts";
import { add, detach, mul, sqrt, sub } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { drawPart, type Loss, type LossGraph, type LossInputs, type LossStep, mix, perImage } from "./loss.ts";
import { checkTellsSample, conditionOf, noisedEach, teacherFor, timesOf } from "./matching.ts";
import { squaredErrors } from "./simple.ts";

type Options = Required<ConsistencyLossOptions>;

/** The numbers of each point: f = fromX x + fromOutput network(scale x, time). */
const numbers = ["FromX", "FromOutput", "Scale", "Time"] as const;
const points = ["near", "far"] as const;

/** Distillation from a teacher on the same path. Misfits are ConfigErrors. */
export function consistencyDistillationLoss(
  objective: Objective,
  options: Options & { rule: FlowRule },
  given?: BatchDenoiser,
): Loss {
  const teacher = teacherFor("consistencyDistillation", objective.path, given);
  return consistencyLoss("consistencyDistillation", objective, options, (step, x, far, near) =>
    flowStep(teacher, x, far, near, options.rule, conditionOf(step)),
  );
}

/** Training without a teacher. */
export function consistencyTrainingLoss(objective: Objective, options: Options): Loss {
  return consistencyLoss("consistencyTraining", objective, options, async (step, _, __, near) =>
    noisedEach(step, near),
  );
}

/** x' at the levels `near`, of x at the levels `far`. */
type Neighbour = (
  step: LossStep,
  x: Float32Array,
  far: readonly Level[],
  near: readonly Level[],
) => Promise<Float32Array>;

function consistencyLoss(name: string, objective: Objective, options: Options, neighbour: Neighbour): Loss {
  const { path, prediction, weight } = objective;
  checkTellsSample(name, prediction, path);
  if (weight.name !== "simple") {
    throw new ConfigError(
      `the loss ${name} has a weight of its own ("weight" of the loss), so the objective's must be "simple", not "${weight.name}"`,
    );
  }
  const growth: GrowthOptions = { growth: options.growth, first: options.firstLevels, last: options.levels };
  let grid = gridOf(path, levelCount(growth, 1, 1), options);
  return {
    name,
    outputs: 1,
    feeds: (image) => ({ ...pointFeeds(image), weight: [] }),
    graph: (inputs) => consistencyGraph(inputs, options),
    averageDecay:
      options.targetDecay === 0
        ? undefined
        : (step, steps) => targetDecay(options.targetDecay, growth, levelCount(growth, step, steps)),
    async draw(step) {
      const count = levelCount(growth, step.step, step.steps);
      if (grid.levels.length !== count) grid = gridOf(path, count, options);
      const random = Random.from(step.seed, "time", step.step);
      const pairs = drawPart(step, (length) => Array.from({ length }, () => grid.draw(random))); // [N]
      const far = pairs.map((n) => grid.levels[n]);
      const near = pairs.map((n) => grid.levels[n + 1]);
      const x = noisedEach(step, far); // [N, C, H, W]
      const feeds = {
        ...pointOf(objective, "far", far, x),
        ...pointOf(objective, "near", near, await neighbour(step, x, far, near)),
        weight: Float32Array.from(pairs, (n) => grid.weights[n]),
      };
      return { times: Float64Array.from(far, ({ t }) => t), feeds };
    },
  };
}

interface Grid {
  /** From the noise end to the data end. */
  readonly levels: readonly Level[];
  /** Of the pair of levels n and n + 1. */
  readonly weights: readonly number[];
  /** Index of a pair. */
  draw(random: Random): number;
}

function gridOf(path: Objective["path"], count: number, options: Options): Grid {
  const { spacing, rho, times, timesMean: mean, timesStd: std, weight } = options;
  const levels = consistencyLevels(path, count, spacing, rho);
  const place = (level: Level) => (spacing === "karras" ? ratioOf(level) : level.t);
  const pairs = count - 1;
  const shares = times === "logNormal" ? logNormalPairs(levels.map(ratioOf), { mean, std }) : undefined;
  return {
    levels,
    weights: levels.slice(0, -1).map((level, n) => (weight === "one" ? 1 : 1 / (place(level) - place(levels[n + 1])))),
    draw: (random) => (shares === undefined ? random.integer(pairs) : pick(shares, random.uniform())),
  };
}

function pointFeeds(image: Shape): Record<string, Shape> {
  return Object.fromEntries(
    points.flatMap((point) => [[point, image], ...numbers.map((number) => [point + number, []])]),
  ) as Record<string, Shape>;
}

function pointOf(
  { path, prediction }: Objective,
  point: (typeof points)[number],
  levels: readonly Level[],
  x: Float32Array,
): Record<string, Float32Array> {
  const scalings = levels.map((level) => consistencyScalings(prediction, path, level));
  return {
    [point]: x,
    [`${point}FromX`]: Float32Array.from(scalings, ({ fromX }) => fromX),
    [`${point}FromOutput`]: Float32Array.from(scalings, ({ fromOutput }) => fromOutput),
    [`${point}Scale`]: Float32Array.from(levels, (level) => prediction.inputScale?.(level) ?? 1),
    [`${point}Time`]: timesOf(prediction, levels),
  };
}

function consistencyGraph({ feeds, call }: LossInputs, { targetDecay, distance, huber }: Options): LossGraph {
  const f = (point: (typeof points)[number], weights: "trained" | "average"): Tensor => {
    const x = feeds[point]; // [N, C, H, W]
    const output = call(mul(x, perImage(feeds[`${point}Scale`])), feeds[`${point}Time`], { weights, dropout: true });
    return mix(feeds[`${point}FromX`], x, feeds[`${point}FromOutput`], output);
  };
  const target = detach(f("near", targetDecay > 0 ? "average" : "trained"));
  const errors = squaredErrors(f("far", "trained"), target); // [N]
  if (distance === "squared") return { errors, losses: mul(errors, feeds.weight) };
  const dimensions = sizeOf(feeds.far.shape.slice(1));
  const c = huber || huberConstant(dimensions);
  return { errors, losses: mul(sub(sqrt(add(mul(errors, dimensions), c * c)), c), feeds.weight) };
}
