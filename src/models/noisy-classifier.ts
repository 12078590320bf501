/**
 * A classifier of noised images, for classifier guidance: the way down of the U-Net, told how noisy the image is,
 *
 *   conv_in, then levels of residual blocks (each half the size of the one before), attention on the last one,
 *   mean over space of silu(norm(h)), and a linear layer to the class logits
 *
 * Source: Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis" (2021), §4.1: half a U-Net, with a pooling
 * layer over its lowest resolution (here their "adaptive" one, the mean; for small images it does as well as attention).
 *
 * `CompiledNoisyClassifier` gives its logits and the gradient of log p(y | x) in x, by the reverse walk over the graph. The
 * test holds the gradient to finite differences in float64.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { gradients } from "../grad/gradients.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input, mean, mul, silu, transpose } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { crossEntropy } from "../nn/cross-entropy.ts";
import { sinusoid, TimestepEmbedding } from "../nn/embeddings.ts";
import { Conv2d, GroupNorm, Linear } from "../nn/layers.ts";
import { Module, traceWith } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";
import type { CompileOptions, Runtime, Session } from "../runtime/session.ts";
import { type BlockOptions, DownBlock } from "./unet-blocks.ts";

const extent = z.int().positive();

export const noisyClassifierConfigSchema = z.strictObject({
  _class_name: z.literal("NoisyClassifier").default("NoisyClassifier"),
  /** [C, H, W] of one image. */
  imageShape: z.tuple([extent, extent, extent]).default([1, 28, 28]),
  classes: z.int().min(2).default(10),
  /** Channels of each level. */
  channels: z.array(extent).min(1).default([32, 64, 64]),
  /** Residual blocks of a level. */
  layers: extent.default(1),
  /** Groups of the normalisations; they divide all channels. */
  groups: extent.default(8),
  /** Self-attention, with heads of 32 channels, on the last level. */
  attention: z.boolean().default(true),
  /** Sines and cosines of the time embedding, together. */
  timeChannels: z.int().min(2).default(64),
  /** The largest frequency of the time embedding, radians per unit of what the path feeds: 1 for times up to 1000. */
  timeScale: z.number().positive().default(1),
  /** How the weights were made, if it was said. */
  training: z.record(z.string(), z.unknown()).optional(),
});

export type NoisyClassifierConfig = z.output<typeof noisyClassifierConfigSchema>;
export type NoisyClassifierOptions = Omit<z.input<typeof noisyClassifierConfigSchema>, "_class_name">;

/** Images [N, C, H, W] and times [N] → logits [N, classes]. */
export class NoisyClassifier extends Module<[Tensor, Tensor], Tensor> {
  readonly conv_in: Conv2d;
  readonly time_embedding: TimestepEmbedding;
  readonly down_blocks: readonly DownBlock[];
  readonly norm: GroupNorm;
  readonly head: Linear;
  readonly #config: NoisyClassifierConfig;

  /** Raises a ConfigError for unknown fields and wrong types. */
  constructor(options: NoisyClassifierOptions = {}) {
    super();
    const config = parseConfig(noisyClassifierConfigSchema, options, "noisy classifier configuration");
    this.#config = config;
    const { channels, layers, groups, attention, timeChannels, classes, imageShape } = config;
    const width = 4 * channels[0];
    const blocks: BlockOptions = {
      timeChannels: width,
      attention_head_dim: 32,
      downsample_padding: 1,
      dropout: 0,
      norm_eps: 1e-5,
      norm_num_groups: groups,
      resnet_time_scale_shift: "scale_shift",
      initialisation: {},
    };
    const last = channels.length - 1;
    if (attention && channels[last] % 32 !== 0) {
      throw new ConfigError(
        `noisy classifier: attention has heads of 32 channels, which do not divide the ${channels[last]} of the last level; ` +
          "take a multiple of 32, or attention false",
      );
    }
    this.conv_in = new Conv2d(imageShape[0], channels[0], 3, { padding: 1 });
    this.time_embedding = new TimestepEmbedding(timeChannels, width);
    this.down_blocks = channels.map(
      (outputs, i) =>
        new DownBlock(channels[Math.max(0, i - 1)], outputs, layers, attention && i === last, i === last, blocks),
    );
    this.norm = new GroupNorm(groups, channels[last]);
    this.head = new Linear(channels[last], classes);
  }

  get config(): NoisyClassifierConfig {
    return this.#config;
  }

  protected override forward(sample: Tensor, time: Tensor): Tensor {
    const { imageShape, timeChannels, timeScale: scale } = this.#config;
    if (sample.rank !== 4 || formatShape(sample.shape.slice(1)) !== formatShape(imageShape)) {
      throw new ShapeError(
        `the noisy classifier takes images [N, ${imageShape.join(", ")}], not ${formatShape(sample.shape)}`,
      );
    }
    const encoded = sinusoid(time, timeChannels, { flipSinToCos: true, freqShift: 0, scale });
    const embedding = silu(this.time_embedding.call(encoded)); // [N, width]
    let hidden = this.conv_in.call(transpose(sample, [0, 2, 3, 1])); // [N, H, W, channels[0]]
    for (const block of this.down_blocks) hidden = block.call(hidden, embedding).out;
    const pooled = mean(silu(this.norm.call(hidden)), { axes: [1, 2] }); // [N, channels[last]]
    return this.head.call(pooled);
  }
}

/** The graph of the logits: `sample` [N, C, H, W], `timestep` [N] → `logits` [N, classes]. */
export function noisyLogitsGraph(classifier: NoisyClassifier, weights: Weights, batch: number): Graph {
  const sample = input("sample", [batch, ...classifier.config.imageShape]);
  const time = input("timestep", [batch]);
  return graphOf({
    logits: traceWith({ parameters: weights.constants() }, () => classifier.call(sample, time)),
  });
}

/**
 * The graph of the gradient: `sample`, `timestep`, `class_labels` int32 [N] → `gradient` of the sum of log p(y_n | x_n) in
 * the sample, [N, C, H, W]: each image's own, since images do not meet; and that sum, `log_probability`, a scalar.
 */
export function noisyGradientGraph(classifier: NoisyClassifier, weights: Weights, batch: number): Graph {
  const sample = input("sample", [batch, ...classifier.config.imageShape]);
  const time = input("timestep", [batch]);
  const labels = input("class_labels", [batch], "int32");
  const logits = traceWith({ parameters: weights.constants() }, () => classifier.call(sample, time));
  const total = mul(crossEntropy(logits, labels), -batch);
  const [gradient] = gradients(total, [sample]);
  return graphOf({ gradient, log_probability: total });
}

/** A noisy classifier with its weights, compiled once for each batch size that occurs. */
export class CompiledNoisyClassifier implements AsyncDisposable {
  readonly classifier: NoisyClassifier;
  readonly #weights: Weights;
  readonly #runtime: Runtime;
  readonly #options: CompileOptions;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(classifier: NoisyClassifier, weights: Weights, runtime: Runtime, options: CompileOptions = {}) {
    this.classifier = classifier;
    this.#weights = weights;
    this.#runtime = runtime;
    this.#options = options;
  }

  /** Logits [N, classes], flat, of images [N, C, H, W], flat, all at one time of the network. */
  async logits(x: Float32Array, time: number): Promise<Float32Array> {
    const batch = this.#batchOf(x);
    const session = await this.#session("logits", batch);
    const timestep = new Float32Array(batch).fill(time);
    return (await session.run({ sample: x, timestep })).logits as Float32Array;
  }

  /**
   * The gradient of log p(y | x) in x, in the shape of x. `labels`: [N], each a class of the classifier; others are a
   * ConfigError.
   */
  async gradient(x: Float32Array, time: number, labels: Int32Array): Promise<Float32Array> {
    const batch = this.#batchOf(x);
    const { classes } = this.classifier.config;
    if (labels.length !== batch) {
      throw new ShapeError(`the noisy classifier was given ${labels.length} labels for ${batch} images`);
    }
    const wrong = labels.findIndex((label) => !(label >= 0 && label < classes));
    if (wrong >= 0) {
      throw new ConfigError(
        `label ${wrong} is ${labels[wrong]}; the noisy classifier knows the classes 0 to ${classes - 1}`,
      );
    }
    const session = await this.#session("gradient", batch);
    const timestep = new Float32Array(batch).fill(time);
    return (await session.run({ sample: x, timestep, class_labels: labels })).gradient as Float32Array;
  }

  #batchOf(x: Float32Array): number {
    const { imageShape } = this.classifier.config;
    const batch = x.length / sizeOf(imageShape);
    if (Number.isInteger(batch) && batch > 0) return batch;
    throw new ShapeError(`${x.length} numbers are not whole images of ${formatShape(imageShape)}`);
  }

  #session(kind: "logits" | "gradient", batch: number): Promise<Session> {
    const key = `${kind} ${batch}`;
    let session = this.#sessions.get(key);
    if (!session) {
      const make = kind === "logits" ? noisyLogitsGraph : noisyGradientGraph;
      session = this.#runtime.compile(make(this.classifier, this.#weights, batch), this.#options);
      this.#sessions.set(key, session);
    }
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}
