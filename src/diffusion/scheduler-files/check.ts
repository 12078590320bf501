/**
 * Whether a scheduler's file says what it was written from: the same path, prediction and options, and the same levels,
 * which different options can give.
 */
import { isDiscreteVp } from "../discrete-vp.ts";
import { type LevelsOptions, levelFields, levelsFor, levelsOptions } from "../levels.ts";
import { show } from "../options.ts";
import { type Path, pathFrom } from "../path.ts";
import type { Prediction } from "../prediction.ts";
import { solverFrom } from "../solvers/registry.ts";
import type { Threshold } from "../thresholding.ts";
import type { SolverChoice } from "./read.ts";

/** Options of any of the solvers that have a class, with the defaults. */
export type Config = Readonly<Required<LevelsOptions>> & {
  readonly clip?: number | false;
  readonly threshold?: Threshold;
  readonly [name: string]: unknown;
};

/** Whether a discrete path has the betas of another, or of a configuration, to rounding. */
export function sameBetas(path: Path, other: unknown): boolean {
  const read = pathFrom(JSON.parse(JSON.stringify(other)));
  if (!isDiscreteVp(path) || !isDiscreteVp(read) || path.timesteps !== read.timesteps) return false;
  return path.alphaBars.every((alphaBar, t) => Math.abs(alphaBar - read.alphaBars[t]) < 1e-12);
}

/** The options of a choice with their defaults, but the number of steps. */
export function withDefaults({ name, options }: SolverChoice): Config {
  if (name === "ddimInversion") return { ...options } as unknown as Config;
  const { steps: _, ...config } = solverFrom(name, { ...options, steps: PROBED[0] }).config as Config;
  return config as Config;
}

/** Numbers of steps for which levels are compared. */
const PROBED = [10, 4, 27] as const;

/** How the levels of two sets of options differ, if they do. */
function levelDifference(path: Path, wanted: Config, found: Config): string | undefined {
  const [ours, theirs] = [levelsOptions(wanted), levelsOptions(found)];
  for (const steps of PROBED) {
    const [here, there] = [levelsFor(path, { ...ours, steps }), levelsFor(path, { ...theirs, steps })];
    const off = (a: number, b: number) => !(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a)));
    const index = here.findIndex((level, i) => {
      const other = there[i];
      // The end is not asked, so what the network would be fed there does not matter.
      const fed = i < steps && off(level.networkTime, other.networkTime);
      return off(level.alpha, other.alpha) || off(level.sigma, other.sigma) || fed;
    });
    if (index < 0) continue;
    const names = Object.keys(levelFields).filter((name) => differ(wanted[name], found[name]));
    const pairs = names.map(
      (name) => `${name} ${show(found[name] ?? "absent")} instead of ${show(wanted[name] ?? "absent")}`,
    );
    return `other levels (of ${steps} steps the ${index + 1}th, sigma ${there[index].sigma} instead of ${here[index].sigma}), ${pairs.join(", ")}`;
  }
  return undefined;
}

const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);

/** What comes back from the file other than it was given. */
export function differences(
  given: { path: Path; prediction: Prediction; solver: SolverChoice },
  back: { path: Path; prediction: Prediction; solver: SolverChoice },
): string[] {
  const found: string[] = [];
  if (differ(given.path, back.path) && !sameBetas(given.path, back.path)) {
    found.push(`the path ${show(back.path.toJSON())} instead of ${show(given.path.toJSON())}`);
  }
  if (differ(given.prediction, back.prediction)) {
    found.push(`the prediction ${show(back.prediction.toJSON())} instead of ${show(given.prediction.toJSON())}`);
  }
  const [wanted, got] = [withDefaults(given.solver), withDefaults(back.solver)];
  const hasLevels = Object.hasOwn(wanted, "finalSigma");
  const compared = [...new Set([...Object.keys(wanted), ...Object.keys(got)])].filter(
    (name) => !(hasLevels && Object.hasOwn(levelFields, name)),
  );
  for (const name of compared) {
    if (name === "stepsOffset" && wanted.spacing !== "leading") continue;
    if (name === "clip" && wanted.threshold !== undefined) continue;
    if (name === "correctorOff" && wanted.correctorOff === "all") continue;
    if (differ(wanted[name], got[name])) found.push(`${name} ${show(got[name])} instead of ${show(wanted[name])}`);
  }
  if (found.length > 0 || !hasLevels) return found;
  const level = levelDifference(given.path, wanted, got);
  return level === undefined ? [] : [level];
}
