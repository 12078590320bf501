/**
 * A residual multilayer perceptron for small data, such as points of the plane: an image [C, H, W] is one flat vector.
 *
 *   c = L2 silu(L1 sinusoid(t)) + table[class]
 *   h = L_in [x, sin(2^k x), cos(2^k x), k < octaves];    h ← h + B2 silu(B1 silu(h) + B_t silu(c)) for each block;    out = L_out silu(h)
 *
 * The sines and cosines of the input (Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions", 2020)
 * let so small a network learn edges; without them it would blur. The rest is the U-Net's residual block (Ho et al. 2020, Appendix B) without space and without normalisation: a norm would take
 * away the length of x, which at high noise is most of what x tells. B2 and L_out begin at zero, as the ends of the
 * branches there, so a fresh network predicts 0. The test agrees with PyTorch (`test/parity/make_mlp.py`) to 1e-5.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { add, concat, cos, mul, reshape, silu, sin } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sinusoid, TimestepEmbedding } from "../nn/embeddings.ts";
import { zeros } from "../nn/initialise.ts";
import { Embedding, Linear } from "../nn/layers.ts";
import { Module } from "../nn/module.ts";
import { ImageNetwork, type NetworkInputs } from "./network.ts";

const extent = z.int().positive();

export const mlpConfigSchema = z.strictObject({
  /** What tells the `config.json` of an MLP from that of a U-Net. */
  _class_name: z.literal("MLP").default("MLP"),
  /** [C, H, W] of one image; of a point of the plane by default. */
  imageShape: z.tuple([extent, extent, extent]).default([2, 1, 1]),
  width: extent.default(64),
  /** Residual blocks. */
  blocks: extent.default(3),
  /** Octaves of sines and cosines of the input, from one radian per unit. */
  octaves: z.int().min(0).max(16).default(5),
  /** Sines and cosines of the time embedding, together. */
  timeChannels: z.int().min(2).default(64),
  /**
   * The largest frequency of the time embedding, radians per unit of what the path feeds: 1 for times that go to 1000;
   * about 30 for the logarithm of a noise level.
   */
  timeScale: z.number().positive().default(1),
  /** The ratio of the largest frequency to the smallest. */
  maxPeriod: z.number().gt(1).default(10_000),
  /** Rows of the class table; make it one more than the classes to have a null class for guidance. */
  classes: extent.nullable().default(null),
  /** Twice as many output channels as the image has, for learned variances. */
  learnedVariance: z.boolean().default(false),
});

/** A configuration with all defaults filled in. */
export type MlpConfig = z.output<typeof mlpConfigSchema>;

/** A configuration as a user writes it. */
export type MlpOptions = Omit<z.input<typeof mlpConfigSchema>, "_class_name">;

class MlpBlock extends Module<[Tensor, Tensor], Tensor> {
  readonly linear_1: Linear;
  readonly time_proj: Linear;
  readonly linear_2: Linear;

  constructor(width: number) {
    super();
    this.linear_1 = new Linear(width, width);
    this.time_proj = new Linear(width, width);
    this.linear_2 = new Linear(width, width, { initialise: zeros });
  }

  protected override forward(hidden: Tensor, embedding: Tensor): Tensor {
    const inner = add(this.linear_1.call(silu(hidden)), this.time_proj.call(embedding));
    return add(hidden, this.linear_2.call(silu(inner)));
  }
}

export class Mlp extends ImageNetwork {
  readonly linear_in: Linear;
  readonly time_embedding: TimestepEmbedding;
  readonly class_embedding?: Embedding;
  readonly blocks: readonly MlpBlock[];
  readonly linear_out: Linear;
  readonly #config: MlpConfig;

  /** Raises a ConfigError for unknown fields and wrong types. */
  constructor(options: MlpOptions = {}) {
    super();
    const config = parseConfig(mlpConfigSchema, options, "MLP configuration");
    this.#config = config;
    const { width, imageShape, octaves, timeChannels, classes } = config;
    this.linear_in = new Linear(sizeOf(imageShape) * (1 + 2 * octaves), width);
    this.time_embedding = new TimestepEmbedding(timeChannels, width);
    if (classes !== null) this.class_embedding = new Embedding(classes, width);
    this.blocks = Array.from({ length: config.blocks }, () => new MlpBlock(width));
    const outputs = sizeOf(imageShape) * (config.learnedVariance ? 2 : 1);
    this.linear_out = new Linear(width, outputs, { initialise: zeros });
  }

  get config(): MlpConfig {
    return this.#config;
  }

  override get imageShape(): Shape {
    return this.#config.imageShape;
  }

  override get outputChannels(): number {
    const { imageShape, learnedVariance } = this.#config;
    return imageShape[0] * (learnedVariance ? 2 : 1);
  }

  override get classes(): number | undefined {
    return this.#config.classes ?? undefined;
  }

  protected override forward({ sample, time, classLabels }: NetworkInputs): Tensor {
    const { imageShape, timeChannels, timeScale: scale, maxPeriod } = this.#config;
    const [batch, ...image] = sample.shape;
    if (formatShape(image) !== formatShape(imageShape)) {
      throw new ConfigError(
        `the MLP expects images ${formatShape(imageShape)}, not ${formatShape(image)}: it has no spatial axes, so its ` +
          "size is fixed by imageShape",
      );
    }
    if ((classLabels !== undefined) !== (this.class_embedding !== undefined)) {
      throw new ConfigError(
        this.class_embedding
          ? "this MLP is class-conditional: class labels must be given"
          : "this MLP has no class embedding: class labels cannot be given",
      );
    }
    const encoded = sinusoid(time, timeChannels, { flipSinToCos: false, freqShift: 1, scale, maxPeriod });
    const timed = this.time_embedding.call(encoded);
    const embedding = silu(classLabels ? add(timed, this.class_embedding!.call(classLabels)) : timed); // [N, width]
    const x = reshape(sample, [batch, sizeOf(imageShape)]);
    let hidden = this.linear_in.call(this.#features(x));
    for (const block of this.blocks) hidden = block.call(hidden, embedding);
    const out = this.linear_out.call(silu(hidden)); // [N, outputs]
    return reshape(out, [batch, this.outputChannels, ...imageShape.slice(1)]);
  }

  /** [N, C·H·W] → [N, C·H·W · (1 + 2 · octaves)] */
  #features(x: Tensor): Tensor {
    const octaves = Array.from({ length: this.#config.octaves }, (_, k) => mul(x, 2 ** k));
    return concat([x, ...octaves.flatMap((angle) => [sin(angle), cos(angle)])], 1);
  }
}
