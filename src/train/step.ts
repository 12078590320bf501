/**
 * One update of the weights, on a runtime: as one graph, or, with accumulation, as gradients of several runs that are
 * summed here and then given to the update. Knows no data set and no schedule: all numbers of the step are fed.
 */
import { sizeOf } from "../core/shape.ts";
import type { CompileOptions, Feeds, Results, Runtime, Session } from "../runtime/session.ts";
import {
  coefficientNames,
  fusedProgram,
  gradientsProgram,
  type ProgramOptions,
  scalarNames,
  updateProgram,
} from "./programs.ts";
import { type SlabName, type StateSlabs, slabNames } from "./state.ts";

export type Coefficients = Readonly<Record<(typeof coefficientNames)[number], Float32Array>>;

/** What one update is fed; N = batch · accumulate. */
export interface StepInputs {
  /** [N, C, H, W] */
  images: Float32Array;
  /** [N, C, H, W] */
  noise: Float32Array;
  /** Each [N]. */
  coefficients: Coefficients;
  /** [N], for class-conditional networks. */
  classLabels?: Int32Array;
  /** Two words for each of the `accumulate` runs. */
  dropoutSeeds: Int32Array;
  scalars: Readonly<Record<(typeof scalarNames)[number], number>>;
}

export interface StepOutputs {
  /** Mean of the weighted losses. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
  /** Squared error of each example before weighting, [N]. */
  errors: Float32Array;
  next: StateSlabs;
}

export interface StepRunner extends AsyncDisposable {
  run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs>;
}

/** Compiles the update: one session without accumulation, two with it. */
export async function compileStep(
  program: ProgramOptions,
  accumulate: number,
  runtime: Runtime,
  options: CompileOptions = {},
): Promise<StepRunner> {
  if (accumulate === 1) return new FusedStep(program, await runtime.compile(fusedProgram(program), options));
  const gradients = await runtime.compile(gradientsProgram(program), options);
  try {
    return new SplitStep(program, accumulate, gradients, await runtime.compile(updateProgram(program), options));
  } catch (error) {
    await gradients.release();
    throw error;
  }
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
    const [loss] = results.loss;
    return { loss, errors: results.errors as Float32Array, ...nextState(results, this.#program) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

/** Gradients of `accumulate` runs, their mean in float32, and the update. */
export class SplitStep implements StepRunner {
  readonly #program: ProgramOptions;
  readonly #accumulate: number;
  readonly #gradients: Session;
  readonly #update: Session;

  constructor(program: ProgramOptions, accumulate: number, gradients: Session, update: Session) {
    this.#program = program;
    this.#accumulate = accumulate;
    this.#gradients = gradients;
    this.#update = update;
  }

  async run(slabs: StateSlabs, inputs: StepInputs): Promise<StepOutputs> {
    const { batch, layout } = this.#program;
    const errors = new Float32Array(batch * this.#accumulate);
    let loss = 0;
    let sums: Float32Array[] = [];
    for (let part = 0; part < this.#accumulate; part++) {
      const results = await this.#gradients.run({
        ...slabFeeds(slabs, ["parameters"]),
        ...exampleFeeds(this.#program, this.#gradients, inputs, part),
      });
      loss += results.loss[0] / this.#accumulate;
      errors.set(results.errors, part * batch);
      const gradients = layout.lengths.map((_, slab) => results[`gradient.${slab}`] as Float32Array);
      if (part === 0) sums = gradients;
      else sums.forEach((sum, slab) => void addTo(sum, gradients[slab]));
    }
    if (this.#accumulate > 1) for (const sum of sums) scale(sum, 1 / this.#accumulate);
    const results = await this.#update.run({
      ...slabFeeds(slabs, slabNames),
      ...Object.fromEntries(sums.map((sum, slab) => [`gradient.${slab}`, sum])),
      ...scalarFeed(inputs),
    });
    return { loss, errors, ...nextState(results, this.#program) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gradients.release();
    await this.#update.release();
  }
}

function addTo(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += more[i];
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}

function slabFeeds(slabs: StateSlabs, names: readonly SlabName[]): Record<string, Float32Array> {
  return Object.fromEntries(names.flatMap((name) => slabs[name].map((slab, i) => [`${name}.${i}`, slab] as const)));
}

function scalarFeed({ scalars }: StepInputs): Feeds {
  return { scalars: Float32Array.from(scalarNames, (name) => scalars[name]) };
}

/** The feeds of run `part` of an update. The seed of dropout is an input only where the network has dropout. */
function exampleFeeds({ batch, network }: ProgramOptions, session: Session, inputs: StepInputs, part: number): Feeds {
  const size = batch * sizeOf(network.imageShape);
  const cut = (values: Float32Array, each: number) => values.subarray(part * each, (part + 1) * each);
  const feeds: Record<string, Feeds[string]> = {
    images: cut(inputs.images, size),
    noise: cut(inputs.noise, size),
  };
  for (const name of coefficientNames) feeds[name] = cut(inputs.coefficients[name], batch);
  if (inputs.classLabels) feeds.classLabels = inputs.classLabels.subarray(part * batch, (part + 1) * batch);
  if (session.inputs.some(({ name }) => name === "dropoutSeed")) {
    feeds.dropoutSeed = inputs.dropoutSeeds.subarray(part * 2, part * 2 + 2);
  }
  return feeds;
}

function nextState(results: Results, { layout }: ProgramOptions): Pick<StepOutputs, "gradientNorm" | "next"> {
  const slabs = (name: SlabName) => layout.lengths.map((_, i) => results[`next.${name}.${i}`] as Float32Array);
  const next = Object.fromEntries(slabNames.map((name) => [name, slabs(name)])) as unknown as StateSlabs;
  return { gradientNorm: results.gradientNorm[0], next };
}
