/**
 * The path of Variational Diffusion Models, given by its negative log-SNR gamma(t), t in [0, 1], which rises:
 *
 *   alpha² = sigmoid(-gamma),   sigma² = sigmoid(gamma),   logSnr = -gamma
 *   gamma(t) = offset + |slope| t + 1/K sum_k |outer_k| phi(|inner_k| (2t - 1) + innerBias_k),   phi(u) = 2 sigmoid(u) - 1
 *
 * Without the sum it is a line: fixed, or learned by its two numbers. With it, it is the monotone network of the paper.
 * The numbers are given, in the form in which training stores them; here they are evaluated in float64.
 *
 * Source: Kingma et al., "Variational Diffusion Models" (2021), eq. 3 and appendix H; defaults gamma = -13.3 to 5. Tested
 * against the formulas in NumPy to 1e-12.
 */
import { ConfigError } from "../core/errors.ts";
import { completePath } from "./derived.ts";
import { type Field, optional, readOptions, real, show, withDefault } from "./options.ts";
import type { Level, Path, PathOptions } from "./path-contract.ts";

/** A list of finite numbers, of any kind of array. */
const numbers: Field<ArrayLike<number>> = {
  expected: "a list of at least one finite number",
  accepts: (value) =>
    (Array.isArray(value) || value instanceof Float64Array || value instanceof Float32Array) &&
    value.length > 0 &&
    Array.prototype.every.call(value, Number.isFinite),
};
const range: Field<readonly [number, number]> = {
  expected: "two finite numbers, the first below the second",
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1],
};
const fields = {
  offset: withDefault(real(), -13.3),
  slope: withDefault(real(), 18.3),
  inner: optional(numbers),
  innerBias: optional(numbers),
  outer: optional(numbers),
  networkRange: withDefault(range, [-13.3, 5] as const),
};

/** gamma and its derivative at a time. */
export interface Gamma {
  readonly gamma: number;
  readonly dGamma: number;
}

/** A path that also tells its gamma. */
export interface LearnedPath extends Path {
  gamma(t: number): Gamma;
}

type Terms = { inner: number[]; innerBias: number[]; outer: number[] };

/** The three arrays, all given and of one length, or none. */
function termsOf(given: { [K in keyof Terms]?: ArrayLike<number> }): Terms | undefined {
  const { inner, innerBias, outer } = given;
  if (inner === undefined && innerBias === undefined && outer === undefined) return undefined;
  if (inner === undefined || innerBias === undefined || outer === undefined) {
    throw new ConfigError("learned: inner, innerBias and outer belong together; give all three or none (a line)");
  }
  if (inner.length !== innerBias.length || inner.length !== outer.length) {
    throw new ConfigError(
      `learned: inner, innerBias and outer must have one length, not ${inner.length}, ${innerBias.length} and ${outer.length}`,
    );
  }
  return { inner: Array.from(inner), innerBias: Array.from(innerBias), outer: Array.from(outer) };
}

/** The path of given gamma parameters. A gamma that does not rise is a ConfigError. */
export function learned(options: PathOptions["learned"] = {}): LearnedPath {
  const { offset, slope, networkRange, ...arrays } = readOptions("learned", fields, options);
  const terms = termsOf(arrays);
  const gamma = (t: number): Gamma => {
    let [value, derivative] = [0, 0];
    terms?.inner.forEach((weight, k) => {
      const [rate, height] = [Math.abs(weight), Math.abs(terms.outer[k])];
      const logistic = 1 / (1 + Math.exp(-(rate * (2 * t - 1) + terms.innerBias[k])));
      value += height * (2 * logistic - 1);
      derivative += 4 * height * rate * logistic * (1 - logistic);
    });
    const count = terms?.inner.length ?? 1;
    return { gamma: offset + Math.abs(slope) * t + value / count, dGamma: Math.abs(slope) + derivative / count };
  };
  const [start, end] = [gamma(0).gamma, gamma(1).gamma];
  if (!(start < end)) {
    throw new ConfigError(
      `learned: gamma must rise from t = 0 to t = 1, but it goes from ${show(start)} to ${show(end)}; give a slope other than 0`,
    );
  }
  const [low, high] = networkRange;
  const at = (t: number): Level => {
    const { gamma: g, dGamma } = gamma(t);
    const [alpha, sigma] = [1 / Math.sqrt(1 + Math.exp(g)), 1 / Math.sqrt(1 + Math.exp(-g))];
    return {
      t,
      alpha,
      sigma,
      dAlpha: (-alpha * sigma ** 2 * dGamma) / 2,
      dSigma: (sigma * alpha ** 2 * dGamma) / 2,
      networkTime: (1000 * (g - low)) / (high - low),
    };
  };
  return completePath({
    name: "learned",
    span: [0, 1],
    gamma,
    at,
    alpha: (t: number) => at(t).alpha,
    sigma: (t: number) => at(t).sigma,
    dAlpha: (t: number) => at(t).dAlpha,
    dSigma: (t: number) => at(t).dSigma,
    networkTime: (t: number) => at(t).networkTime,
    logSnr: (t: number) => -gamma(t).gamma,
    ...(terms === undefined ? { timeOfLogSnr: (logSnr: number) => (-logSnr - offset) / Math.abs(slope) } : {}),
    toJSON: () => ({ name: "learned" as const, offset, slope, ...terms, networkRange }),
  });
}
