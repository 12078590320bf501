/**
 * How the times of a training batch are drawn.
 *
 *   uniformDiscrete    t ~ U{0 .. T-1}                              Ho et al. 2020, algorithm 1
 *   uniformContinuous  t ~ U(from, to)                              Liu et al. 2022
 *   logitNormal        t = sigmoid(mean + std z), z ~ N(0, 1)       Esser et al. 2024 ("SD3"), §3.1
 *
 * Times come from the stream that is given and from nothing else, one draw after the other.
 */
import { ConfigError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { integer, makeFrom, readOptions, real, withDefault } from "./options.ts";
import type { Path } from "./path-contract.ts";

export interface TimeSampler {
  readonly name: string;
  /** The number of timesteps of the paths that it fits; absent when it draws continuous times in [0, 1]. */
  readonly timesteps?: number;
  draw(count: number, random: Random): Float64Array; // [count]
  /** Where the times follow the losses that were seen so far. */
  readonly adaptive?: AdaptiveTimes;
  /** Plain JSON from which `timeSamplerFrom` makes the same sampler. */
  toJSON(): TimeSamplerConfig;
}

/** Times that follow the losses. What was seen is a value of its own, part of the state of a training run. */
export interface AdaptiveTimes {
  empty(): LossHistory;
  /** The history of a state that is taken up; a new one where there is none or it is of another sampler. */
  resume(history?: LossHistory): LossHistory;
  /** Times, and for each the factor 1 / (T p(t)) that keeps the expected loss as it is under uniform times; [count]. */
  draw(count: number, random: Random, history: LossHistory): { t: Float64Array; importance: Float32Array };
  /** The history after more losses, [N] both; the one given is not changed. */
  observe(history: LossHistory, t: ArrayLike<number>, losses: ArrayLike<number>): LossHistory;
}

/** The last losses of each timestep. */
export interface LossHistory {
  /** [T, length], each row a ring: the newest stands at (count - 1) mod length. */
  readonly losses: Float32Array;
  /** Losses seen so far at each timestep, [T]. */
  readonly counts: Int32Array;
}

export interface TimeSamplerOptions {
  uniformDiscrete: { timesteps: number };
  uniformContinuous: { from?: number; to?: number };
  logitNormal: { mean?: number; std?: number };
}

export type TimeSamplerName = keyof TimeSamplerOptions;
export type TimeSamplerConfig = {
  [K in TimeSamplerName]: { readonly name: K } & Readonly<TimeSamplerOptions[K]>;
}[TimeSamplerName];

function sampler(config: TimeSamplerConfig, one: (random: Random) => number): TimeSampler {
  const sampled = {
    name: config.name,
    draw: (count: number, random: Random) => Float64Array.from({ length: count }, () => one(random)),
    toJSON: () => config,
  };
  return Object.freeze(config.name === "uniformDiscrete" ? { ...sampled, timesteps: config.timesteps } : sampled);
}

/** Every timestep of a discrete path with the same probability. */
export function uniformDiscrete(options: TimeSamplerOptions["uniformDiscrete"]): TimeSampler {
  const { timesteps } = readOptions("uniformDiscrete", { timesteps: integer(1, 2 ** 32) }, options);
  return sampler({ name: "uniformDiscrete", timesteps }, (random) => random.integer(timesteps));
}

/**
 * Uniform in (from, to), by default (0, 1). The unit interval is cut into 2^24 cells and their middles are drawn, so
 * neither end ever occurs.
 */
export function uniformContinuous(options: TimeSamplerOptions["uniformContinuous"] = {}): TimeSampler {
  const fields = { from: withDefault(real(0, 1), 0), to: withDefault(real(0, 1), 1) };
  const { from, to } = readOptions("uniformContinuous", fields, options);
  if (from >= to) throw new ConfigError(`uniformContinuous: from must be below to, not ${from} and ${to}`);
  return sampler(
    { name: "uniformContinuous", from, to },
    (random) => from + (to - from) * (random.uniform() + 2 ** -25),
  );
}

/** The logistic function of a normal number; mean 0 and std 1 favour the middle, a mean above 0 more noise. */
export function logitNormal(options: TimeSamplerOptions["logitNormal"] = {}): TimeSampler {
  const fields = { mean: withDefault(real(), 0), std: withDefault(real(0, Infinity, true), 1) };
  const { mean, std } = readOptions("logitNormal", fields, options);
  return sampler({ name: "logitNormal", mean, std }, (random) => 1 / (1 + Math.exp(-(mean + std * random.normal()))));
}

/** Every time sampler by its name. */
export const timeSamplers: { readonly [K in TimeSamplerName]: (options: TimeSamplerOptions[K]) => TimeSampler } = {
  uniformDiscrete,
  uniformContinuous,
  logitNormal,
};

/** The time sampler of a configuration such as `{ name: "logitNormal", mean: 0, std: 1 }`. */
export function timeSamplerFrom(config: unknown): TimeSampler {
  return makeFrom<TimeSampler>("time sampler", timeSamplers, config);
}

/** The uniform time sampler of a path, discrete or continuous as the path is. */
export function uniformOver(path: Path): TimeSampler {
  return path.timesteps === undefined ? uniformContinuous() : uniformDiscrete({ timesteps: path.timesteps });
}
