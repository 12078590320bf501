/**
 * What is learned, and how it goes: the distribution, the choice of path, prediction and weight, and the training that they
 * were last given to. Its network is there while it learns, a few times a second.
 */
import { type Path, type PlaygroundModel, type PointsSource, pathFrom, pointsOf, type ToyName } from "langevin/browser";
import { engine } from "../../lib/engine.svelte.ts";
import { pointsOfStrokes, type Stroke } from "./drawn.ts";
import { playgroundConfig, playgroundPath, type ScheduleName, usualPrediction } from "./paths.ts";
import { type Asked, faultOf, usualWeight, type weightNames } from "./predictions.ts";
import type { PageSettings } from "./settings.ts";

export type PointsName = ToyName | "own";

/** What the network that is there was made for. */
interface Learned {
  readonly name: PointsName;
  readonly source: PointsSource;
  readonly path: Path;
  readonly pathName: ScheduleName;
  readonly prediction: Asked;
}

interface Tick {
  readonly step: number;
  readonly loss: number;
}

/** Real points that are shown. */
const SHOWN = 1000;
/** The seed of the real points that are shown: not those that training sees, which are of seed 0. */
const SHOWN_SEED = 7;

export class Learning {
  points = $state<PointsName>("moons");
  strokes = $state.raw<readonly Stroke[]>([]);
  path = $state<ScheduleName>("straightLine");
  prediction = $state<Asked>("flow");
  weight = $state<(typeof weightNames)[number]>("simple");
  /** Of training. */
  seconds = $state(6);

  /** Points of the distribution that is chosen, [N, 2]. */
  real = $state.raw<Float32Array>(new Float32Array());
  running = $state(false);
  error = $state.raw<unknown>();
  /** Asks the training under way to end. */
  #stop: (() => void) | undefined;
  model = $state.raw<PlaygroundModel | undefined>();
  learned = $state.raw<Learned | undefined>();
  ticks = $state.raw<readonly Tick[]>([]);
  step = $state(0);
  steps = $state(0);
  spent = $state(0);
  imagesPerSecond = $state(0);

  constructor(settings: Partial<PageSettings>) {
    if (settings.points !== undefined) this.points = settings.points;
    this.choosePath(settings.path ?? this.path);
    if (settings.prediction !== undefined) this.choosePrediction(settings.prediction);
    if (settings.weight !== undefined) this.weight = settings.weight;
  }

  readonly source: PointsSource | undefined = $derived.by(() => {
    if (this.points !== "own") return { toy: this.points };
    return this.strokes.length === 0 ? undefined : { drawn: pointsOfStrokes(this.strokes) };
  });

  /** Why this choice cannot be trained; undefined where it can. */
  readonly fault: string | undefined = $derived(faultOf(playgroundConfig(this.path), this.prediction, this.weight));

  /** Whether the network that is there was made for another choice than the one that is shown. */
  readonly outdated: boolean = $derived.by(() => {
    const { learned } = this;
    if (learned === undefined || this.running) return false;
    return (
      learned.pathName !== this.path ||
      learned.prediction !== this.prediction ||
      learned.name !== this.points ||
      (learned.name === "own" && learned.source !== this.source)
    );
  });

  /** The path of the network, or of the choice where there is none yet. */
  readonly drawnPath: Path = $derived(this.learned?.path ?? playgroundPath(this.path));

  choosePath(path: ScheduleName): void {
    this.path = path;
    this.choosePrediction(usualPrediction(path) as Asked);
  }

  choosePrediction(prediction: Asked): void {
    this.prediction = prediction;
    this.weight = usualWeight(prediction);
  }

  predictionFault(prediction: Asked): string | undefined {
    return faultOf(playgroundConfig(this.path), prediction, usualWeight(prediction));
  }

  async showReal(): Promise<void> {
    const { source } = this;
    const real = source === undefined ? new Float32Array() : await pointsOf(source, SHOWN, SHOWN_SEED);
    if (source === this.source) this.real = real;
  }

  /** Trains anew, to the end or until it is stopped. What was learned before stays until the first network has come. */
  async train(): Promise<void> {
    const { source } = this;
    if (source === undefined || this.fault !== undefined) return;
    const path = playgroundConfig(this.path);
    const learned: Learned = {
      name: this.points,
      source,
      path: pathFrom(path),
      pathName: this.path,
      prediction: this.prediction,
    };
    this.ticks = [];
    this.step = 0;
    this.steps = 0;
    this.spent = 0;
    const { prediction, weight } = this;
    const request = { source, path, prediction, weight, length: { seconds: this.seconds }, seed: 0 };
    this.running = true;
    this.error = undefined;
    let stopped = false;
    this.#stop = () => {
      stopped = true;
    };
    try {
      const opened = await engine.open();
      if (stopped) return;
      const job = opened.start("playgroundTrain", request);
      this.#stop = () => job.stop();
      for await (const event of job) {
        if (event.type === "model") this.#take(event.model, learned);
        else {
          this.ticks = [...this.ticks, { step: event.step, loss: event.loss }];
          this.step = event.step;
          this.steps = event.steps;
          this.spent = event.seconds;
          this.imagesPerSecond = event.imagesPerSecond;
        }
      }
      const result = await job.result;
      this.step = result.step;
      this.running = false; // before the network, which is then drawn from as a finished one
      this.#take(result.model, learned);
    } catch (error) {
      this.error = error;
      return;
    } finally {
      this.running = false;
      this.#stop = undefined;
    }
  }

  /** Ends after the step under way; what was learned so far is kept. */
  stop(): void {
    this.#stop?.();
  }

  #take(model: PlaygroundModel, learned: Learned): void {
    // Its path first: whoever draws from the model asks for it.
    this.learned = learned;
    this.model = model;
  }
}
