/**
 * Which loss an objective asks for, as JSON, with its options checked. What each does stands where it is computed:
 * `src/train/losses/<name>.ts`.
 */
import { type FlowRule, flowRules, type GridSpacing, gridSpacings } from "./distillation/consistency.ts";
import { type Growth, growths } from "./distillation/consistency-schedules.ts";
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
  /** The sample of a teacher's pair from its noise in one step; the data are pairs. */
  knowledge: Record<never, never>;
  /** One DDIM step of a student of `steps` steps is two of its teacher's. */
  progressive: { steps: number };
  /** Consistency along the trajectories of a teacher, by the rule of its steps. Defaults: 18 fixed levels, target 0.95. */
  consistencyDistillation: ConsistencyLossOptions & { rule?: FlowRule };
  /** Consistency without a teacher. Defaults: the improved techniques of 2023. */
  consistencyTraining: ConsistencyLossOptions;
}

export interface ConsistencyLossOptions {
  /** Levels of the path, from its noise end to its data end: all the time where `growth` is "fixed", else s1 of it. */
  levels?: number;
  /** s0, where the levels grow. */
  firstLevels?: number;
  growth?: Growth;
  /** Levels even in (sigma / alpha)^(1 / rho), or even in time, for paths whose noise end holds no data. */
  spacing?: GridSpacing;
  rho?: number;
  /** mu0, from 0 to below 1: how much of the old average the target keeps in a step; 0: the weights are the target. */
  targetDecay?: number;
  /** How pairs of levels are drawn; "logNormal" by ln(sigma / alpha) ~ N(timesMean, timesStd²). */
  times?: "uniform" | "logNormal";
  timesMean?: number;
  timesStd?: number;
  distance?: "squared" | "pseudoHuber";
  /** c of the pseudo-Huber distance; 0 for 0.00054 sqrt(dimensions). */
  huber?: number;
  /** 1, or 1 over the distance of the two levels (in sigma / alpha; in time where the spacing is). */
  weight?: "one" | "inverseStep";
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
  knowledge: {},
  progressive: { steps: integer(1, 65_536) },
  consistencyDistillation: {
    ...consistencyFields({
      levels: 18,
      firstLevels: 2,
      growth: "fixed",
      targetDecay: 0.95,
      times: "uniform",
      distance: "squared",
      weight: "one",
    }),
    rule: withDefault(choice(...flowRules), "heun" as const),
  },
  consistencyTraining: consistencyFields({
    levels: 1280,
    firstLevels: 10,
    growth: "double",
    targetDecay: 0,
    times: "logNormal",
    distance: "pseudoHuber",
    weight: "inverseStep",
  }),
};

type Differing = "levels" | "firstLevels" | "growth" | "targetDecay" | "times" | "distance" | "weight";

function consistencyFields(defaults: Required<Pick<ConsistencyLossOptions, Differing>>) {
  return {
    levels: withDefault(integer(2, 65_536), defaults.levels),
    firstLevels: withDefault(integer(1, 65_536), defaults.firstLevels),
    growth: withDefault(choice(...growths), defaults.growth),
    spacing: withDefault(choice(...gridSpacings), "karras" as const),
    rho: withDefault(real(0, Infinity, true), 7),
    targetDecay: withDefault(real(0, 0.999999), defaults.targetDecay),
    times: withDefault(choice("uniform", "logNormal"), defaults.times),
    timesMean: withDefault(real(), -1.1),
    timesStd: withDefault(real(0, Infinity, true), 2),
    distance: withDefault(choice("squared", "pseudoHuber"), defaults.distance),
    huber: withDefault(real(0), 0),
    weight: withDefault(choice("one", "inverseStep"), defaults.weight),
  };
}

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
