/**
 * The few statistics of the benchmark. Medians, because a busy machine makes some steps much slower and none much
 * faster.
 */
import { ConfigError } from "../src/core/errors.ts";

/** The quantile q in [0, 1], linear between neighbours, as numpy's default. Raises a ConfigError for no values. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new ConfigError("no values to take a quantile of; time at least one step");
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export interface Summary {
  median: number;
  /** First and third. */
  quartiles: [number, number];
}

export function summary(values: readonly number[]): Summary {
  return { median: median(values), quartiles: [quantile(values, 0.25), quantile(values, 0.75)] };
}

/** The times of one round, ms: a few steps of ours, then a few of the peer's. */
export interface Round {
  ours: readonly number[];
  peer: readonly number[];
}

/**
 * How many times faster we are: the peer's median over ours within each round, and of these the median. What slows the
 * machine for longer than a round cancels out.
 */
export function ratioOf(rounds: readonly Round[]): Summary {
  return summary(rounds.map(({ ours, peer }) => median(peer) / median(ours)));
}

/** Steps of each side in a round, so that all rounds fit into `budgetMs` for sides that take `stepMs` together. */
export function stepsThatFit(options: { most: number; rounds: number; budgetMs: number; stepMs: number }): number {
  const { most, rounds, budgetMs, stepMs } = options;
  return Math.max(1, Math.min(most, Math.floor(budgetMs / rounds / stepMs)));
}
