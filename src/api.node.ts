/**
 * The friendly face of the library, on Node:
 *
 *   const model = new UNet({ size: 32, channels: 3, width: 64, multipliers: [1, 2, 2], attentionAt: [16] });
 *   const run = train({ model, path: vp(cosine()), predict: "v", data: imageFolder("flowers/"), steps: 20_000, seed: 0 });
 *   for await (const tick of run) console.log(tick.step, tick.loss);
 *   const { images } = await sample(run, { count: 16, solver: ddim({ steps: 50 }), seed: 1 });
 *
 * It only fills in defaults: the work is done by `train/` and `pipelines/`, which take everything by name.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./core/errors.ts";
import type { Shape } from "./core/shape.ts";
import type { Dataset } from "./data/dataset.ts";
import { type ImageFolderOptions, imageFolder as openImageFolder } from "./data/image-folder.node.ts";
import type { LossConfig } from "./diffusion/loss-config.ts";
import { type NamedObjective, objective, objectiveFrom } from "./diffusion/objective.ts";
import type { Path } from "./diffusion/path-contract.ts";
import type { PredictionName } from "./diffusion/prediction.ts";
import { ddim } from "./diffusion/solvers/ddim.ts";
import type { Solver } from "./diffusion/solvers/solver.ts";
import type { TimeSampler } from "./diffusion/time-sampler.ts";
import type { WeightConfig } from "./diffusion/weights.ts";
import type { ImageNetwork } from "./models/network.ts";
import { UNet as AnyUNet } from "./models/unet.ts";
import { unetInitialisations } from "./models/unet-blocks.ts";
import type { UNetOptions } from "./models/unet-config.ts";
import type { Weights } from "./nn/weights.ts";
import { sample as drawImages, type Sampled, type SampleRequest } from "./pipelines/sample.ts";
import { type UNetShape, unetOptions } from "./recipes/unet-shape.ts";
import { nodeRuntime } from "./runtime/node/session.ts";
import {
  createRun,
  exportOnnx,
  loadModel,
  ONNX_FILE,
  RUN_FILE,
  saveCheckpoint,
  saveModel,
} from "./train/index.node.ts";
import { describeNetwork, type Tick, Training, type TrainOptions } from "./train/index.ts";
import type { Loss } from "./train/losses/loss.ts";
import { version } from "./version.node.ts";

/** The U-Net of DDPM and ADM, by its shape, or by the configuration of diffusers' `UNet2DModel`. */
export class UNet extends AnyUNet {
  /** With a shape, weights begin as in DDPM; with a configuration, as in PyTorch. Raises a ConfigError. */
  constructor(options: UNetShape | UNetOptions) {
    if ("size" in options) super(unetOptions(options), unetInitialisations.ddpm);
    else super(options);
  }
}

/** Data that are open, or that are opened when the shape [C, H, W] of the images is known. */
export type DataSource = Dataset | Promise<Dataset> | ((imageShape: Shape) => Promise<Dataset>);

/** A folder of images, in the size and the channels of the model that is trained on it. See `ImageFolderOptions`. */
export function imageFolder(
  folder: string,
  options: Partial<ImageFolderOptions> = {},
): (imageShape: Shape) => Promise<Dataset> {
  return ([channels, height, width]) => {
    if (height !== width) {
      throw new ConfigError(`folders of images are read as squares, and the model has ${height} × ${width} pixels`);
    }
    if (channels !== 1 && channels !== 3) {
      throw new ConfigError(`images have 1 or 3 channels, and the model has ${channels}`);
    }
    return openImageFolder(folder, { size: height, channels, ...options });
  };
}

type Defaulted = "network" | "objective" | "loss" | "data" | "runtime" | "seed" | "batch" | "learningRate";

export interface TrainRequest
  extends Omit<TrainOptions, Defaulted>,
    Partial<Pick<TrainOptions, "seed" | "batch" | "learningRate">> {
  model: ImageNetwork;
  path: Path;
  predict: PredictionName;
  /** How times are drawn. Default: uniformly. */
  time?: TimeSampler;
  /** Default "simple". */
  weight?: WeightConfig;
  /** What is minimised: a name, a configuration, or a loss of one's own. Default "simple". */
  loss?: LossConfig | Loss;
  /** Standard deviation of a constant that is added to each channel of the noise. Default 0. */
  offsetNoise?: number;
  data: DataSource;
  /** Default "cpu". */
  device?: string;
}

/** Images of a step. */
const BATCH = 16;
const LEARNING_RATE = 2e-4;
const LONGEST_WARMUP = 500;

/**
 * Trains a model: iterate over the run, one step a tick. By default: seed 0, batches of 16, Adam at 2e-4 after a short
 * warm-up, an average of the weights with decay 0.9999.
 */
export function train(request: TrainRequest): Run {
  return new Run(request);
}

/** Made by `train`. Leaving the loop and iterating again goes on with the next step. */
export class Run implements AsyncIterable<Tick> {
  readonly network: ImageNetwork;
  readonly objective: NamedObjective;
  readonly device: string;
  readonly #options: Omit<TrainOptions, "data">;
  readonly #source: DataSource;
  #training?: Training;
  #data?: Dataset;

  constructor(request: TrainRequest) {
    const { model, path, predict, time, weight, loss, offsetNoise, data, device = "cpu", ...training } = request;
    const own = typeof loss === "object" && "graph" in loss ? loss : undefined;
    this.network = model;
    this.objective = objective({
      path,
      prediction: predict,
      time,
      weight,
      loss: own ? undefined : (loss as LossConfig),
      offsetNoise,
    });
    this.device = device;
    this.#source = data;
    const warmup = Math.min(LONGEST_WARMUP, Math.floor(training.steps / 10));
    this.#options = {
      seed: 0,
      batch: BATCH,
      learningRate: { peak: LEARNING_RATE, warmup },
      ...training,
      network: model,
      objective: this.objective,
      loss: own,
      runtime: nodeRuntime(device),
    };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Tick, void, undefined> {
    this.#data ??= await (typeof this.#source === "function" ? this.#source(this.network.imageShape) : this.#source);
    this.#training ??= new Training({ ...this.#options, data: this.#data });
    yield* this.#training;
  }

  /** The trained weights after the last step. */
  get weights(): Weights {
    return this.#started().weights;
  }

  /** The average of the weights, from which one samples. */
  get average(): Weights {
    return this.#started().average;
  }

  /** What the averaged weights are drawn with: the objective's path, or the one that was learned. */
  get trainedObjective(): Training["objective"] {
    return this.#started().objective;
  }

  /** Writes a run folder: the weights, the training state and the ONNX model; the folder is overwritten if it is of this run. */
  async save(folder: string): Promise<void> {
    const training = this.#started();
    const {
      network,
      objective: _,
      runtime: __,
      from: ___,
      initial: ____,
      signal: _____,
      loss: ______,
      teacher: _______,
      group: ________,
      ...settings
    } = this.#options;
    if (!existsSync(join(folder, RUN_FILE))) {
      await createRun(folder, {
        langevin: version,
        seed: settings.seed,
        network: describeNetwork(network),
        objective: { ...this.objective.toJSON() },
        data: { name: this.#data!.name },
        training: settings,
      });
    }
    await training.settle();
    await saveCheckpoint(folder, network, training.state());
    const { weights, average, learnedPath } = training;
    await saveModel(folder, { network, weights, average, learnedPath });
    await exportOnnx(join(folder, ONNX_FILE), { network, weights: this.average });
  }

  #started(): Training {
    if (this.#training) return this.#training;
    throw new ConfigError("this run has not begun: iterate over it first, for await (const tick of run) { … }");
  }
}

/** What `sample` draws from: a run, or the path of a run folder. */
export type Drawable = Run | string;

type Given = "network" | "weights" | "objective" | "runtime";

export interface DrawOptions extends Omit<SampleRequest, Given | "solver" | "seed"> {
  /** Default: 50 steps of DDIM. */
  solver?: Solver;
  /** Default 0. */
  seed?: number;
  /** Default: that of the run, or "cpu". */
  device?: string;
}

/**
 * Draws images with the averaged weights of a run, or of a run folder. By default: seed 0, 50 steps of DDIM. Returns
 * images [count, C, H, W] and their shape.
 */
export async function sample(from: Drawable, options: DrawOptions): Promise<Sampled> {
  const { device, solver = ddim({ steps: 50 }), seed = 0, ...rest } = options;
  const model = typeof from === "string" ? await modelOf(from) : from;
  const runtime = nodeRuntime(device ?? model.device);
  const { network } = model;
  const [weights, objective] =
    "average" in model ? [model.average, model.trainedObjective] : [model.weights, model.objective];
  return await drawImages({ ...rest, solver, seed, network, objective, weights, runtime });
}

async function modelOf(folder: string) {
  const { network, weights, run } = await loadModel(folder);
  if (!run) throw new ConfigError(`${folder} has no run.json, so it does not say what the network was trained for`);
  return { network, weights, objective: objectiveFrom(run.objective), device: "cpu" };
}
