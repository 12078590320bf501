/**
 * How the times of a training batch are drawn.
 *
 *   uniformDiscrete    t ~ U{0 .. T-1}                                      Ho et al. 2020, algorithm 1
 *   uniformContinuous  t ~ U(from, to)                                      Liu et al. 2022
 *   stratified         t_i = (u + i / N) mod 1 over the times, one u a batch  Kingma et al. 2021 ("VDM"), appendix I.1
 *   logNormal          sigma / alpha = exp(mean + std z), z ~ N(0, 1)       Karras et al. 2022 ("EDM"), table 1
 *   logitNormal        t = sigmoid(mean + std z)                            Esser et al. 2024 ("SD3"), §3.1
 *   mode               t = 1 - u - s (cos²(pi u / 2) - 1 + u), u ~ U(0, 1)  SD3, §3.1, "heavy tails"
 *   lossSecondMoment   p(t) ~ sqrt(E L_t²)                                  Nichol and Dhariwal 2021, §3.3
 *
 * `logitNormal` and `mode` are of a path with times from 0 to 1 and are stretched over those of any other. Times come from
 * the stream that is given and from nothing else. Tested by their moments and densities.
 */
import { ConfigError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { lossSecondMoment } from "./loss-second-moment.ts";
import { integer, makeFrom, optional, readOptions, real, withDefault } from "./options.ts";
import type { Path } from "./path-contract.ts";
import type { TimeSampler, TimeSamplerConfig, TimeSamplerName, TimeSamplerOptions } from "./time-sampler-contract.ts";

export { lossSecondMoment } from "./loss-second-moment.ts";
export type * from "./time-sampler-contract.ts";

/** A number in (0, 1): the interval is cut into 2^24 cells and their middles are drawn, so neither end ever occurs. */
const open = (random: Random) => random.uniform() + 2 ** -25;

function sampler(
  config: TimeSamplerConfig,
  draw: TimeSampler["draw"],
  rest: Pick<TimeSampler, "timesteps" | "range"> = {},
): TimeSampler {
  return Object.freeze({ name: config.name, draw, toJSON: () => config, ...rest });
}

/** A sampler that draws one time after the other, independent of each other. */
function independent(
  config: TimeSamplerConfig,
  one: (random: Random, path: Path) => number,
  rest?: Pick<TimeSampler, "timesteps" | "range">,
): TimeSampler {
  const draw = (count: number, random: Random, path: Path) =>
    Float64Array.from({ length: count }, () => one(random, path));
  return sampler(config, draw, rest);
}

/** u in (0, 1) as a time between the ends of a path. */
const over = ([from, to]: readonly [number, number], u: number) => from + (to - from) * u;

/** Every timestep of a discrete path with the same probability. */
export function uniformDiscrete(options: TimeSamplerOptions["uniformDiscrete"]): TimeSampler {
  const { timesteps } = readOptions("uniformDiscrete", { timesteps: integer(1, 2 ** 32) }, options);
  return independent({ name: "uniformDiscrete", timesteps }, (random) => random.integer(timesteps), { timesteps });
}

const rangeFields = { from: optional(real()), to: optional(real()) };

/** `from` and `to`, both or neither. */
function rangeOf(name: string, { from, to }: { from?: number; to?: number }): { range?: [number, number] } {
  if (from === undefined && to === undefined) return {};
  if (from === undefined || to === undefined) {
    throw new ConfigError(`${name}: give both from and to, or neither; they are ${from} and ${to}`);
  }
  if (from >= to) throw new ConfigError(`${name}: from must be below to, not ${from} and ${to}`);
  return { range: [from, to] };
}

/** Uniform between `from` and `to`, by default between the ends of the path; neither end ever occurs. */
export function uniformContinuous(options: TimeSamplerOptions["uniformContinuous"] = {}): TimeSampler {
  const given = readOptions("uniformContinuous", rangeFields, options);
  const { range } = rangeOf("uniformContinuous", given);
  const draw = (random: Random, path: Path) => over(range ?? path.span, open(random));
  return independent({ name: "uniformContinuous", ...given }, draw, range && { range });
}

/**
 * One uniform number for the whole batch, from which the times stand evenly apart, modulo the length of the range: each
 * alone is uniform, and the mean over a batch varies less. `timesteps`: for a discrete path; `from` and `to`: for a
 * continuous one, by default its ends.
 */
export function stratified(options: TimeSamplerOptions["stratified"] = {}): TimeSampler {
  const given = readOptions("stratified", { timesteps: optional(integer(1, 2 ** 32)), ...rangeFields }, options);
  const { timesteps } = given;
  const { range } = rangeOf("stratified", given);
  if (timesteps !== undefined && range) {
    throw new ConfigError(
      "stratified: timesteps are of a discrete path, from and to of a continuous one; give one of them",
    );
  }
  const draw = (count: number, random: Random, path: Path) => {
    const first = open(random);
    return Float64Array.from({ length: count }, (_, i) => {
      const u = (first + i / count) % 1;
      return timesteps === undefined ? over(range ?? path.span, u) : Math.floor(timesteps * u);
    });
  };
  const config = { name: "stratified", ...given } as const;
  return sampler(config, draw, timesteps === undefined ? range && { range } : { timesteps });
}

/** Draws in a row that may miss the path before this is an error. */
const MISSES = 1000;

/**
 * The noise level sigma / alpha is log-normal (EDM: mean -1.2, std 1.2, the defaults), on any continuous path. A level
 * that the path does not have is drawn again.
 */
export function logNormal(options: TimeSamplerOptions["logNormal"] = {}): TimeSampler {
  const fields = { mean: withDefault(real(), -1.2), std: withDefault(real(0, Infinity, true), 1.2) };
  const { mean, std } = readOptions("logNormal", fields, options);
  const one = (random: Random, path: Path) => {
    const [most, least] = path.span.map((t) => path.logSnr(t));
    for (let i = 0; i < MISSES; i++) {
      const logSnr = -2 * (mean + std * random.normal());
      if (logSnr <= most && logSnr >= least) return path.timeOfLogSnr(logSnr);
    }
    throw new ConfigError(
      `logNormal: with mean ${mean} and std ${std} hardly any noise level is on the path ${path.name}, whose sigma / alpha ` +
        `goes from ${Math.exp(-most / 2)} to ${Math.exp(-least / 2)}; move the mean there`,
    );
  };
  return independent({ name: "logNormal", mean, std }, one);
}

/** The logistic function of a normal number; mean 0 and std 1 favour the middle, a mean above 0 more noise. */
export function logitNormal(options: TimeSamplerOptions["logitNormal"] = {}): TimeSampler {
  const fields = { mean: withDefault(real(), 0), std: withDefault(real(0, Infinity, true), 1) };
  const { mean, std } = readOptions("logitNormal", fields, options);
  return independent({ name: "logitNormal", mean, std }, (random, { span }) =>
    over(span, 1 / (1 + Math.exp(-(mean + std * random.normal())))),
  );
}

/** SD3's sampler with heavy tails; `scale` from -1 to 2 / (pi - 2), where it is monotone; above 0 it favours the middle. */
export function mode(options: TimeSamplerOptions["mode"] = {}): TimeSampler {
  const { scale } = readOptions("mode", { scale: withDefault(real(-1, 2 / (Math.PI - 2)), 1.29) }, options);
  return independent({ name: "mode", scale }, (random, { span }) => {
    const u = open(random);
    return over(span, 1 - u - scale * (Math.cos((Math.PI / 2) * u) ** 2 - 1 + u));
  });
}

/** Every time sampler by its name. */
export const timeSamplers: { readonly [K in TimeSamplerName]: (options: TimeSamplerOptions[K]) => TimeSampler } = {
  uniformDiscrete,
  uniformContinuous,
  stratified,
  logNormal,
  logitNormal,
  mode,
  lossSecondMoment,
};

/** The time sampler of a configuration such as `{ name: "logitNormal", mean: 0, std: 1 }`. */
export function timeSamplerFrom(config: unknown): TimeSampler {
  return makeFrom<TimeSampler>("time sampler", timeSamplers, config);
}

/** The uniform time sampler of a path, discrete or continuous as the path is. */
export function uniformOver(path: Path): TimeSampler {
  return path.timesteps === undefined ? uniformContinuous() : uniformDiscrete({ timesteps: path.timesteps });
}
