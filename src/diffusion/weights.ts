/**
 * The weightings of the squared error. An error d of what the network predicts is an error -sigma d / D of the sample
 * and alpha d / D of the noise, D = alpha targetNoise - sigma targetSample, so every published weighting is a factor of
 * |d|² that follows from the path, whatever is predicted:
 *
 *   name            weight of |d|²                                       is
 *   simple          1                                                    the plain error of what is predicted
 *   sigmaSquared    alpha² / D²                                          |eps error|² = sigma² |score error|²
 *   likelihood      2 alpha r / (sigma D²)                               g² |score error|²
 *   velocity        r² / D²                                              |error of dx/dt|²
 *   snrPlusOne      (alpha² + sigma²) / D²                               (SNR + 1) |x0 error|²
 *   truncatedSnr    max(alpha², sigma²) / D²                             max(SNR, 1) |x0 error|²
 *   minSnr          min(alpha², gamma sigma²) / D²                       min(SNR, gamma) |x0 error|²
 *   edm             (sigma² + sd² alpha²) / (sd² D²)                     (s² + sd²) / (s sd)² |x0 error|², s = sigma / alpha
 *   sigmaSqrt       (alpha + sigma)² / (sigma² D²)                       |flow error|² / sigma²
 *   cosmap          2 (alpha + sigma)² / (pi (1 - 2 sigma + 2 sigma²) D²)  its density times |flow error|²
 *
 * with r = sigma' alpha - alpha' sigma and SNR = alpha² / sigma². Sources: Song et al. 2019 and 2021, table 1 (score);
 * Song et al. 2021b (likelihood); Ma et al. 2024, "SiT" §3 (simple, velocity, likelihood; its likelihood weight is half
 * of this one); Salimans and Ho 2022, §4 (SNR + 1, truncated); Hang et al. 2023 (min-SNR); Karras et al. 2022, table 1
 * (EDM); Esser et al. 2024, "SD3" §3.1 (the last two). Tested against each formula as it is published.
 */
import { ConfigError } from "../core/errors.ts";
import { makeFrom, readOptions, real, withDefault } from "./options.ts";
import type { Level } from "./path-contract.ts";
import { type Prediction, recovery } from "./prediction.ts";

/** The options of each weighting. */
export interface WeightOptions {
  simple: Record<never, never>;
  sigmaSquared: Record<never, never>;
  likelihood: Record<never, never>;
  velocity: Record<never, never>;
  snrPlusOne: Record<never, never>;
  truncatedSnr: Record<never, never>;
  minSnr: { gamma?: number };
  edm: { sigmaData?: number };
  sigmaSqrt: Record<never, never>;
  cosmap: Record<never, never>;
}

export type WeightName = keyof WeightOptions;

/** A weighting as JSON: its name, or its name with options, such as `{ name: "minSnr", gamma: 5 }`. */
export type WeightConfig =
  | WeightName
  | { [K in WeightName]: { readonly name: K } & Readonly<WeightOptions[K]> }[WeightName];

export interface Weight {
  readonly name: WeightName;
  /** The factor of the squared error of what a network predicts. */
  of(prediction: Prediction, level: Level): number;
  toJSON(): WeightConfig;
}

/** What stands above D² in the table. */
type Row = (level: Level) => number;

function weight(config: Exclude<WeightConfig, string>, row: Row): Weight {
  const { name } = config;
  return Object.freeze({
    name,
    of(prediction: Prediction, level: Level) {
      const { alpha, sigma, t } = level;
      const { sampleFromOutput, noiseFromOutput } = recovery(prediction, level); // -sigma / D and alpha / D
      const value = (row(level) * (sampleFromOutput ** 2 + noiseFromOutput ** 2)) / (alpha ** 2 + sigma ** 2);
      if (Number.isFinite(value) && value >= 0) return value;
      throw new ConfigError(
        `the weight ${name} of a network that predicts ${prediction.name} is ${value} at t = ${t} (alpha ${alpha}, sigma ` +
          `${sigma}); predict v or flow, or keep the times away from there`,
      );
    },
    toJSON: () => (Object.keys(config).length === 1 ? name : config),
  });
}

const plain = (name: WeightName, row: Row) => (options: Record<never, never>) => {
  readOptions(name, {}, options);
  return weight({ name } as Exclude<WeightConfig, string>, row);
};

/** sigma' alpha - alpha' sigma, which is g² alpha / (2 sigma). */
const rate = ({ alpha, sigma, dAlpha, dSigma }: Level) => dSigma * alpha - dAlpha * sigma;

const positive = real(0, Infinity, true);

/** Every weighting by its name. */
export const weights: { readonly [K in WeightName]: (options: WeightOptions[K]) => Weight } = {
  simple: (options) => {
    readOptions("simple", {}, options);
    return Object.freeze({ name: "simple" as const, of: () => 1, toJSON: () => "simple" as const });
  },
  sigmaSquared: plain("sigmaSquared", ({ alpha }) => alpha ** 2),
  likelihood: plain("likelihood", (level) => (2 * level.alpha * rate(level)) / level.sigma),
  velocity: plain("velocity", (level) => rate(level) ** 2),
  snrPlusOne: plain("snrPlusOne", ({ alpha, sigma }) => alpha ** 2 + sigma ** 2),
  truncatedSnr: plain("truncatedSnr", ({ alpha, sigma }) => Math.max(alpha, sigma) ** 2),
  minSnr: (options) => {
    const { gamma } = readOptions("minSnr", { gamma: withDefault(positive, 5) }, options);
    return weight({ name: "minSnr", gamma }, ({ alpha, sigma }) => Math.min(alpha ** 2, gamma * sigma ** 2));
  },
  edm: (options) => {
    const { sigmaData } = readOptions("edm", { sigmaData: withDefault(positive, 0.5) }, options);
    return weight({ name: "edm", sigmaData }, ({ alpha, sigma }) => (sigma / sigmaData) ** 2 + alpha ** 2);
  },
  sigmaSqrt: plain("sigmaSqrt", ({ alpha, sigma }) => ((alpha + sigma) / sigma) ** 2),
  cosmap: plain(
    "cosmap",
    ({ alpha, sigma }) => (2 * (alpha + sigma) ** 2) / (Math.PI * (1 - 2 * sigma + 2 * sigma ** 2)),
  ),
};

/** The weighting of a name or a configuration; an unknown one is a ConfigError with the nearest names. */
export function weightFrom(config: unknown): Weight {
  return makeFrom<Weight>("weight", weights, typeof config === "string" ? { name: config } : config);
}
