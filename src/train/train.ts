/**
 * The training loop: an async iterator that does one update of the weights for each tick that is asked for.
 *
 *   for await (const tick of train({ network, objective, data, runtime, steps: 1000, batch: 64, … })) { … }
 *
 * Images come from a stream that is a function of (seed, example), all else from (seed, step): see `draw.ts`. So the same
 * seed gives the same losses to the bit, and a run that is taken up again from a state ends with the same weights, to
 * the bit, as one that was not interrupted (`resume.test.ts`). The step itself is tested against PyTorch
 * (`test/parity/training.test.ts`).
 */
import { parseConfig } from "../core/config.ts";
import { CheckpointError, ConfigError, DataError } from "../core/errors.ts";
import { batches, type StreamedBatch } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { BatchDenoiser } from "../diffusion/distillation/batch-denoiser.ts";
import type { Objective } from "../diffusion/objective.ts";
import type { Path } from "../diffusion/path-contract.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Weights } from "../nn/weights.ts";
import { adamScalars } from "../optim/adam.ts";
import { emaDecay, learningRate } from "../optim/schedules.ts";
import type { Runtime } from "../runtime/session.ts";
import { checkFinite, checkFit } from "./checks.ts";
import { drawStep, dropLabels, type StepDraw } from "./draw.ts";
import { alone, type Group } from "./group.ts";
import type { Loss } from "./losses/loss.ts";
import { lossOf } from "./losses/registry.ts";
import { emptyBuckets, intoBuckets, type NoiseBucket } from "./noise-buckets.ts";
import { isPlanned, Pace, planSteps } from "./pace.ts";
import { checkAgreement, gatherFigures, partOf, SHARED_EVERY, shareState } from "./ranks.ts";
import { type TrainingOptions, type TrainingSettings, trainingSchema } from "./settings.ts";
import { checkSameLayout, initialState, type TrainingState, trainedLayout, weightsOf } from "./state.ts";
import { compileStep, replicasFor, type StepRunner } from "./step.ts";

export interface TrainOptions extends TrainingOptions {
  network: ImageNetwork;
  objective: Objective;
  /** What is minimised; by default the loss that the objective names. */
  loss?: Loss;
  /** Who teaches, for a loss that distils a trained network; see `Teacher`. It is asked, not changed, and not closed. */
  teacher?: BatchDenoiser;
  data: Dataset;
  runtime: Runtime;
  /** The state to go on from; a new run when absent. */
  from?: TrainingState;
  /** The weights of a new run; fresh ones by the seed when absent. */
  initial?: Weights;
  /** When it is aborted, on any rank, the step under way is finished and the loop ends as if it were the last. */
  signal?: AbortSignal;
  /**
   * The ranks that train together, each with `batch` images of every step. All begin with the state of rank 0, and have the
   * same one after each step. One process when absent.
   */
  group?: Group;
}

/** One update, as seen from outside. */
export interface Tick {
  /** Updates done, this one included. */
  step: number;
  /** Updates of the whole run, as planned. */
  steps: number;
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
  learningRate: number;
  imagesPerSecond: number;
  /** Seconds of training so far, those before an interruption included. */
  seconds: number;
  /** Running means of the squared error in ten parts of the path's times. */
  lossByNoise: readonly NoiseBucket[];
}

/**
 * A training run, to be iterated over. Options are checked at once.
 *
 * Raises a ConfigError for settings out of range, or for a network, objective and data set that do not fit together; a
 * CheckpointError for a state of another architecture or seed. While iterating: a NotFiniteError when the loss is not
 * finite, a ConfigError where ranks were not started alike, a GroupError when a rank is lost, and what the data set raises.
 */
export function train(options: TrainOptions): Training {
  return new Training(options);
}

/** Made by `train`. Iterating again, after leaving the loop early, goes on with the next step. */
export class Training implements AsyncIterable<Tick>, AsyncDisposable {
  readonly #options: Pick<TrainOptions, "network" | "objective" | "data" | "runtime" | "signal"> & {
    loss: Loss;
    group: Group;
  };
  readonly #settings: TrainingSettings;
  /** Its slabs are older than its step while `#ahead` has the newer ones. */
  #state: TrainingState;
  /** The last state whose slabs are here. */
  #whole: TrainingState;
  /** Whoever holds the slabs of the last step, if they are on the device. */
  #ahead?: Required<Pick<StepRunner, "read">>;
  #loop?: AsyncGenerator<Tick, void, undefined>;
  #running = false;
  /** Whether the state is that of all ranks. */
  #joined = false;
  /** Whether a rank was asked to stop, as all know since the last step. */
  #stopping = false;
  /** The random numbers of the step to come. */
  #drawn?: { step: number; draw: StepDraw };

  constructor(options: TrainOptions) {
    const { network, objective, data, runtime, from, initial, signal, group = alone, ...others } = options;
    const { teacher, loss: given, ...rest } = others;
    const loss = given ?? lossOf(objective, teacher);
    this.#options = { network, objective, data, runtime, signal, loss, group };
    this.#settings = parseConfig(trainingSchema, rest, "training");
    checkFit(network, data, loss, this.#settings);
    const { batch, replicas = 1 } = this.#settings;
    if (batch % replicas !== 0) {
      throw new ConfigError(`training: ${replicas} replicas do not divide a batch of ${batch} images`);
    }
    this.#state = from ? this.#resumed(from) : this.#fresh(initial);
    this.#whole = this.#state;
  }

  /**
   * Everything that a later run needs to go on from here. Later steps do not change it. Raises a ConfigError while the
   * state is on the device; see `settle`.
   */
  state(): TrainingState {
    if (!this.#ahead) return this.#state;
    throw new ConfigError(
      `the weights of step ${this.step} are in the memory of ${this.#options.runtime.device}: await training.settle() ` +
        "before you ask for the state or the weights",
    );
  }

  /**
   * Fetches the state from the device, where it stays from step to step on a runtime with a memory of its own (WebGPU in
   * the browser). To be awaited between two steps, before `state`, `weights` and `average`; after the loop it has been done.
   * Where the device was lost, its error is raised, and the state is the last one that was fetched.
   */
  async settle(): Promise<void> {
    if (!this.#ahead) return;
    const { read } = this.#ahead;
    this.#ahead = undefined;
    try {
      this.#state = { ...this.#state, slabs: await read() };
      this.#whole = this.#state;
    } catch (error) {
      this.#state = this.#whole;
      throw error;
    }
  }

  /** Updates done. */
  get step(): number {
    return this.#state.step;
  }

  /** Updates of the whole run, as planned. */
  get steps(): number {
    return this.#state.steps;
  }

  /** The trained weights after the last step. */
  get weights(): Weights {
    return weightsOf(this.state());
  }

  /** The average of the weights, from which one samples. */
  get average(): Weights {
    return weightsOf(this.state(), "average");
  }

  /** What the averaged weights are to be sampled with: the objective's path, or the one that was learned. */
  get objective(): Pick<Objective, "path" | "prediction"> {
    const { objective } = this.#options;
    return { path: this.learnedPath?.(this.average) ?? objective.path, prediction: objective.prediction };
  }

  /** The path that weights of this run stand for, where the loss learns it. */
  get learnedPath(): ((weights: Weights) => Path) | undefined {
    return this.#options.loss.path;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Tick, void, undefined> {
    this.#checkIdle();
    this.#loop = this.#run();
    return this.#loop;
  }

  /** Ends the loop, if it runs, and gives its memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loop?.return();
  }

  #fresh(initial?: Weights): TrainingState {
    const { network, objective, loss } = this.#options;
    const { steps, seed } = this.#settings;
    const history = loss.time?.adaptive?.empty();
    const lossByNoise = emptyBuckets(objective.path);
    return initialState({ network, steps, seed, initial, lossByNoise, history, module: loss.module });
  }

  #resumed(from: TrainingState): TrainingState {
    const { network, objective, loss } = this.#options;
    const { steps, seed, budgetSeconds } = this.#settings;
    const layout = trainedLayout(network, loss.module);
    checkSameLayout(from.layout, layout, "the weights of the state");
    if (from.seed !== seed) {
      throw new CheckpointError(
        `the state is of a run with seed ${from.seed}, not ${seed}; resume with its seed, or start anew from its weights`,
      );
    }
    const empty = emptyBuckets(objective.path);
    const same = from.lossByNoise.length === empty.length && from.lossByNoise.at(-1)?.to === empty.at(-1)?.to;
    const { history: seen, ...state } = from;
    const history = loss.time?.adaptive?.resume(seen);
    const planned = budgetSeconds !== undefined && isPlanned(from.step);
    return {
      ...state,
      ...(history && { history }),
      layout,
      steps: planned ? Math.min(steps, from.steps) : steps,
      lossByNoise: same ? from.lossByNoise : empty,
    };
  }

  async *#run(): AsyncGenerator<Tick, void, undefined> {
    this.#checkIdle();
    const { network, data, runtime, loss, group } = this.#options;
    const { batch, accumulate, optimiser, clip, checkpointing, seed } = this.#settings;
    const { replicas, threads } = this.#parallel;
    this.#stopping = false;
    await this.#join();
    if (this.#ended()) return;
    const count = batch * accumulate;
    const { first, whole } = partOf(group, count);
    const stream = batches(data, { batch: count, stride: whole, seed, from: this.#state.examples + first });
    const pace = new Pace();
    let runner: StepRunner | undefined;
    this.#running = true;
    try {
      const { layout } = this.#state;
      const program = { network, layout, batch: batch / replicas, optimiser, clip, checkpointing, loss };
      // A loss with parameters of its own may read them.
      const plan = { runs: accumulate * replicas, replicas, threads, group, resident: loss.module === undefined };
      runner = await compileStep(program, plan, runtime);
      while (!this.#ended()) {
        const began = performance.now();
        const examples = (await stream.next()).value as StreamedBatch;
        yield await this.#update(runner, examples, began, pace);
      }
    } finally {
      this.#running = false;
      await stream.return();
      try {
        await this.settle();
      } finally {
        await runner?.[Symbol.asyncDispose]();
      }
    }
  }

  /** Takes the state of rank 0, once. */
  async #join(): Promise<void> {
    if (this.#joined) return;
    const { group, data, objective, loss } = this.#options;
    const { threads: _, replicas: __, ...training } = this.#settings;
    const { size, classes } = data;
    const network = this.#state.layout.entries.map(({ name, shape }) => [name, ...shape]);
    await checkAgreement(group, { ...training, network, objective, loss: loss.name, "data set": { size, classes } });
    this.#state = await shareState(group, this.#state);
    this.#joined = true;
  }

  get #parallel(): { replicas: number; threads?: number } {
    const { runtime, group } = this.#options;
    const { batch, threads = group.threads, replicas } = this.#settings;
    return { threads, replicas: replicas ?? replicasFor(batch, threads ?? runtime.threads ?? 1) };
  }

  #checkIdle(): void {
    if (this.#running) throw new ConfigError("this training is being iterated over already; use one loop at a time");
  }

  #ended(): boolean {
    const { group, signal } = this.#options;
    // A rank that is asked to stop cannot leave on its own: all learn of it after the step.
    const stopped = group.size === 1 ? signal?.aborted === true : this.#stopping;
    return this.#state.step >= this.#state.steps || stopped;
  }

  async #update(runner: StepRunner, examples: StreamedBatch, began: number, pace: Pace): Promise<Tick> {
    const { network, objective, loss: minimised, group, signal } = this.#options;
    const { accumulate, batch, budgetSeconds, seed, steps: most, ...settings } = this.#settings;
    const step = this.#state.step + 1;
    const count = batch * accumulate;
    const rate = learningRate(settings.learningRate, step, this.#state.steps);
    const part = partOf(group, count);
    const runs = accumulate * this.#parallel.replicas;
    const { imageShape } = network;
    const { offsetNoise } = objective;
    const numbers = (of: number) => drawStep({ seed, step: of, count, imageShape, runs, offsetNoise, part });
    const draw = this.#drawn?.step === step ? this.#drawn.draw : numbers(step);
    const { images, noise = draw.noise } = examples;
    const classLabels = this.#labels(examples, step);
    const asked = { seed, step, steps: this.#state.steps, count, part, imageShape, images, noise, classLabels };
    const { times: ownTimes, feeds, importance } = await minimised.draw({ ...asked, state: this.#state });
    const decay = minimised.averageDecay?.(step, this.#state.steps) ?? emaDecay(settings.ema, step);
    const scalars = { ...adamScalars(step, rate, settings.optimiser), emaDecay: decay };
    const fed = { images, noise, classLabels, feeds, importance, dropoutSeeds: draw.dropoutSeeds, scalars };
    const running = runner.run(this.#state.slabs, fed);
    // While the replicas work, the numbers of the next step are drawn.
    if (step < this.#state.steps) this.#drawn = { step: step + 1, draw: numbers(step + 1) };
    const { gradientNorm, next = this.#state.slabs, ...seen } = await running;
    const own = {
      ...seen,
      times: ownTimes,
      seconds: (performance.now() - began) / 1000,
      stop: signal?.aborted === true,
    };
    const { loss, errors, losses, times, seconds, stop } = await gatherFigures(group, own);
    checkFinite(loss, gradientNorm, step, rate);

    this.#stopping = stop;
    pace.add(seconds);
    const { secondsPerStep } = pace;
    const reached = { step, steps: this.#state.steps, seconds: this.#state.seconds + seconds };
    const lossByNoise = intoBuckets(this.#state.lossByNoise, times, errors);
    const { history: before } = this.#state;
    const history = before && { history: minimised.time?.adaptive?.observe(before, times, losses) };
    const steps = budgetSeconds === undefined ? most : planSteps(reached, { budgetSeconds, secondsPerStep, most });
    const consumed = this.#state.examples + part.whole;
    this.#state = { ...this.#state, ...reached, steps, examples: consumed, lossByNoise, ...history, slabs: next };
    if (runner.read) this.#ahead = { read: () => runner.read!() };
    else this.#whole = this.#state;
    if (step % SHARED_EVERY === 0) this.#state = await shareState(group, this.#state);
    const imagesPerSecond = part.whole / secondsPerStep;
    return { ...reached, steps, loss, gradientNorm, learningRate: rate, imagesPerSecond, lossByNoise };
  }

  #labels({ labels }: StreamedBatch, step: number): Int32Array | undefined {
    const { network, data, group } = this.#options;
    if (network.classes === undefined) return undefined;
    if (!labels) throw new DataError(`${data.name} has classes, but a batch came without labels`);
    const { seed, labelDrop } = this.#settings;
    const part = partOf(group, labels.length);
    return dropLabels(labels, { seed, step, labelDrop, nullClass: network.classes - 1, part });
  }
}
