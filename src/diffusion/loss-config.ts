/**
 * Which loss an objective asks for, as JSON, with its options checked. What each does stands where it is computed:
 * `src/train/losses/<name>.ts`.
 */
import { choice, flag, integer, makeFrom, readOptions, real, withDefault } from "./options.ts";

/** The options of each loss. */
export interface LossOptions {
  /** weight(t) |target - output|². */
  simple: Record<never, never>;
  /** The simple loss plus `bound` · T times a term of the variational bound, which trains the variances alone. */
  hybrid: { bound?: number };
  /** A term of the variational bound, times T: bits per dimension. */
  vlb: { variance?: "learned" | "fixedSmall" | "fixedLarge" };
  /** Sliced score matching: needs no known score, but second derivatives. For small networks. */
  slicedScore: Record<never, never>;
  /**
   * The continuous-time bound of Variational Diffusion Models, in bits per dimension, with a schedule that is the path's
   * ("fixed") or learned: its ends ("scalar"), or its ends and the way between them ("network", of `hidden` units).
   */
  vdm: {
    gamma?: "fixed" | "scalar" | "network";
    hidden?: number;
    /** Whether the ends are learned too. */
    ends?: boolean;
    /** How x0 is read from the least noisy z: as one of `levels` values of a pixel, or as a normal density. */
    decoder?: "pixels" | "gaussian";
    levels?: number;
    /** Values of a pixel, to each side of the true one, that the decoder weighs. */
    neighbours?: number;
  };
}

export type LossName = keyof LossOptions;

/** A loss with all its options. */
export type CheckedLoss = { [K in LossName]: { readonly name: K } & Readonly<Required<LossOptions[K]>> }[LossName];

/** A loss as JSON: its name, or its name with options, such as `{ name: "vlb", variance: "fixedSmall" }`. */
export type LossConfig = LossName | { [K in LossName]: { readonly name: K } & Readonly<LossOptions[K]> }[LossName];

const fields = {
  simple: {},
  hybrid: { bound: withDefault(real(0, Infinity, true), 0.001) },
  vlb: { variance: withDefault(choice("learned", "fixedSmall", "fixedLarge"), "learned" as const) },
  slicedScore: {},
  vdm: {
    gamma: withDefault(choice("fixed", "scalar", "network"), "fixed" as const),
    hidden: withDefault(integer(1, 65_536), 1024),
    ends: withDefault(flag(), true),
    decoder: withDefault(choice("pixels", "gaussian"), "pixels" as const),
    levels: withDefault(integer(2, 65_536), 256),
    neighbours: withDefault(integer(1, 65_535), 24),
  },
};

const losses = Object.fromEntries(
  Object.keys(fields).map((name) => [
    name,
    (options: never) => Object.freeze({ name, ...readOptions(name, fields[name as LossName], options) }),
  ]),
);

/** The loss of a name or a configuration, with its defaults; an unknown one is a ConfigError with the nearest names. */
export function lossConfigFrom(config: unknown): CheckedLoss {
  return makeFrom<CheckedLoss>(
    "loss",
    losses as Record<LossName, (options: never) => CheckedLoss>,
    typeof config === "string" ? { name: config } : config,
  );
}
