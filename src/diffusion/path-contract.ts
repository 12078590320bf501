/**
 * A path from data to noise: x_t = alpha(t) x0 + sigma(t) eps with eps ~ N(0, I), alpha falling or constant and
 * sigma / alpha rising in t. It is the first column of the table of the theory; schedules, SDEs and interpolants are rows
 * of it.
 *
 * Everything else follows from alpha, sigma and their derivatives (Kingma et al., "Variational Diffusion Models", 2021;
 * Song et al., "Score-Based Generative Modeling through SDEs", 2021):
 *
 *   logSnr = ln(alpha² / sigma²)
 *   dx = f x dt + g dw     f = alpha' / alpha,   g² = 2 sigma sigma' - 2 f sigma²  (= -sigma² d logSnr / dt)
 */

/** A place on a path: how much data and how much noise x is made of, and the time that goes with it. */
export interface Level {
  /** In the unit of the path. */
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  /** d alpha / dt and d sigma / dt at t. */
  readonly dAlpha: number;
  readonly dSigma: number;
  /** The number that the network's time embedding is fed. */
  readonly networkTime: number;
}

export interface Path {
  /** The name under which `pathFrom` makes it again. */
  readonly name: string;
  /** Number of discrete timesteps (t = 0 .. timesteps - 1), absent when time is continuous. */
  readonly timesteps?: number;
  /** The times of the path, from its data end to its noise end: [0, 999], [0, 1], or [sigmaMin, sigmaMax]. */
  readonly span: readonly [number, number];
  /** The factor of the data at time t, in float64. A time that the path does not have is a ConfigError. */
  alpha(t: number): number;
  /** The standard deviation of the noise at time t, in float64. */
  sigma(t: number): number;
  /** d alpha / dt. Between the timesteps of a discrete path, of its interpolation. */
  dAlpha(t: number): number;
  dSigma(t: number): number;
  /** ln(alpha² / sigma²): falls in t; Infinity where there is no noise. */
  logSnr(t: number): number;
  /** The time at which the path has this log-SNR, the inverse of `logSnr`. Outside of the path it is a ConfigError. */
  timeOfLogSnr(logSnr: number): number;
  /** f(t) of the SDE dx = f x dt + g dw that has the path as its marginals. */
  drift(t: number): number;
  /** g(t)², not negative. */
  diffusion(t: number): number;
  /** The number that the network's time embedding is fed at time t, such as t itself, or 1000 t. */
  networkTime(t: number): number;
  /** All of it at one time. */
  at(t: number): Level;
  /** Plain JSON from which `pathFrom` makes the same path. */
  toJSON(): PathConfig;
}

/** What a network on a continuous path is fed for the time t in [0, 1], such as 1000 t. */
export type Clock = "t" | "1-t" | "999t" | "1000t";

/**
 * Options of every path of betas. `zeroTerminalSnr`: rescale the table so that the last timestep is pure noise (Lin et
 * al. 2023); it needs a network that predicts v or the sample.
 */
interface TableOptions {
  timesteps?: number;
  zeroTerminalSnr?: boolean;
}

/** The options of each named path; all but the name may be left out where the path has a default. */
export interface PathOptions {
  linear: TableOptions & { start?: number; end?: number };
  scaledLinear: TableOptions & { start?: number; end?: number };
  quadratic: TableOptions & { start?: number; end?: number };
  constant: TableOptions & { beta?: number };
  sigmoid: TableOptions & { start?: number; end?: number };
  cosine: TableOptions & { s?: number; maxBeta?: number };
  sigmoidAlphaBar: TableOptions & { start?: number; end?: number; tau?: number; maxBeta?: number };
  /** `allowFalling`: betas that fall are meant. */
  betas: { values: readonly number[]; allowFalling?: boolean; zeroTerminalSnr?: boolean };
  continuousVp: { betaMin?: number; betaMax?: number; networkTime?: Clock };
  subVp: { betaMin?: number; betaMax?: number; networkTime?: Clock };
  continuousCosine: { networkTime?: Clock };
  gvp: { networkTime?: Clock };
  straightLine: { networkTime?: Clock };
  /** `timesteps`: in so many levels instead of continuous time. Default for `networkTime`: "sigma", with timesteps "t". */
  ve: { sigmaMin?: number; sigmaMax?: number; timesteps?: number; networkTime?: Clock | "sigma" };
  edm: { sigmaMin?: number; sigmaMax?: number };
  /**
   * gamma(t) = offset + |slope| t, plus the monotone network of `inner`, `innerBias` and `outer` (of one length) where
   * they are given. The network is fed 1000 (gamma - from) / (to - from), `networkRange` being [from, to].
   */
  learned: {
    offset?: number;
    slope?: number;
    inner?: readonly number[];
    innerBias?: readonly number[];
    outer?: readonly number[];
    networkRange?: readonly [number, number];
  };
}

export type PathName = keyof PathOptions;

/** A path as JSON: its name and its options, such as `{ name: "linear", timesteps: 1000 }`. */
export type PathConfig = { [K in PathName]: { readonly name: K } & Readonly<PathOptions[K]> }[PathName];
