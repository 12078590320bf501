/**
 * A trained model as the commands use it: a run folder, or a folder of diffusers together with the recipe that says what it
 * was trained for.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FileAccessError } from "../core/errors.ts";
import { isToyName, toy } from "../data/toy.ts";
import { type Path, type Solver, solverFrom } from "../diffusion/index.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import type { SampleRequest } from "../pipelines/sample.ts";
import { parseSampling, type SolverConfig, solverOf } from "../recipes/recipe.ts";
import { recipeNamed } from "../recipes/registry.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { type LoadedModel, loadModel, RUN_FILE } from "../train/index.node.ts";
import { projectRecipes } from "./config-file.ts";
import { realPoints } from "./training-run.ts";

export interface DrawingOptions {
  count?: number;
  solver?: string;
  steps?: number;
  seed?: number;
  guidance?: number;
  class?: number[];
  batch?: number;
  set?: string[];
  recipe?: string;
  device: string;
  threads?: number;
}

export interface Drawing {
  model: LoadedModel;
  /** Name of the data that it was trained on. */
  data: unknown;
  request: SampleRequest;
  /** Real points to show under the drawn ones, where the model draws points. */
  real?: Float32Array;
}

/** The model of a folder, what it was trained on, and a request for images of it. */
export async function openForDrawing(folder: string, options: DrawingOptions): Promise<Drawing> {
  if (!existsSync(folder)) {
    throw new FileAccessError(`there is no folder ${folder}; give the folder of a run, such as runs/digits`);
  }
  const runtime = nodeRuntime(options.device);
  const model = await loadModel(folder);
  const { objective, data, sampling } = await purposeOf(model, folder, options.recipe);
  const { count, seed, guidance } = { ...sampling, ...defined(options) };
  const trained = objectiveFrom(objective);
  const request: SampleRequest = {
    network: model.network,
    weights: model.weights,
    objective: trained,
    runtime,
    threads: options.threads,
    solver: chosenSolver(sampling.solver, options, trained.path),
    count,
    seed,
    guidance,
    batch: options.batch,
    classLabel: options.class,
  };
  const real = isToyName(data.name) ? await realPoints(toy({ ...data, name: data.name })) : undefined;
  return { model, data: data.name, request, real };
}

/** What the network was trained for: by a recipe that is named, or as the run folder says. */
async function purposeOf({ run }: LoadedModel, folder: string, name?: string) {
  if (name !== undefined) return recipeNamed(name, await projectRecipes(process.cwd()));
  if (run) return { ...run, sampling: parseSampling(run.sampling ?? {}, join(folder, RUN_FILE)) };
  throw new ConfigError(
    `${folder} has no run.json, so it does not say what the network was trained for: name the recipe that does, such as ` +
      "--recipe ddpm-cifar10",
  );
}

/** Steps of a solver that needs a number and was given none. */
const DEFAULT_STEPS = 50;

/**
 * The recipe's solver, or another one of the registry, with the options that were given. One that needs a number of steps
 * on this path and was given none takes 50, or as many as the path has.
 */
export function chosenSolver(
  own: SolverConfig,
  options: Pick<DrawingOptions, "solver" | "steps" | "set">,
  path: Path,
): Solver {
  const { name: ownName, ...ownOptions } = own;
  const same = options.solver === undefined || options.solver === ownName;
  if (same && options.steps === undefined && options.set === undefined) return solverOf(own);
  const name = options.solver ?? ownName;
  const chosen: Record<string, unknown> = same ? { ...ownOptions } : {};
  if (options.steps !== undefined) chosen.steps = options.steps;
  for (const assignment of options.set ?? []) {
    const equals = assignment.indexOf("=");
    if (equals < 1) throw new ConfigError(`"${assignment}" sets nothing; write option=value, such as eta=1`);
    const option = assignment.slice(0, equals).trim();
    chosen[option.replace(/^solver\./, "")] = jsonOrText(assignment.slice(equals + 1).trim());
  }
  if (chosen.steps === undefined && needsSteps(name, chosen, path)) chosen.steps = stepsOn(path);
  return solverFrom(name, chosen as unknown);
}

function stepsOn({ timesteps }: Path): number {
  return Math.min(DEFAULT_STEPS, timesteps ?? DEFAULT_STEPS);
}

/** Whether a solver does not work on a path with these options, and could be told a number of steps. */
function needsSteps(name: string, options: object, path: Path): boolean {
  const denoise = () => Promise.reject(new Error("never asked"));
  const works = (check: () => unknown) => {
    try {
      check();
      return true;
    } catch {
      return false;
    }
  };
  // `sample` checks at once, and works only when it is iterated.
  const alone = () => solverFrom(name, options as unknown).sample({ path, denoise }, { shape: [1], seed: 0 });
  return !works(alone) && works(() => solverFrom(name, { steps: stepsOn(path) } as unknown));
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function defined({
  count,
  seed,
  guidance,
}: DrawingOptions): Partial<Pick<SampleRequest, "count" | "seed" | "guidance">> {
  return Object.fromEntries(Object.entries({ count, seed, guidance }).filter(([, value]) => value !== undefined));
}
