/**
 * The names of a graph's values in an ONNX model, in the layouts in which they are there: as the graph has them, or with
 * channels in blocks. A value changes its layout when, and only when, somebody asks for the other one.
 *
 * In blocks, [N, ...S, C] is [N, C/b, ...S, b] in memory, and is declared [N, C, H, W] as the runtime does, where three-
 * dimensional values have H = 1. Elementwise nodes do not mind; whoever needs the memory's own shape asks for `rows`.
 */
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { BLOCKED_DOMAIN, type OnnxBuilder } from "./builder.ts";

export class Layouts {
  readonly builder: OnnxBuilder;
  /** Channels of a block. */
  readonly block: number;
  readonly #outputNames: ReadonlyMap<Tensor, string>;
  readonly #deferred: ReadonlySet<Tensor>;
  readonly #plain = new Map<Tensor, string>();
  readonly #blocked = new Map<Tensor, string>();

  /**
   * `outputNames`: the names that values must have because they are outputs of the graph; `deferred`: those that only
   * exist inside of the node that reads them.
   */
  constructor(
    builder: OnnxBuilder,
    outputNames: ReadonlyMap<Tensor, string>,
    deferred: ReadonlySet<Tensor> = new Set(),
  ) {
    this.builder = builder;
    this.block = builder.convBlock ?? 1;
    this.#outputNames = outputNames;
    this.#deferred = deferred;
  }

  /** The name that a value must have in the graph's own layout, if it is an output. */
  outputName(value: Tensor): string | undefined {
    return this.#outputNames.get(value);
  }

  setPlain(value: Tensor, name: string): void {
    this.#plain.set(value, name);
  }

  setBlocked(value: Tensor, name: string): void {
    this.#blocked.set(value, name);
  }

  isDeferred(value: Tensor): boolean {
    return this.#deferred.has(value);
  }

  /** Whether a value is there in whole blocks already. */
  isBlocked(value: Tensor): boolean {
    return this.#blocked.has(value) && canBlock(value, this.block);
  }

  /** A value in the graph's own layout. */
  plain(value: Tensor): string {
    let name = this.#plain.get(value);
    if (name === undefined) {
      const channels = value.shape[value.rank - 1];
      const ordered = value.rank === 4 ? this.outputName(value) : undefined;
      const attributes = { channels, channels_last: 1 };
      name = this.builder.node("ReorderOutput", [this.blocked(value)], attributes, ordered, BLOCKED_DOMAIN);
      if (value.rank !== 4) name = this.#reshape(name, value.shape, this.outputName(value));
      this.#plain.set(value, name);
    }
    return name;
  }

  /** A value in blocks, declared [N, C, H, W]. */
  blocked(value: Tensor): string {
    let name = this.#blocked.get(value);
    if (name === undefined) {
      const [batch, channels, height, width] = declared(value.shape);
      const plain = this.plain(value);
      const image = value.rank === 4 ? plain : this.#reshape(plain, [batch, height, width, channels]);
      name = this.builder.node("ReorderInput", [image], { channels_last: 1 }, undefined, BLOCKED_DOMAIN);
      this.#blocked.set(value, name);
    }
    return name;
  }

  /** A value in blocks, as its memory lies: [N · C/b, positions, b]. */
  rows(value: Tensor): string {
    const name = this.blocked(value);
    return this.builder.once(`rows of ${name}`, () => this.#reshape(name, rowShape(value.shape, this.block)));
  }

  #reshape(name: string, shape: Shape, output?: string): string {
    return this.builder.reshape(name, shape, output);
  }
}

/** The shape with which [N, ...S, C] is declared in blocks. */
export function declared(shape: Shape): Shape {
  const [batch, channels] = [shape[0], shape[shape.length - 1]];
  return shape.length === 4 ? [batch, channels, shape[1], shape[2]] : [batch, channels, 1, positionsOf(shape)];
}

/** [N, ...S, C] as its memory lies in blocks. */
export function rowShape(shape: Shape, block: number): readonly [rows: number, positions: number, block: number] {
  return [(shape[0] * shape[shape.length - 1]) / block, positionsOf(shape), block];
}

/** The positions of [N, ...S, C]. */
export function positionsOf(shape: Shape): number {
  return sizeOf(shape.slice(1, -1));
}

/** Whether [N, ...S, C] can be in blocks: two spatial axes, or one, and whole blocks of channels. */
export function canBlock(value: Tensor, block: number): boolean {
  return (
    value.dtype === "float32" && (value.rank === 3 || value.rank === 4) && value.shape[value.rank - 1] % block === 0
  );
}
