/**
 * scheduler_config.json of diffusers: a file of one of its schedulers as our path, prediction and solver, and ours as such
 * a file.
 *
 * Fields that a file leaves away have diffusers' defaults. A class or a field that no scheduler has is a ConfigError with
 * the nearest names. Files often hold fields of another class (Stable Diffusion's PNDM has clip_sample, SDXL's Euler has
 * skip_prk_steps): diffusers leaves them in when it makes one scheduler of another and does not read them, and nor is it
 * done here; they are listed in `ignored`. What a class has but is not offered here is a ConfigError.
 *
 * Source: diffusers 0.42, src/diffusers/schedulers. Tested against its defaults, the timesteps and sigmas of its
 * schedulers, the sums that its own tests hold, and trajectories; what is written here is loaded by it.
 */
import { ConfigError, FileFormatError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { readOptions, show } from "./options.ts";
import type { Path } from "./path-contract.ts";
import { type Prediction, type PredictionConfig, predictionFrom } from "./prediction.ts";
import { bookkeeping, isOfAnotherClass, type SchedulerClass, schedulerFields } from "./scheduler-files/fields.ts";
import { type Read, type SchedulerSituation, type SolverChoice, schedulerReaders } from "./scheduler-files/read.ts";
import { type SchedulerFile, writeScheduler } from "./scheduler-files/write.ts";
import { solverFrom } from "./solvers/registry.ts";
import type { Solver } from "./solvers/solver.ts";

export type { SchedulerClass } from "./scheduler-files/fields.ts";
export type { SchedulerSituation, SolverChoice } from "./scheduler-files/read.ts";
export type { SchedulerFile } from "./scheduler-files/write.ts";

export interface Scheduler {
  /** diffusers' class, such as "DDIMScheduler". */
  readonly className: SchedulerClass;
  readonly path: Path;
  readonly prediction: Prediction;
  /** The solver's name and its options but the number of steps; see `schedulerSolver`. */
  readonly solver: SolverChoice;
  /** Fields of the file that say nothing for this scheduler. */
  readonly ignored: readonly string[];
}

/**
 * What a scheduler's file says. `json`: the parsed file, with `_class_name`. Unknown classes and fields, values out of
 * range and what is not offered are ConfigErrors.
 */
export function schedulerFrom(json: unknown, situation: SchedulerSituation = {}): Scheduler {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError(
      `a scheduler must be an object such as { "_class_name": "DDIMScheduler" }, not ${show(json)}`,
    );
  }
  const given = json as Record<string, unknown>;
  const className = classOf(given);
  const fields = schedulerFields[className];
  const own: Record<string, unknown> = {};
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (bookkeeping.includes(name)) continue;
    if (Object.hasOwn(fields, name)) own[name] = value;
    else if (isOfAnotherClass(name, value)) ignored.push(name);
    else {
      throw new ConfigError(
        `${className}: unknown field ${JSON.stringify(name)}. ${didYouMean(name, Object.keys(fields))}`,
      );
    }
  }
  const read = schedulerReaders[className] as (values: unknown, situation: SchedulerSituation) => Read;
  const { path, prediction, solver, unused = [] } = read(readOptions(className, fields, own), situation);
  return Object.freeze({
    className,
    path,
    prediction: predictionFrom(prediction),
    solver,
    ignored: [...ignored, ...unused.filter((name) => own[name] !== undefined && own[name] !== null)],
  });
}

function classOf(given: Readonly<Record<string, unknown>>): SchedulerClass {
  const name = given._class_name;
  const known = Object.keys(schedulerFields);
  if (typeof name === "string" && Object.hasOwn(schedulerFields, name)) return name as SchedulerClass;
  if (name === undefined) {
    throw new ConfigError(`the scheduler's _class_name is missing; it must be one of ${known.join(", ")}`);
  }
  throw new ConfigError(
    typeof name === "string"
      ? `unknown scheduler ${JSON.stringify(name)}. ${didYouMean(name, known)}`
      : `_class_name must be one of ${known.join(", ")}, not ${show(name)}`,
  );
}

/**
 * The file of diffusers for a path, a prediction and a solver (its name and options; `steps` among them do not count), the
 * inverse of `schedulerFrom`. A solver, a path or an option that diffusers has no scheduler or field for is a ConfigError
 * that says what it would do instead. Only `startNoise` is not held: it goes with the class and the spacing.
 */
export function schedulerConfigOf(
  path: Path,
  prediction: PredictionConfig | Prediction,
  solver: SolverChoice | Solver,
): SchedulerFile {
  const row = typeof prediction === "object" && "targetNoise" in prediction ? prediction : predictionFrom(prediction);
  const choice = ("config" in solver ? { name: solver.name, options: solver.config } : solver) as SolverChoice;
  return writeScheduler({ path, prediction: row, solver: choice }, schedulerFrom);
}

/** The solver of a scheduler with so many steps. DDIM's inversion is not a solver: it takes images (see `invert`). */
export function schedulerSolver({ solver }: Pick<Scheduler, "solver">, steps: number): Solver {
  if (solver.name === "ddimInversion") {
    throw new ConfigError(
      "the inversion of DDIM goes from images to noise: call invert with the options of this scheduler",
    );
  }
  return solverFrom(solver.name, { ...solver.options, steps });
}

/**
 * The JSON of a scheduler's file. diffusers writes -Infinity, Infinity and NaN, which JSON does not have; they are read as
 * numbers. Anything else that is not JSON is a FileFormatError.
 */
export function parseSchedulerConfig(text: string): unknown {
  const marked = text.replace(/("(?:[^"\\]|\\.)*")|(-?Infinity|NaN)\b/g, (_, quoted, word) =>
    quoted === undefined ? `{"\\u0000number":"${word}"}` : quoted,
  );
  try {
    return JSON.parse(marked, (_, value) =>
      typeof value === "object" && value !== null && "\u0000number" in value ? Number(value["\u0000number"]) : value,
    );
  } catch (error) {
    throw new FileFormatError(`scheduler_config.json is not JSON: ${(error as Error).message}`);
  }
}
