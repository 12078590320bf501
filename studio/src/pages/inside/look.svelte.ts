/**
 * What the page looks into: the model with its parts and places, how its picture is drawn, and what each part of the page has
 * found so far. Made anew for each model.
 */
import type {
  EventOf,
  InsideErrorsEvent,
  InsideModel,
  InsideSwapEvent,
  InsideWatchEvent,
  Place,
  RequestOf,
  SolverConfig,
} from "langevin/browser";
import type { Model } from "../sample/model.ts";
import { chooseSolver } from "../sample/solver-choice.ts";
import type { PageSettings } from "./settings.ts";
import { columnsOf } from "./swaps.ts";
import { Task } from "./task.svelte.ts";

/** Bytes of inner numbers that are kept of one picture. */
const MOST_BYTES = 128e6;
/** Pictures of a row of swaps, at most. */
const MOST_COLUMNS = 9;
export const SWAP_ROWS = 3;

type Draw = Pick<RequestOf<"insideWatch">, "from" | "solver" | "guidance">;

/** One picture drawn, with what was seen at some places at each step. */
export class Watching {
  readonly task = new Task();
  frames = $state.raw<readonly InsideWatchEvent[]>([]);
  index = $state(0);
  readonly frame = $derived(this.frames[Math.min(this.index, this.frames.length - 1)]);
  /** What `frames` are of. */
  #key = "";

  /** Draws unless that was drawn already. What was drawn before stays until the first step has come. */
  async draw(request: RequestOf<"insideWatch">): Promise<void> {
    const key = JSON.stringify(
      request.from instanceof Object && "files" in request.from ? { ...request, from: 0 } : request,
    );
    if (key === this.#key) return;
    this.#key = key;
    let frames: InsideWatchEvent[] = [];
    const atEnd = this.index >= this.frames.length - 1;
    const result = await this.task.run("insideWatch", request, (event: EventOf<"insideWatch">) => {
      frames = [...frames, event];
      this.frames = frames;
      if (atEnd) this.index = frames.length - 1;
      else this.index = Math.min(this.index, event.of - 1);
    });
    if (!result && this.#key === key) this.#key = "";
  }

  retry(request: RequestOf<"insideWatch">): void {
    this.#key = "";
    void this.draw(request);
  }
}

export class Look {
  readonly model: Model;
  readonly inside: InsideModel;
  classLabel = $state(0);
  seed = $state(0);
  guidance = $state(1);
  steps = $state(20);
  readonly attention = new Watching();
  readonly maps = new Watching();

  constructor(model: Model, inside: InsideModel, settings: PageSettings) {
    this.model = model;
    this.inside = inside;
    this.classLabel = Math.min(settings.classLabel ?? 3, Math.max(0, model.classes - 1));
    this.seed = settings.seed ?? 0;
    this.guidance = settings.guidance ?? model.guidance;
    this.steps = Math.min(settings.steps ?? 20, this.mostSteps);
    this.swapTo = Math.min(8, Math.max(0, model.classes - 1));
    this.swapFrom = Math.min(3, Math.max(0, model.classes - 1));
  }

  get mostSteps(): number {
    return Math.min(100, this.model.path.timesteps ?? 100);
  }

  /** The run's own solver with so many steps, or DDIM where that has none. */
  readonly solver: SolverConfig | undefined = $derived.by(() => {
    const { own, path } = this.model;
    return (
      chooseSolver(own?.name ?? "ddim", this.steps, path, own).config ?? chooseSolver("ddim", this.steps, path).config
    );
  });

  get #draw(): Draw {
    const { from, classes } = this.model;
    return { from, solver: this.solver, guidance: classes > 0 ? this.guidance : 1 };
  }

  /** What to ask for to see `places`; only `chosen` where all would be too many numbers. */
  watch(places: readonly Place[], chosen: string): RequestOf<"insideWatch"> {
    const numbers = places.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const ids = 4 * numbers * this.steps <= MOST_BYTES ? places.map(({ id }) => id) : [chosen];
    const classLabel = this.model.classes > 0 ? this.classLabel : undefined;
    return { ...this.#draw, seed: this.seed, classLabel, places: ids };
  }

  // Swaps of the class.

  swapFrom = $state(0);
  swapTo = $state(0);
  readonly swapTask = new Task();
  /** What the rows below are of. */
  swapDrawn = $state.raw<
    { at: readonly number[]; from: number; to: number; seed: number; steps: number } | undefined
  >();
  swapRows = $state.raw<readonly InsideSwapEvent[]>([]);
  /** Levels of the steps, as they came. */
  swapLevels = $state.raw<readonly { alpha: number; sigma: number }[]>([]);

  async drawSwaps(): Promise<void> {
    const at = columnsOf(this.steps, MOST_COLUMNS);
    const [from, to] = [this.swapFrom, this.swapTo];
    const rows = Array.from({ length: SWAP_ROWS }, (_, row) => ({ from, to, seed: this.seed + row }));
    this.swapDrawn = { at, from, to, seed: this.seed, steps: this.steps };
    this.swapRows = [];
    this.swapLevels = [];
    await this.swapTask.run("insideSwap", { ...this.#draw, rows, at }, (event) => {
      this.swapRows = [...this.swapRows.slice(0, event.row), event];
      if (event.row === 0) this.swapLevels = [...this.swapLevels, { alpha: event.alpha, sigma: event.sigma }];
    });
  }

  // Error by noise level.

  readonly errorTask = new Task();
  errors = $state.raw<readonly InsideErrorsEvent[]>([]);
  errorData = $state<{ data: string; count: number; seconds: number } | undefined>();
  errorCount = $state(32);

  async measureErrors(): Promise<void> {
    this.errors = [];
    this.errorData = undefined;
    const request = { from: this.model.from, count: this.errorCount, seed: 0 };
    const result = await this.errorTask.run("insideErrors", request, (event) => {
      this.errors = [...this.errors, event];
    });
    this.errorData = result;
  }

  // Time of each part.

  readonly timeTask = new Task();
  times = $state.raw<ReadonlyMap<string, { ms: number; least: number; most: number }>>(new Map());
  timed = $state({ done: 0, of: 0 });
  timeDevice = $state<string | undefined>();
  batch = $state(1);
  /** The tree for `batch`. */
  costs = $state.raw<InsideModel | undefined>();

  /** Measures parts that are not yet measured; `anew` forgets what was. */
  async measureTimes(paths: readonly string[], anew = false): Promise<void> {
    if (anew) this.times = new Map();
    const time = paths.filter((path) => !this.times.has(path));
    this.timed = { done: 0, of: time.length };
    const result = await this.timeTask.run(
      "insideGraph",
      { from: this.model.from, batch: this.batch, time },
      (event) => {
        if (event.type === "graph") this.costs = event.model;
        else {
          this.times = new Map([...this.times, [event.path, event]]);
          this.timed = { ...this.timed, done: this.timed.done + 1 };
        }
      },
    );
    if (result) this.timeDevice = result.device;
  }

  /** Stops what is under way, but for one part of the page. */
  stopOthers(keep?: Task): void {
    const tasks = [this.attention.task, this.maps.task, this.swapTask, this.errorTask, this.timeTask];
    for (const task of tasks) if (task !== keep) task.stop();
  }
}
