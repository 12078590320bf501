/**
 * One term of the variational bound of a discrete VP path, in bits per dimension, for the network's output at the drawn
 * t. With the posterior mean's factor c1 = beta_t sqrt(alphaBar_{t-1}) / (1 - alphaBar_t) of x0,
 *
 *   t > 0   KL(q(x_{t-1} | x_t, x0) | p(x_{t-1} | x_t)) = ½ (-1 + l - l_q + exp(l_q - l) + m² exp(-l))
 *   t = 0   -ln P(x0), each pixel's bin of width 2/255 under a normal density, both ends of [-1, 1] open
 *
 * where l_q = ln betaTilde_t, m = c1 (x0 - predicted x0) and l is the log-variance of the reverse step: learned,
 * l = (v + 1)/2 ln beta_t + (1 - v)/2 ln betaTilde_t, or fixed at either end. Because x0 - predicted x0 is a multiple of
 * the error of what is predicted, x_t itself is not needed, and no digits are lost where alpha_t is small.
 *
 * Sources: Ho et al. 2020, eq. 5 to 13, §3.3 and §4; Nichol and Dhariwal 2021, eq. 15 to 17, with betaTilde_0 taken as
 * betaTilde_1. Agrees with numbers from the formulas in NumPy float64 (`test/parity/make_bound.py`) to 1e-5.
 */
import { ConfigError } from "../../core/errors.ts";
import { type DiscreteVp, isDiscreteVp } from "../../diffusion/discrete-vp.ts";
import type { Objective } from "../../diffusion/objective.ts";
import type { Level, Path } from "../../diffusion/path-contract.ts";
import { recovery } from "../../diffusion/prediction.ts";
import { abs, add, div, erf, exp, less, log, maximum, mean, mul, neg, square, sub, where } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { perImage } from "./loss.ts";

/** The numbers of each image that the bound needs: names of feeds, all [N]. */
export const boundFeeds = { meanFactor: [], logSmall: [], logLarge: [], first: [] } as const;

type BoundFeeds = Readonly<Record<keyof typeof boundFeeds, Tensor>>;

/** Half the width of a bin of 8-bit images in [-1, 1], and where the bins at the ends begin. */
const HALF_BIN = 1 / 255;
const EDGE = 0.999;
/** Probabilities below this count as this. */
const LEAST = 1e-12;

/** The discrete VP path of an objective whose loss needs one; any other is a ConfigError. */
export function boundPath({ path }: { path: Path }, name: string): DiscreteVp {
  if (isDiscreteVp(path) && path.timesteps >= 2) return path;
  throw new ConfigError(
    `the ${name} loss is of a discrete variance-preserving path of at least 2 timesteps (linear, cosine, …), not of ` +
      `${path.name}; use such a path, or the loss simple or vdm`,
  );
}

/** Feeds of the bound for drawn levels, computed in float64. */
export function boundNumbers(
  path: DiscreteVp,
  { prediction }: Pick<Objective, "prediction">,
  levels: readonly Level[],
): Record<keyof typeof boundFeeds, Float32Array> {
  const of = (value: (level: Level) => number) => Float32Array.from(levels, value);
  const meanFactor = (level: Level) => {
    const sampleFactor =
      (path.betas[level.t] * Math.sqrt(path.alphaBarPrevious(level.t))) / (1 - path.alphaBars[level.t]);
    return sampleFactor * recovery(prediction, level).sampleFromOutput;
  };
  return {
    meanFactor: of(meanFactor),
    logSmall: of(({ t }) => Math.log(path.posteriorVariance(Math.max(1, t)))),
    logLarge: of(({ t }) => Math.log(path.betas[t])),
    first: of(({ t }) => (t === 0 ? 1 : 0)),
  };
}

/** The log-variance of a network's raw v, element by element: [N, C, H, W]. */
export function learnedLogVariance({ logSmall, logLarge }: BoundFeeds, v: Tensor): Tensor {
  const [low, high] = [perImage(logSmall), perImage(logLarge)];
  return add(mul(mul(add(v, 1), 0.5), sub(high, low)), low);
}

/**
 * Bits per dimension of each image's term, [N]. `images`: x0 in [-1, 1]; `error`: target less output, what it is to be
 * blind to detached; `logVariance`: of the reverse step, all [N, C, H, W] or broadcast to it.
 */
export function boundTerm(images: Tensor, error: Tensor, logVariance: Tensor, feeds: BoundFeeds): Tensor {
  const truth = perImage(feeds.logSmall);
  const shift = mul(error, perImage(feeds.meanFactor)); // posterior mean, less the model's; at t = 0 x0 less its prediction
  const divergence = mul(
    add(sub(add(sub(logVariance, truth), exp(sub(truth, logVariance))), 1), mul(square(shift), exp(neg(logVariance)))),
    0.5,
  );
  const decoded = negativeLogBin(images, shift, exp(mul(logVariance, -0.5)));
  const nats = mean(where(less(0.5, perImage(feeds.first)), decoded, divergence), { axes: [1, 2, 3] });
  return div(nats, Math.LN2);
}

/** -ln of the probability of x's bin, where x - mean = `centred` and the density has 1 / deviation `precision`. */
function negativeLogBin(x: Tensor, centred: Tensor, precision: Tensor): Tensor {
  const below = (distance: Tensor) => mul(add(erf(mul(mul(distance, precision), Math.SQRT1_2)), 1), 0.5);
  const upper = below(add(centred, HALF_BIN));
  const lower = below(sub(centred, HALF_BIN));
  const inside = sub(upper, lower);
  const atEdge = where(less(x, 0), upper, sub(1, lower));
  return neg(log(maximum(where(less(EDGE, abs(x)), atEdge, inside), LEAST)));
}
