/**
 * A path from data to noise: x_t = alpha(t) x0 + sigma(t) eps with eps ~ N(0, I), alpha falling and sigma / alpha
 * rising in t. It is the first column of the table of the theory; schedules, the straight line and the rest are rows of
 * it.
 */

export interface Path {
  /** The name under which `pathFrom` makes it again. */
  readonly name: string;
  /** Number of discrete timesteps (t = 0 .. timesteps - 1), absent when time is continuous in [0, 1]. */
  readonly timesteps?: number;
  /** The factor of the data at time t, in float64. A time that the path does not have is a ConfigError. */
  alpha(t: number): number;
  /** The standard deviation of the noise at time t, in float64. */
  sigma(t: number): number;
  /** The number that the network's time embedding is fed at time t: t itself, or 1000 t where time is continuous. */
  networkTime(t: number): number;
  /** Plain JSON from which `pathFrom` makes the same path. */
  toJSON(): PathConfig;
}

/** The options of each named path; all but the name may be left out where the path has a default. */
export interface PathOptions {
  linear: { timesteps?: number; start?: number; end?: number };
  scaledLinear: { timesteps?: number; start?: number; end?: number };
  cosine: { timesteps?: number; s?: number; maxBeta?: number };
  betas: { values: readonly number[] };
  straightLine: Record<never, never>;
}

export type PathName = keyof PathOptions;

/** A path as JSON: its name and its options, such as `{ name: "linear", timesteps: 1000 }`. */
export type PathConfig = { [K in PathName]: { readonly name: K } & Readonly<PathOptions[K]> }[PathName];
