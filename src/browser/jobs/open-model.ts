/** The model of a request, wherever it is from, and how its run draws pictures: what several jobs ask for alike. */
import { ConfigError, FileAccessError } from "../../core/errors.ts";
import { type NamedObjective, objectiveFrom } from "../../diffusion/objective.ts";
import type { Solver } from "../../diffusion/solvers/solver.ts";
import { type SolverConfig, solverOf } from "../../recipes/recipe.ts";
import { type LoadedModel, openModel } from "../../train/model-folder.ts";
import type { JobContext } from "../job.ts";
import type { ModelSource } from "./sample.ts";

/** Which model: the same fields in all requests. */
export interface ModelChoice {
  from: ModelSource;
  /** The averaged weights by default. */
  weights?: "average" | "trained";
}

/** How pictures are drawn: the same fields in all requests. */
export interface DrawChoice {
  /** Default: that of the run. */
  solver?: SolverConfig;
  /** Default 0. */
  seed?: number;
  /** Scale of classifier-free guidance. Default: that of the run, or 1, none. */
  guidance?: number;
}

/** The model of a request. */
export async function openChoice({ from, weights }: ModelChoice, { runs }: JobContext): Promise<LoadedModel> {
  return await openModel(folderOf(from, runs), { weights });
}

function folderOf(from: ModelSource, runs: JobContext["runs"]): Parameters<typeof openModel>[0] {
  if ("run" in from) return { pathOf: (name = "") => `${from.run}/${name}`, read: (name) => runs.read(from.run, name) };
  if ("files" in from) {
    return { pathOf: (name = "") => `${from.name ?? "the folder"}/${name}`, read: async (name) => from.files[name] };
  }
  return {
    pathOf: (name = "") => from.address + name,
    async read(name) {
      const response = await fetch(from.address + name).catch((cause: Error) => {
        throw new FileAccessError(
          `${from.address}${name} cannot be fetched (${cause.message}): is its host still there?`,
          {
            cause,
          },
        );
      });
      // A static host may answer with a page where there is no file.
      if (response.status === 404 || response.headers.get("content-type")?.startsWith("text/html")) return undefined;
      if (!response.ok) throw new FileAccessError(`${from.address}${name}: the host answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** How the run of a model was trained to draw. Raises a ConfigError for a folder that does not say it. */
export function drawingOf(
  { run }: Pick<LoadedModel, "run">,
  { solver, seed = 0, guidance }: DrawChoice,
): { objective: NamedObjective; solver: Solver; seed: number; guidance: number } {
  const objective = objectiveOf({ run });
  const sampling = run?.sampling as { solver?: SolverConfig; guidance?: number } | undefined;
  const config = solver ?? sampling?.solver;
  if (!config) throw new ConfigError("the run names no solver: choose one");
  return { objective, solver: solverOf(config), seed, guidance: guidance ?? sampling?.guidance ?? 1 };
}

/** What the network of a run was trained for. Raises a ConfigError for a folder without `run.json`. */
export function objectiveOf({ run }: Pick<LoadedModel, "run">): NamedObjective {
  if (run) return objectiveFrom(run.objective);
  throw new ConfigError(
    "the folder holds a network, but no run.json that says what it predicts and on which path: only its graph can be shown",
  );
}
