/**
 * A recipe: one row of the table of the theory, as plain data. It names the network, the objective (path, prediction,
 * times, weight), the data, the training and the solver; everything that is left out gets its default, so what
 * `defineRecipe` returns is what a run folder records.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import { type ObjectiveConfig, objectiveFrom } from "../diffusion/objective.ts";
import { type SolverName, type SolverOptions, solverFrom } from "../diffusion/solvers/registry.ts";
import type { Solver } from "../diffusion/solvers/solver.ts";
import { networkFrom, networkSchema } from "../train/network-config.ts";
import { trainingSchema } from "../train/settings.ts";
import { type DataConfig, type DataOptions, parseData } from "./data.ts";

/** A solver as JSON: its name and its options. */
export type SolverConfig = { [K in SolverName]: { readonly name: K } & Readonly<SolverOptions[K]> }[SolverName];

/** Checked by the rooms that they belong to, in `parseRecipe`. */
const named = z.looseObject({ name: z.string() });

export const recipeSchema = z.strictObject({
  /** Letters, digits, `.`, `_` and `-`: it becomes the name of a folder. */
  name: z.string().regex(/^[A-Za-z0-9][\w.-]*$/, { error: "expected letters, digits, '.', '_' and '-'" }),
  /** What it draws and what it costs, in a line. */
  about: z.string().default(""),
  /** Where it was published. */
  paper: z.strictObject({ title: z.string(), url: z.string() }).nullable().default(null),
  /** What the paper reports, by measure. */
  published: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  network: networkSchema,
  objective: z.looseObject({}),
  data: named,
  training: trainingSchema.extend({ seed: trainingSchema.shape.seed.default(0) }),
  sampling: z.strictObject({
    solver: named,
    /** Images in `samples.png`. */
    count: z.int().positive().default(64),
    /** Scale of classifier-free guidance; 1 for none. */
    guidance: z.number().nonnegative().default(1),
    seed: z.int().nonnegative().default(0),
  }),
});

type Parsed = z.output<typeof recipeSchema>;
type Written = z.input<typeof recipeSchema>;

/** A recipe with all defaults filled in: plain JSON. */
export interface Recipe extends Omit<Parsed, "objective" | "data" | "sampling"> {
  objective: ObjectiveConfig;
  data: DataConfig;
  sampling: Omit<Parsed["sampling"], "solver"> & { solver: SolverConfig };
}

/** A recipe as a user writes it. */
export interface RecipeOptions extends Omit<Written, "objective" | "data" | "sampling"> {
  objective: Pick<ObjectiveConfig, "path" | "prediction"> & Partial<ObjectiveConfig>;
  data: DataOptions;
  sampling: Omit<Written["sampling"], "solver"> & { solver: SolverConfig };
}

/** Checks a recipe and fills in its defaults. Raises a ConfigError that names the field. */
export function defineRecipe(options: RecipeOptions): Recipe {
  const { name } = options as { name?: unknown };
  return parseRecipe(options, typeof name === "string" ? `recipe ${name}` : "recipe");
}

/** `defineRecipe` for a value of any origin; `label` names it in the message. */
export function parseRecipe(value: unknown, label: string): Recipe {
  const parsed = parseConfig(recipeSchema, value, label);
  const { solver: solverConfig, ...sampling } = parsed.sampling;
  const { objective, solver } = labelled(label, () => {
    networkFrom(parsed.network);
    return { objective: objectiveFrom(parsed.objective), solver: solverOf(solverConfig as SolverConfig) };
  });
  return {
    ...parsed,
    objective: objective.toJSON(),
    data: parseData(parsed.data, `${label}: data`),
    sampling: { ...sampling, solver: { name: solver.name, ...solver.config } as SolverConfig },
  };
}

/** The solver of a configuration. Raises a ConfigError for an unknown name or option. */
export function solverOf({ name, ...options }: SolverConfig): Solver {
  return solverFrom(name, options as unknown);
}

/** Runs `body`; a ConfigError of it is raised again with a label in front. */
export function labelled<T>(label: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${label}: ${error.message}`, { cause: error });
  }
}
