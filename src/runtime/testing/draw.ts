/**
 * Choices of a random case, drawn through fast-check so that a failure shrinks to a small case.
 */
import fc, { type GeneratorValue } from "fast-check";
import { Random } from "../../core/random.ts";
import { type DType, newArray, type Shape, sizeOf, type TensorArray } from "../../core/shape.ts";

/** An array that a case feeds. */
export interface Operand {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: TensorArray;
}

export class Draw {
  readonly #generator: GeneratorValue;

  constructor(generator: GeneratorValue) {
    this.#generator = generator;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return this.#generator(fc.integer, { min: low, max: high });
  }

  boolean(): boolean {
    return this.integer(0, 1) === 1;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)];
  }

  integers(count: number, low: number, high: number): number[] {
    return Array.from({ length: count }, () => this.integer(low, high));
  }

  /** A shape of `low` to `high` axes; one axis in three has extent 1. */
  shape(low: number, high: number, most = 5): number[] {
    return Array.from({ length: this.integer(low, high) }, () => this.integer(-1, most)).map((e) => Math.max(e, 1));
  }

  /** Shapes that broadcast to `shape`: leading axes dropped, others stretched from 1. */
  broadcastable(shape: Shape): number[] {
    return shape.slice(this.integer(0, shape.length)).map((extent) => (this.integer(0, 3) === 0 ? 1 : extent));
  }

  #random(): Random {
    return Random.from(this.integer(0, 2 ** 31 - 1));
  }

  /** Float32 numbers, uniform between two bounds. */
  uniform(shape: Shape, low = -2, high = 2): Operand {
    const values = this.#random().fillUniform(new Float32Array(sizeOf(shape)));
    return { shape, dtype: "float32", values: values.map((u) => low + u * (high - low)) };
  }

  /** Float32 numbers of either sign, no nearer to zero than 0.2. */
  awayFromZero(shape: Shape): Operand {
    const operand = this.uniform(shape, -2, 2);
    return { ...operand, values: (operand.values as Float32Array).map((x) => (x < 0 ? x - 0.2 : x + 0.2)) };
  }

  /** Float32 numbers that are `offset` past distinct multiples of 0.1, so that none are near each other. */
  distinct(shape: Shape, offset = 0): Operand {
    const size = sizeOf(shape);
    const order = this.#random().permutation(size);
    return { shape, dtype: "float32", values: Float32Array.from(order, (i) => 0.1 * (i - (size >> 1)) + offset) };
  }

  int32(shape: Shape, low = -10, high = 10): Operand {
    const random = this.#random();
    const values = Int32Array.from({ length: sizeOf(shape) }, () => low + random.integer(high - low + 1));
    return { shape, dtype: "int32", values };
  }

  bool(shape: Shape): Operand {
    const random = this.#random();
    return { shape, dtype: "bool", values: Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(2)) };
  }

  /** Values of a dtype; mostly float32 where it is not given. */
  any(shape: Shape, dtype: DType = this.pick(["float32", "float32", "int32", "bool"])): Operand {
    if (dtype === "float32") return this.uniform(shape);
    return dtype === "int32" ? this.int32(shape) : this.bool(shape);
  }
}

/** The bytes of a host array of each dtype, for messages. */
export function describeOperand({ shape, dtype, values }: Operand): string {
  const shown = Array.from(values.slice(0, 8)).join(", ");
  return `${dtype} [${shape.join(", ")}] = ${shown}${values.length > 8 ? ", …" : ""}`;
}

/** A copy of a host array. */
export function copyOf(values: TensorArray, dtype: DType): TensorArray {
  const copy = newArray(dtype, values.length);
  copy.set(values);
  return copy;
}
