/**
 * The loss of Variational Diffusion Models in continuous time, in bits per dimension:
 *
 *   prior      KL(N(alpha1 x, sigma1²) | N(0, 1)) = ½ (alpha1² x² + sigma1² - 1 - ln sigma1²)
 *   recon      -ln P(x | z_0): a softmax over the values of a pixel of -½ exp(-gamma0) (z_0 / alpha0 - value)², or, for
 *              data that are no pixels, the normal density of mean z_0 / alpha0 and variance exp(gamma0)
 *   diffusion  ½ gamma'(t) |eps - predicted eps|²
 *
 * with alpha² = sigmoid(-gamma), sigma² = sigmoid(gamma). Its expectation depends on the ends of gamma alone. So, where
 * gamma is learned (`gamma.ts`), its ends follow the gradient of the bound, and what lies between them lowers the variance
 * of the diffusion loss: it follows the gradient of E[diffusion²], 2 diffusion · d diffusion / d u for each image, with
 * d / d u (and d / d u') taken from the one backward pass.
 *
 * The network is fed 1000 u(t) as time, u = (gamma(t) - gamma0) / (gamma1 - gamma0), or what a fixed path says. Times: uniform or
 * stratified (antithetic, which lowers the variance further).
 *
 * Source: Kingma, Salimans, Poole, Ho (2021), eq. 11 to 18, §5.1, appendix I. Tested with the exact denoiser of Gaussian
 * data: the value is the closed form ½ [gamma - ln(s² + e^gamma)] for every way between the ends.
 */

import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { learned } from "../../diffusion/learned.ts";
import type { LossOptions } from "../../diffusion/loss-config.ts";
import type { Objective } from "../../diffusion/objective.ts";
import { gradients } from "../../grad/gradients.ts";
import {
  abs,
  add,
  constant,
  detach,
  div,
  exp,
  less,
  log,
  mean,
  mul,
  neg,
  reshape,
  sigmoid,
  sqrt,
  square,
  sub,
  sum,
  where,
} from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { namedParameters } from "../../nn/module.ts";
import type { Weights } from "../../nn/weights.ts";
import { Gamma } from "./gamma.ts";
import { drawPart, type Loss, type LossGraph, type LossInputs, mix } from "./loss.ts";
import { squaredErrors } from "./simple.ts";

type Options = Required<LossOptions["vdm"]>;

/** The VDM loss of an objective. Raises a ConfigError where its path, prediction, times or weight do not fit. */
export function vdmLoss(objective: Objective, options: Options): Loss {
  const { path, prediction, time } = objective;
  const [start, end] = checked(objective);
  if (options.neighbours >= options.levels) {
    throw new ConfigError(`vdm: neighbours must be below levels, not ${options.neighbours} and ${options.levels}`);
  }
  const { gamma, hidden } = options;
  const module = gamma === "fixed" ? undefined : new Gamma({ start, end }, gamma === "network" ? hidden : undefined);
  const length = path.span[1] - path.span[0];
  return {
    name: "vdm",
    outputs: 1,
    time,
    ...(module && { module, path: (weights: Weights) => learned(module.read(weights)) }),
    feeds: () => Object.fromEntries((module ? ["t"] : ["alpha", "sigma", "rate", "time"]).map((name) => [name, []])),
    graph(inputs) {
      const at = module
        ? learnedAt(module, inputs.feeds.t)
        : { ...fixedAt(inputs), start: constant([start], []), end: constant([end], []) };
      return graphOf(inputs, at, prediction.name as "noise" | "v", options, module);
    },
    draw(step) {
      const random = Random.from(step.seed, "time", step.step);
      const times = drawPart(step, (count) => time.draw(count, random, path));
      checkDecoder(module ? module.startIn(step.state) : start, options);
      const of = (value: (t: number) => number) => Float32Array.from(times, value);
      const feeds: Record<string, Float32Array> = module
        ? { t: of((t) => (t - path.span[0]) / length) }
        : {
            alpha: of(path.alpha),
            sigma: of(path.sigma),
            rate: of((t) => (length * path.diffusion(t)) / path.sigma(t) ** 2), // -d log-SNR / du, u from 0 to 1
            time: of(path.networkTime),
          };
      return { times, feeds };
    },
  };
}

/** gamma at the ends of the path. */
function checked({ path, prediction, time, weight }: Objective): [number, number] {
  const ends = path.span.map((t) => -path.logSnr(t)) as [number, number];
  const refuse = (what: string, instead: string) => {
    throw new ConfigError(`the vdm loss ${what}; ${instead}`);
  };
  if (path.timesteps !== undefined)
    refuse(`is of continuous time, not of the ${path.timesteps} timesteps of ${path.name}`, "use a continuous path");
  if (!ends.every(Number.isFinite)) {
    refuse(
      `needs a log-SNR that is finite at both ends; that of ${path.name} is ${-ends[0]} and ${-ends[1]}`,
      "use a learned or VP path",
    );
  }
  if (path.span.some((t) => Math.abs(path.alpha(t) ** 2 + path.sigma(t) ** 2 - 1) > 1e-9)) {
    refuse(`needs alpha² + sigma² = 1, which the path ${path.name} does not keep`, "use a VP path");
  }
  if (prediction.name !== "noise" && prediction.name !== "v") {
    refuse(`is of networks that predict noise or v, not ${prediction.name}`, 'set prediction to "noise"');
  }
  if ((time.name !== "uniformContinuous" && time.name !== "stratified") || time.range) {
    refuse(
      `needs times that are uniform over the path, not ${JSON.stringify(time.toJSON())}`,
      "use stratified or uniformContinuous without from and to",
    );
  }
  if (weight.name !== "simple") refuse(`is weighted by the path alone, not by ${weight.name}`, "leave weight out");
  return ends;
}

interface At {
  alpha: Tensor;
  sigma: Tensor;
  /** gamma'(t), [N]. */
  rate: Tensor;
  time: Tensor;
  start: Tensor;
  end: Tensor;
  learned?: { u: Tensor; slope: Tensor };
}

const fixedAt = ({ feeds: { alpha, sigma, rate, time } }: LossInputs) => ({ alpha, sigma, rate, time });

function learnedAt(module: Gamma, t: Tensor): At {
  const { start, end, u, slope } = module.call(t);
  const width = sub(end, start);
  const value = add(mul(u, width), start); // [N]
  const rate = mul(slope, width);
  const side = (gamma: Tensor) => sqrt(sigmoid(gamma));
  return {
    alpha: side(neg(value)),
    sigma: side(value),
    rate,
    time: mul(u, 1000),
    start,
    end,
    learned: { u, slope },
  };
}

function graphOf(
  { images, noise, call }: LossInputs,
  { alpha, sigma, rate, time, start, end, learned }: At,
  prediction: "noise" | "v",
  options: Options,
  module?: Gamma,
): LossGraph {
  const z = mix(alpha, images, sigma, noise);
  const output = call(z, time);
  const found = prediction === "noise" ? output : mix(sigma, z, alpha, output);
  const errors = squaredErrors(found, noise); // [N]
  const diffusion = div(mul(mul(rate, errors), 0.5), Math.LN2);
  const perPicture = (values: Tensor) => mean(values, { axes: [1, 2, 3] }); // [N]
  const rest = add(perPicture(priorOf(images, end)), perPicture(reconstruction(images, noise, start, options)));
  const losses = add(diffusion, div(rest, Math.LN2));
  if (!learned || !module) return { errors, losses };
  const { u, slope } = learned;
  const steered = module.interior ? [...namedParameters(module.interior).values()] : [];
  const wanted = steered.map((parameter) => parameter.value);
  const still = options.ends ? [] : module.ends.map((parameter) => [parameter, mul(parameter.value, 0)] as const);
  return {
    errors,
    losses,
    steer: {
      at: [u, slope],
      gradients(slopes) {
        const pull = detach(mul(diffusion, 2));
        const along = (to: Tensor, values: Tensor) => sum(mul(mul(detach(to), pull), values));
        const surrogate = add(along(slopes[0], u), along(slopes[1], slope));
        const found = steered.length > 0 ? gradients(surrogate, wanted) : [];
        return new Map([...steered.map((parameter, i) => [parameter, found[i]] as const), ...still]);
      },
    },
  };
}

/** KL of what is left of x at the end from a standard normal, in nats, per number: [N, C, H, W]. */
function priorOf(x: Tensor, end: Tensor): Tensor {
  const [kept, variance] = [sigmoid(neg(end)), sigmoid(end)];
  return mul(sub(add(mul(square(x), kept), variance), add(log(variance), 1)), 0.5);
}

/**
 * -ln P(x | z_0) in nats, per number: [N, C, H, W]. z_0 / alpha0 lies eps exp(gamma0 / 2) from x, so a value that lies k
 * steps from the true one has the logit -½ (k w - eps)², w the step over exp(gamma0 / 2); less that of the true one.
 */
function reconstruction(x: Tensor, noise: Tensor, start: Tensor, { decoder, levels, neighbours }: Options): Tensor {
  if (decoder === "gaussian") {
    return mul(add(add(square(noise), start), Math.log(2 * Math.PI)), 0.5);
  }
  const step = 2 / (levels - 1);
  const ks = Float32Array.from({ length: 2 * neighbours + 1 }, (_, i) => i - neighbours);
  const steps = mul(constant(ks), mul(exp(mul(start, -0.5)), step)); // [K], k w
  const last = (values: Tensor) => reshape(values, [...values.shape, 1]);
  const odds = exp(sub(mul(last(noise), steps), mul(square(steps), 0.5))); // [N, C, H, W, K]
  const exists = less(abs(add(last(x), mul(constant(ks), step))), 1 + step / 2);
  return log(sum(where(exists, odds, 0), { axes: [4] }));
}

/** How far beyond the largest usual noise (5.5 deviations) the last neighbour must lie, in deviations. */
const REACH = 9;

/** The values that the decoder leaves out must not matter: their share is below exp(-½ (9 - 5.5)²). */
function checkDecoder(start: number, { decoder, levels, neighbours }: Options): void {
  const reach = (neighbours * 2) / (levels - 1) / Math.exp(start / 2);
  if (decoder === "gaussian" || neighbours === levels - 1 || reach >= REACH) return;
  throw new ConfigError(
    `vdm: at gamma0 = ${start} the decoder must weigh more than ${neighbours} values to each side; set neighbours to ` +
      `${Math.min(levels - 1, Math.ceil((neighbours * REACH) / reach))} or more`,
  );
}
