/**
 * The elementary layers, with PyTorch's parameter names, shapes and formulas. Images are channels-last inside a graph,
 * [N, H, W, C]; the stored weights keep PyTorch's layout.
 */
import { ConfigError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { type ConvOptions, convGeometry } from "../graph/geometry.ts";
import {
  add,
  cast,
  conv,
  gather,
  groupNorm,
  layerNorm,
  less,
  matmul,
  mul,
  pad,
  randomUniform,
  reshape,
  upsample,
} from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initialiser, normal, ones, torchDefault, uniform, zeros } from "./initialise.ts";
import { dropoutStream, Module, Parameter } from "./module.ts";

export interface LayerOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
  /** How the weight begins; PyTorch's default otherwise. With one given, the bias begins at zero. */
  initialise?: Initialiser;
}

function biasOf(outputs: number, fanIn: number, options: LayerOptions): Parameter | undefined {
  if (options.bias === false) return undefined;
  return new Parameter([outputs], options.initialise ? zeros : uniform(1 / Math.sqrt(fanIn)));
}

/** y = x Wᵀ + b over the last axis; weight [outputs, inputs]. */
export class Linear extends Module<[Tensor], Tensor> {
  readonly weight: Parameter;
  readonly bias?: Parameter;

  constructor(inputs: number, outputs: number, options: LayerOptions = {}) {
    super();
    this.weight = new Parameter([outputs, inputs], options.initialise ?? torchDefault, [1, 0]);
    this.bias = biasOf(outputs, inputs, options);
  }

  protected override forward(x: Tensor): Tensor {
    const product = matmul(x, this.weight.value);
    return this.bias ? add(product, this.bias.value) : product;
  }
}

export interface ConvLayerOptions extends LayerOptions, ConvOptions {
  groups?: number;
}

/**
 * Convolution over [N, ...S, C] with as many spatial axes as the kernel has; weight [outputs, inputs / groups, ...kernel].
 */
export class Conv extends Module<[Tensor], Tensor> {
  readonly weight: Parameter;
  readonly bias?: Parameter;
  readonly #kernel: Shape;
  readonly #options: ConvLayerOptions;

  constructor(inputs: number, outputs: number, kernel: Shape, options: ConvLayerOptions = {}) {
    super();
    const groups = options.groups ?? 1;
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new ConfigError(`${groups} groups do not divide ${inputs} input and ${outputs} output channels`);
    }
    const perGroup = inputs / groups;
    const shape = [outputs, perGroup, ...kernel];
    const order = [...kernel.map((_, axis) => axis + 2), 1, 0]; // kept as [...kernel, C / groups, O]
    this.weight = new Parameter(shape, options.initialise ?? torchDefault, order);
    this.bias = biasOf(outputs, perGroup * sizeOf(kernel), options);
    this.#kernel = kernel;
    this.#options = options;
  }

  protected override forward(x: Tensor): Tensor {
    const { groups = 1 } = this.#options;
    const geometry = convGeometry(x.shape.slice(1, -1), this.#kernel, this.#options);
    const [outputs, perGroup] = this.weight.shape;
    const kernel = reshape(this.weight.value, [sizeOf(this.#kernel), perGroup, outputs]);
    const product = conv(x, kernel, geometry, groups);
    return this.bias ? add(product, this.bias.value) : product;
  }
}

/** Convolution of images [N, H, W, C] with a square kernel. */
export class Conv2d extends Conv {
  constructor(inputs: number, outputs: number, kernel: number, options: ConvLayerOptions = {}) {
    super(inputs, outputs, [kernel, kernel], options);
  }
}

/** Convolution of sequences [N, T, C]. */
export class Conv1d extends Conv {
  constructor(inputs: number, outputs: number, kernel: number, options: ConvLayerOptions = {}) {
    super(inputs, outputs, [kernel], options);
  }
}

/** Normalises over space and the channels of each group (Wu, He 2018). */
export class GroupNorm extends Module<[Tensor], Tensor> {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #groups: number;
  readonly #epsilon: number;

  constructor(groups: number, channels: number, epsilon = 1e-5) {
    super();
    if (channels % groups !== 0) throw new ConfigError(`${groups} groups do not divide ${channels} channels`);
    this.weight = new Parameter([channels], ones);
    this.bias = new Parameter([channels], zeros);
    this.#groups = groups;
    this.#epsilon = epsilon;
  }

  protected override forward(x: Tensor): Tensor {
    return groupNorm(x, this.weight.value, this.bias.value, this.#groups, this.#epsilon);
  }
}

/** Normalises over the last axis (Ba, Kiros, Hinton 2016). */
export class LayerNorm extends Module<[Tensor], Tensor> {
  readonly weight?: Parameter;
  readonly bias?: Parameter;
  readonly #epsilon: number;

  /** `affine` false: no scale and shift, as in DiT. */
  constructor(channels: number, epsilon = 1e-5, affine = true) {
    super();
    if (affine) {
      this.weight = new Parameter([channels], ones);
      this.bias = new Parameter([channels], zeros);
    }
    this.#epsilon = epsilon;
  }

  protected override forward(x: Tensor): Tensor {
    const normalised = layerNorm(x, this.#epsilon);
    return this.weight && this.bias ? add(mul(normalised, this.weight.value), this.bias.value) : normalised;
  }
}

/** A table of vectors: indices int32 [...I] → [...I, width]. */
export class Embedding extends Module<[Tensor], Tensor> {
  readonly weight: Parameter;

  constructor(rows: number, width: number, initialise: Initialiser = normal(1)) {
    super();
    this.weight = new Parameter([rows, width], initialise);
  }

  protected override forward(indices: Tensor): Tensor {
    return gather(this.weight.value, indices);
  }
}

/** Zeroes each element with probability `rate` while training and scales the rest by 1 / (1 − rate). */
export class Dropout extends Module<[Tensor], Tensor> {
  readonly #rate: number;

  constructor(rate: number) {
    super();
    if (!(rate >= 0 && rate < 1)) throw new ConfigError(`dropout must be in [0, 1), not ${rate}`);
    this.#rate = rate;
  }

  protected override forward(x: Tensor): Tensor {
    const random = this.#rate > 0 ? dropoutStream() : undefined;
    if (!random) return x;
    const dropped = less(randomUniform(random.seed, x.shape, random.stream), this.#rate);
    const kept = cast(dropped, "float32");
    return mul(x, mul(add(mul(kept, -1), 1), 1 / (1 - this.#rate)));
  }
}

/** Halves each side with a strided 3×3 convolution. `padding` 0 pads right and bottom only, as DDPM's TensorFlow. */
export class Downsample extends Module<[Tensor], Tensor> {
  readonly conv: Conv2d;
  readonly #padding: number;

  constructor(channels: number, padding: number, options: LayerOptions = {}) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { stride: 2, padding, ...options });
    this.#padding = padding;
  }

  protected override forward(x: Tensor): Tensor {
    return this.conv.call(this.#padding === 0 ? pad(x, [0, 0, 0, 0], [0, 1, 1, 0]) : x);
  }
}

/** Doubles each side by nearest neighbours, then a 3×3 convolution. */
export class Upsample extends Module<[Tensor], Tensor> {
  readonly conv: Conv2d;

  constructor(channels: number, options: LayerOptions = {}) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { padding: 1, ...options });
  }

  protected override forward(x: Tensor): Tensor {
    return this.conv.call(upsample(x, 2));
  }
}
