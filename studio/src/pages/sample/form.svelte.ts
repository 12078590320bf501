/**
 * The settings as they are being chosen, for the model that is loaded.
 */
import type { Path, SolverConfig, SolverName } from "langevin/browser";
import { LARGEST_COUNT, type Settings } from "./settings.ts";
import { type Choice, chooseSolver } from "./solver-choice.ts";

/** What the form needs to know of a model. */
export interface FormModel {
  readonly path: Path;
  /** 0 without; the null class is not counted. */
  readonly classes: number;
  /** The solver that the run's recipe names, and its guidance. */
  readonly own?: SolverConfig;
  readonly guidance: number;
}

const DEFAULT_STEPS = 50;
const LARGEST_STEPS = 1000;

export class Form {
  readonly model: FormModel;
  solver = $state<SolverName>("ddim");
  steps = $state(DEFAULT_STEPS);
  seed = $state(0);
  guidance = $state(1);
  /** -1: all in turn; as many as there are classes: any, the null class. */
  classLabel = $state(-1);
  /** The class where all pictures have one: in a row, and to fill in. */
  oneClass = $state(0);
  count = $state(16);
  /** The options of a link, kept while its solver is. */
  #given = $state.raw<SolverConfig | undefined>();

  /** As the run's recipe has it, or as a link says. */
  constructor(model: FormModel, settings?: Partial<Settings>) {
    this.model = model;
    const { own } = model;
    const steps = (own as { steps?: number } | undefined)?.steps;
    this.solver = own?.name ?? "ddim";
    // A recipe that takes all timesteps would take minutes here: it begins with fewer.
    this.steps = Math.min(steps ?? DEFAULT_STEPS, this.mostSteps);
    this.guidance = model.guidance;
    this.oneClass = model.classes;
    if (settings) this.take(settings);
    else if (!this.choiceOf(this.solver).config) this.solver = "ddim";
  }

  get mostSteps(): number {
    return Math.min(LARGEST_STEPS, this.model.path.timesteps ?? 250);
  }

  readonly chosen: Choice = $derived.by(() => this.choiceOf(this.solver));

  choiceOf(name: SolverName): Choice {
    return chooseSolver(name, this.steps, this.model.path, this.#given?.name === name ? this.#given : this.model.own);
  }

  take({ solver, seed, guidance, classLabel, count }: Partial<Settings>): void {
    if (solver) {
      this.#given = solver;
      this.solver = solver.name;
      const { steps } = solver as { steps?: number };
      if (steps !== undefined) this.steps = steps;
    }
    if (seed !== undefined) this.seed = seed;
    if (guidance !== undefined) this.guidance = guidance;
    this.classLabel = classLabel ?? -1;
    this.oneClass = classLabel ?? this.model.classes;
    if (count !== undefined) this.count = Math.min(count, LARGEST_COUNT);
  }

  nextSeed(): void {
    this.seed = this.seed >= Number.MAX_SAFE_INTEGER ? 0 : this.seed + 1;
  }

  /** Undefined while the solver does not work on the path. `one`: all pictures have one class. */
  settings(one = false): Settings | undefined {
    const { config } = this.chosen;
    if (!config) return undefined;
    const { model, seed, count } = this;
    const label = one ? this.oneClass : this.classLabel;
    const [classLabel, guidance] =
      model.classes === 0 ? [undefined, 1] : [label < 0 ? undefined : label, this.guidance];
    return { solver: config, seed, guidance, classLabel, count };
  }
}
