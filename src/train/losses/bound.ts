/**
 * One term of the variational bound of a discrete VP path, in bits per dimension, for the network's output at the drawn
 * t. With the posterior mean's factor c1 = beta_t sqrt(alphaBar_{t-1}) / (1 - alphaBar_t) of x0,
 *
 *   t > 0   KL(q(x_{t-1} | x_t, x0) | p(x_{t-1} | x_t)) = ½ (exp(-d) - 1 + d + m² exp(-l)),   l = l_q + d
 *   t = 0   -ln P(x0), each pixel's bin of width 2/255 under a normal density, both ends of [-1, 1] open
 *
 * where l_q = ln betaTilde_t, m = c1 (x0 - predicted x0) and l is the log-variance of the reverse step: learned, d =
 * (v + 1)/2 · ln(beta_t / betaTilde_t), or fixed at either end. Because x0 - predicted x0 is a multiple of the error of what
 * is predicted, x_t itself is not needed, and no digits are lost where alpha_t is small; nor are they where d is, as the gap
 * of the two logarithms comes from the host and exp(-d) - 1 + d from its series.
 *
 * Sources: Ho et al. 2020, eq. 5 to 13, §3.3 and §4; Nichol and Dhariwal 2021, eq. 15 to 17, with betaTilde_0 taken as
 * betaTilde_1. Agrees with numbers from the formulas in NumPy float64 (`test/parity/make_bound.py`) to 2e-5 of the value.
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
export const boundFeeds = { meanFactor: [], logSmall: [], logGap: [], first: [] } as const;

type BoundFeeds = Readonly<Record<keyof typeof boundFeeds, Tensor>>;

/** Half the width of a bin of 8-bit images in [-1, 1], and where the bins at the ends begin. */
const HALF_BIN = 1 / 255;
const EDGE = 0.999;
/** Probabilities below this count as this; in float32 so do all below 1e-7, which only a prediction far off gives. */
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
  const small = ({ t }: Level) => path.posteriorVariance(Math.max(1, t));
  return {
    meanFactor: of(meanFactor),
    logSmall: of((level) => Math.log(small(level))),
    logGap: of((level) => Math.log(path.betas[level.t] / small(level))),
    first: of(({ t }) => (t === 0 ? 1 : 0)),
  };
}

/** d of a network's raw v, element by element: [N, C, H, W]. */
export function learnedGap({ logGap }: BoundFeeds, v: Tensor): Tensor {
  return mul(mul(add(v, 1), 0.5), perImage(logGap));
}

/**
 * Bits per dimension of each image's term, [N]. `images`: x0 in [-1, 1]; `error`: target less output, detached where the
 * mean is to learn nothing from it; `gap`: d, the log-variance above ln betaTilde; all [N, C, H, W] or broadcast to it.
 */
export function boundTerm(images: Tensor, error: Tensor, gap: Tensor, feeds: BoundFeeds): Tensor {
  const shift = mul(error, perImage(feeds.meanFactor)); // posterior mean, less the model's; at t = 0 x0 less its prediction
  const precision = exp(mul(add(gap, perImage(feeds.logSmall)), -0.5)); // one over the deviation
  const divergence = mul(add(excess(gap), square(mul(shift, precision))), 0.5);
  const decoded = negativeLogBin(images, shift, precision);
  const nats = mean(where(less(0.5, perImage(feeds.first)), decoded, divergence), { axes: [1, 2, 3] });
  return div(nats, Math.LN2);
}

/** exp(-d) - 1 + d, by its series to d⁷ where |d| is below 0.25. */
function excess(d: Tensor): Tensor {
  // d² (1/2 - d/6 + d²/24 - …), by Horner's rule from the last coefficient.
  const series = [-1 / 5040, 1 / 720, -1 / 120, 1 / 24, -1 / 6].reduce<Tensor | number>(
    (sum, coefficient) => mul(add(sum, coefficient), d),
    0,
  );
  return where(less(abs(d), 0.25), mul(square(d), add(series, 0.5)), add(sub(exp(neg(d)), 1), d));
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
