/** How points are drawn from the network that is there: a solver with its steps, and the way of the points that comes of it. */
import type { Path, PlaygroundDrawResult, SolverConfig, SolverName } from "langevin/browser";
import { type Choice, chooseSolver, solverNames } from "../sample/solver-choice.ts";
import { Latest } from "./latest.svelte.ts";
import type { Learning } from "./learning.svelte.ts";
import { inPlane, levelsOf } from "./plane.ts";

/** Points drawn, and while it learns. */
const POINTS = 1000;
const POINTS_LIVE = 500;
/** While it learns no solver takes more steps than this. */
const STEPS_LIVE = 20;
/** Steps of the slider. */
export const MOST_STEPS = 200;

/**
 * A solver on a path. Points reach beyond [-1, 1], so limits that are made for pictures are off where the solver has them.
 */
export function solverFor(name: SolverName, steps: number, path: Path): Choice {
  const free = chooseSolver(name, steps, path, { name, clip: false } as SolverConfig);
  return free.config ? free : chooseSolver(name, steps, path);
}

/** The solvers that stand on a path, in the order of the list. */
export function solversOn(path: Path, steps: number): SolverName[] {
  return solverNames.filter((name) => solverFor(name, steps, path).config !== undefined);
}

/** A way of points with what is needed to show it. */
export interface Shown {
  readonly way: PlaygroundDrawResult;
  /** [frames, count, 2]: places in the plane. */
  readonly places: Float32Array;
  readonly levels: readonly { readonly alpha: number; readonly sigma: number }[];
}

export class Drawing {
  solver = $state<SolverName>("ddim");
  steps = $state(50);
  readonly latest = new Latest("playgroundDraw");
  readonly #learning: Learning;
  /** The seed is that of the page, for all drawings. */
  readonly #seed: () => number;

  constructor(learning: Learning, seed: () => number, start: { solver?: SolverName; steps?: number }) {
    this.#learning = learning;
    this.#seed = seed;
    if (start.solver !== undefined) this.solver = start.solver;
    if (start.steps !== undefined) this.steps = start.steps;
  }

  readonly mostSteps: number = $derived.by(() =>
    Math.min(MOST_STEPS, this.#learning.drawnPath.timesteps ?? MOST_STEPS),
  );
  readonly choice: Choice = $derived.by(() => solverFor(this.solver, this.steps, this.#learning.drawnPath));

  readonly shown: Shown | undefined = $derived.by(() => {
    const way = this.latest.result;
    if (way === undefined || this.#made === undefined) return undefined;
    const levels = levelsOf(way, this.#made);
    return { way, levels, places: inPlane(way, levels) };
  });
  /** The path on which the way was drawn. */
  #made = $state.raw<Path | undefined>();

  /** Draws with what is chosen now. A solver that does not work on the path gives place to one that does. */
  draw(): void {
    const { model, learned, running } = this.#learning;
    if (model === undefined || learned === undefined) return;
    if (this.choice.config === undefined) {
      const other = solversOn(learned.path, this.steps)[0];
      if (other === undefined) return;
      this.solver = other;
    }
    const live = running;
    const steps = live ? Math.min(STEPS_LIVE, this.steps) : this.steps;
    const { config } = solverFor(this.solver, steps, learned.path);
    if (config === undefined) return;
    if (this.#made !== learned.path) {
      this.latest.clear();
      this.#made = learned.path;
    }
    this.latest.ask({
      model,
      solver: config,
      seed: this.#seed(),
      count: live ? POINTS_LIVE : POINTS,
      ...(live ? {} : { judgedBy: learned.source }),
    });
  }

  stop(): void {
    this.latest.stop();
  }
}
