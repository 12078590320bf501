/**
 * One update of the weights, on a runtime: as one graph, or as gradients of several runs (accumulation, replicas that
 * share the batch, ranks of a group) that are summed here and then given to the update. Knows no data set and no schedule: all numbers of the step are fed.
 */
import { compileAll } from "../runtime/compile-all.ts";
import type { CompileOptions, DeviceArray, Feeds, Results, Runtime, Session } from "../runtime/session.ts";
import { alone, type Group } from "./group.ts";
import {
  fusedProgram,
  gradientsProgram,
  imageSize,
  type ProgramOptions,
  scalarNames,
  updateProgram,
} from "./programs.ts";
import { type SlabName, type StateSlabs, slabNames } from "./state.ts";

/** What one update is fed; N = batch · runs. */
export interface StepInputs {
  /** [N, C, H, W] */
  images: Float32Array;
  /** [N, C, H, W] */
  noise: Float32Array;
  /** What the loss asks for, by name: each [N, ...], flat. */
  feeds: Readonly<Record<string, Float32Array>>;
  /** [N], where the times adapt to the losses. */
  importance?: Float32Array;
  /** [N], for class-conditional networks. */
  classLabels?: Int32Array;
  /** Two words for each run. */
  dropoutSeeds: Int32Array;
  scalars: Readonly<Record<(typeof scalarNames)[number], number>>;
}

export interface StepOutputs {
  /** Mean of the losses, each by its importance. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
  /** Squared error of each example before weighting, [N]. */
  errors: Float32Array;
  /** The loss of each example before its importance, [N]. */
  losses: Float32Array;
  /** Absent while the state stays on the device: then `read` gives it. */
  next?: StateSlabs;
}

export interface StepRunner extends AsyncDisposable {
  /** One update of `slabs`, or of the state that stayed on the device. */
  run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs>;
  /** The state after the last finite step, of a runner that leaves it on the device. Not while a step is made. */
  read?(): Promise<StateSlabs>;
}

export interface StepPlan {
  /** Runs of the network in one update, each of `program.batch` images. */
  runs: number;
  /** How many of them work at the same time, each in a thread of its own. */
  replicas: number;
  /** Threads of the device, shared by the replicas. */
  threads?: number;
  /** Over which the gradients are averaged. */
  group?: Group;
  /** Whether the state may stay on the device from step to step. */
  resident?: boolean;
}

/** Images below which a part of a batch is not worth a thread: the fixed cost of a run would weigh too much. */
const REPLICA_IMAGES = 16;

/**
 * Into how many parts to cut a batch for `threads` threads: the most that divide it and leave enough images to each.
 */
export function replicasFor(batch: number, threads: number): number {
  let replicas = Math.max(1, Math.min(threads, Math.floor(batch / REPLICA_IMAGES)));
  while (batch % replicas !== 0) replicas--;
  return replicas;
}

/** Compiles the update: one graph for a single run; otherwise one for the gradients, in each replica, and one for the update. */
export async function compileStep(program: ProgramOptions, plan: StepPlan, runtime: Runtime): Promise<StepRunner> {
  const { runs, replicas, threads, group = alone, resident = false } = plan;
  const preparation = "quick"; // all weights are fed
  if (runs === 1 && group.size === 1) {
    const stay = resident ? slabNames.flatMap((name) => program.layout.lengths.map((_, i) => `next.${name}.${i}`)) : [];
    const session = await runtime.compile(fusedProgram(program), { threads, preparation, resident: stay });
    return session.runKeeping ? new ResidentStep(program, session) : new FusedStep(program, session);
  }
  const own: CompileOptions =
    replicas === 1
      ? { threads, preparation }
      : { preparation, ownThread: true, threads: Math.max(1, Math.floor((threads ?? replicas) / replicas)) };
  const graph = gradientsProgram(program);
  const [update, ...gradients] = await compileAll([
    runtime.compile(updateProgram(program), { threads, preparation }),
    ...Array.from({ length: replicas }, () => runtime.compile(graph, own)),
  ]);
  return new SplitStep(program, runs, gradients, update, group);
}

class FusedStep implements StepRunner {
  readonly #program: ProgramOptions;
  readonly #session: Session;

  constructor(program: ProgramOptions, session: Session) {
    this.#program = program;
    this.#session = session;
  }

  async run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs> {
    const results = await this.#session.run({
      ...slabFeeds(slabs, slabNames),
      ...exampleFeeds(this.#program, this.#session, inputs, 0),
      ...scalarFeed(inputs),
    });
    return { ...figuresOf(results), ...nextState(results, this.#program) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

/** As `FusedStep`, with the state in the device's memory from step to step: only examples go there, only figures come back. */
class ResidentStep implements StepRunner {
  readonly #program: ProgramOptions;
  readonly #session: Session;
  /** The state after the last finite step, under the names of the inputs. */
  #kept?: Record<string, DeviceArray>;

  constructor(program: ProgramOptions, session: Session) {
    this.#program = program;
    this.#session = session;
  }

  async run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs> {
    const { results, kept } = await this.#session.runKeeping!({
      ...(this.#kept ?? slabFeeds(slabs, slabNames)),
      ...exampleFeeds(this.#program, this.#session, inputs, 0),
      ...scalarFeed(inputs),
    });
    const figures = figuresOf(results);
    const gradientNorm = results.gradientNorm[0];
    const next = Object.fromEntries(Object.entries(kept).map(([name, array]) => [name.slice("next.".length), array]));
    // A step whose figures are not finite is none: the state before it stays.
    const finite = Number.isFinite(figures.loss) && Number.isFinite(gradientNorm);
    const superseded = finite ? this.#kept : next;
    if (finite) this.#kept = next;
    release(superseded);
    return { ...figures, gradientNorm };
  }

  async read(): Promise<StateSlabs> {
    const kept = this.#kept;
    if (!kept) throw new Error("no step was made");
    const read: Record<SlabName, Float32Array[]> = { parameters: [], first: [], second: [], average: [] };
    for (const name of slabNames) {
      for (const i of this.#program.layout.lengths.keys()) {
        read[name].push((await kept[`${name}.${i}`].read()) as Float32Array);
      }
    }
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    release(this.#kept);
    await this.#session.release();
  }
}

function release(arrays: Readonly<Record<string, DeviceArray>> = {}): void {
  for (const array of Object.values(arrays)) array.release();
}

function figuresOf(results: Results): Pick<StepOutputs, "loss" | "errors" | "losses"> {
  const { errors, losses } = results as Record<"errors" | "losses", Float32Array>;
  return { loss: results.loss[0], errors, losses };
}

/** Gradients of several runs, on one session or several at once; their mean in float32; the update. */
export class SplitStep implements StepRunner {
  readonly #program: ProgramOptions;
  readonly #runs: number;
  readonly #gradients: readonly Session[];
  readonly #update: Session;
  readonly #group: Group;

  constructor(
    program: ProgramOptions,
    runs: number,
    gradients: readonly Session[],
    update: Session,
    group: Group = alone,
  ) {
    this.#program = program;
    this.#runs = runs;
    this.#gradients = gradients;
    this.#update = update;
    this.#group = group;
  }

  async run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs> {
    const { batch, layout } = this.#program;
    const errors = new Float32Array(batch * this.#runs);
    const losses = new Float32Array(batch * this.#runs);
    let loss = 0;
    let sums: Float32Array[] | undefined;
    for (let first = 0; first < this.#runs; first += this.#gradients.length) {
      const sessions = this.#gradients.slice(0, this.#runs - first);
      const round = await Promise.all(sessions.map((session, i) => this.#part(session, slabs, inputs, first + i)));
      // Always summed in the order of the parts, so that the result does not depend on who finishes first.
      for (const [i, results] of round.entries()) {
        loss += results.loss[0] / this.#runs;
        errors.set(results.errors, (first + i) * batch);
        losses.set(results.losses, (first + i) * batch);
        const gradients = layout.lengths.map((_, slab) => results[`gradient.${slab}`] as Float32Array);
        if (sums) sums.forEach((sum, slab) => void addTo(sum, gradients[slab]));
        else sums = gradients;
      }
    }
    for (const sum of sums!) scale(sum, 1 / this.#runs);
    sums = await this.#group.sum(sums!);
    for (const sum of sums) scale(sum, 1 / this.#group.size);
    const results = await this.#update.run({
      ...slabFeeds(slabs, slabNames),
      ...Object.fromEntries(sums.map((sum, slab) => [`gradient.${slab}`, sum])),
      ...scalarFeed(inputs),
    });
    return { loss, errors, losses, ...nextState(results, this.#program) };
  }

  #part(session: Session, slabs: StateSlabs, inputs: StepInputs, part: number): Promise<Results> {
    return session.run({
      ...slabFeeds(slabs, isFed(session, "average.0") ? ["parameters", "average"] : ["parameters"]),
      ...exampleFeeds(this.#program, session, inputs, part),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#gradients, this.#update].map((session) => session.release()));
  }
}

function addTo(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += more[i];
}

function scale(values: Float32Array, factor: number): void {
  if (factor === 1) return;
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}

function slabFeeds(slabs: StateSlabs, names: readonly SlabName[]): Record<string, Float32Array> {
  return Object.fromEntries(names.flatMap((name) => slabs[name].map((slab, i) => [`${name}.${i}`, slab] as const)));
}

function scalarFeed({ scalars }: StepInputs): Feeds {
  return { scalars: Float32Array.from(scalarNames, (name) => scalars[name]) };
}

const isFed = (session: Session, name: string) => session.inputs.some((input) => input.name === name);

/** The feeds of run `part` of an update: of what is there, that which the graph reads. */
function exampleFeeds({ batch, network }: ProgramOptions, session: Session, inputs: StepInputs, part: number): Feeds {
  const size = batch * imageSize(network);
  const cut = <T extends Float32Array | Int32Array>(values: T, each: number) =>
    values.subarray(part * each, (part + 1) * each) as T;
  const feeds: Record<string, Feeds[string]> = {
    images: cut(inputs.images, size),
    noise: cut(inputs.noise, size),
    dropoutSeed: cut(inputs.dropoutSeeds, 2),
  };
  const parts = inputs.images.length / size;
  for (const [name, values] of Object.entries(inputs.feeds)) feeds[name] = cut(values, values.length / parts);
  if (inputs.importance) feeds.importance = cut(inputs.importance, batch);
  if (inputs.classLabels) feeds.classLabels = cut(inputs.classLabels, batch);
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => isFed(session, name)));
}

function nextState(results: Results, { layout }: ProgramOptions): { gradientNorm: number; next: StateSlabs } {
  const slabs = (name: SlabName) => layout.lengths.map((_, i) => results[`next.${name}.${i}`] as Float32Array);
  const next = Object.fromEntries(slabNames.map((name) => [name, slabs(name)])) as unknown as StateSlabs;
  return { gradientNorm: results.gradientNorm[0], next };
}
