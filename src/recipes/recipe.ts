/**
 * A recipe: one row of the table of the theory, as plain data. It names the network, the objective (path, prediction,
 * times, weight), the data, the training and the solver; everything that is left out gets its default, so what
 * `defineRecipe` returns is what a run folder records.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import { type Objective, type ObjectiveConfig, objectiveFrom } from "../diffusion/objective.ts";
import { type SolverName, type SolverOptions, solverFrom } from "../diffusion/solvers/registry.ts";
import type { Solver } from "../diffusion/solvers/solver.ts";
import type { ImageNetwork } from "../models/network.ts";
import { checkOutputs, lossOf } from "../train/losses/registry.ts";
import { networkFrom, networkSchema } from "../train/network-config.ts";
import { trainingSchema } from "../train/settings.ts";
import { type DataConfig, type DataOptions, parseData } from "./data.ts";
import { checkPhases, phasesSchema, teacherSchema } from "./teacher-config.ts";

/** A solver as JSON: its name and its options. */
export type SolverConfig = { [K in SolverName]: { readonly name: K } & Readonly<SolverOptions[K]> }[SolverName];

/** Checked by the rooms that they belong to, in `parseRecipe`. */
const named = z.looseObject({ name: z.string() });

const samplingSchema = z.strictObject({
  solver: named.default({ name: "ddim", steps: 50 }),
  /** Images in `samples.png`. */
  count: z.int().positive().default(64),
  /** Scale of classifier-free guidance; 1 for none. */
  guidance: z.number().nonnegative().default(1),
  seed: z.int().nonnegative().default(0),
});

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
  sampling: samplingSchema.prefault({}),
  /** Whom the recipe distils; see teacher-config.ts. */
  teacher: teacherSchema.optional(),
  /** Distillations one after the other; see teacher-config.ts. */
  phases: phasesSchema.optional(),
});

type Parsed = z.output<typeof recipeSchema>;
type Written = z.input<typeof recipeSchema>;

/** A recipe with all defaults filled in: plain JSON. */
export interface Recipe extends Omit<Parsed, "objective" | "data" | "sampling"> {
  objective: ObjectiveConfig;
  data: DataConfig;
  sampling: SamplingConfig;
}

/** How a run is sampled from. */
export type SamplingConfig = Omit<Parsed["sampling"], "solver"> & { solver: SolverConfig };

/** A recipe as a user writes it. */
export interface RecipeOptions extends Omit<Written, "objective" | "data" | "sampling"> {
  objective: Pick<ObjectiveConfig, "path" | "prediction"> & Partial<ObjectiveConfig>;
  data: DataOptions;
  sampling?: Omit<Written["sampling"] & object, "solver"> & { solver?: SolverConfig };
}

/** Checks a recipe and fills in its defaults. Raises a ConfigError that names the field. */
export function defineRecipe(options: RecipeOptions): Recipe {
  const { name } = options as { name?: unknown };
  return parseRecipe(options, typeof name === "string" ? `recipe ${name}` : "recipe");
}

/** `defineRecipe` for a value of any origin; `label` names it in the message. */
export function parseRecipe(value: unknown, label: string): Recipe {
  const parsed = parseConfig(recipeSchema, value, label);
  const sampling = parseSampling(parsed.sampling, label);
  const objective = labelled(label, () => {
    const objective = objectiveFrom(parsed.objective);
    const network = networkFrom(parsed.network);
    const { teacher, phases } = parsed;
    const loss = lossOf(objective, teacher && { path: objective.path, denoiseEach: neverAsked });
    checkOutputs(network, loss);
    if (loss.pairs && !teacher?.pairs) {
      throw new ConfigError(`the loss ${loss.name} learns from pairs of a teacher: set teacher.pairs`);
    }
    if (phases) checkPhases(phases);
    if (teacher?.pairs) solverOf(teacher.pairs.solver as SolverConfig);
    checkSampling(sampling, network, objective);
    return objective;
  });
  return {
    ...parsed,
    objective: objective.toJSON(),
    data: parseData(parsed.data, `${label}: data`),
    sampling,
  };
}

/** How a run is sampled from, with the defaults: 64 images of 50 steps of DDIM. */
export function parseSampling(value: unknown, label: string): SamplingConfig {
  const { solver: config, ...sampling } = parseConfig(samplingSchema, value, label);
  const solver = labelled(label, () => solverOf(config as SolverConfig));
  return { ...sampling, solver: { name: solver.name, ...solver.config } as SolverConfig };
}

const neverAsked = () => Promise.reject(new Error("never asked"));

/** So that no run is trained for hours and cannot be drawn from: raises a ConfigError now. */
function checkSampling({ solver, guidance }: SamplingConfig, network: ImageNetwork, { path }: Objective): void {
  solverOf(solver).sample({ path, denoise: neverAsked }, { shape: [1], seed: 0 }); // checks at once, and works only when iterated
  if (guidance !== 1 && network.classes === undefined) {
    throw new ConfigError(`sampling.guidance is ${guidance}, but the network has no classes; set num_class_embeds`);
  }
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
