/** What a sampler of training times is, and the options of each. */
import type { Random } from "../core/random.ts";
import type { Path } from "./path-contract.ts";

export interface TimeSampler {
  readonly name: TimeSamplerName;
  /** The number of timesteps of the paths that it fits; absent when it draws continuous times. */
  readonly timesteps?: number;
  /** The times that it draws from, where it names them; a path must have them. */
  readonly range?: readonly [number, number];
  /** Times of the path, [count], from `random` and from nothing else. */
  draw(count: number, random: Random, path: Path): Float64Array;
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
  stratified: { timesteps?: number; from?: number; to?: number };
  logNormal: { mean?: number; std?: number };
  logitNormal: { mean?: number; std?: number };
  mode: { scale?: number };
  lossSecondMoment: { timesteps: number; length?: number; uniform?: number };
}

export type TimeSamplerName = keyof TimeSamplerOptions;
export type TimeSamplerConfig = {
  [K in TimeSamplerName]: { readonly name: K } & Readonly<TimeSamplerOptions[K]>;
}[TimeSamplerName];
