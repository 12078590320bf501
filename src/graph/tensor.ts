/**
 * The symbolic tensor: a value that a graph will compute. Building one checks its shape and records its operation;
 * nothing is computed. Tensors are immutable, so a graph is whatever its outputs reach.
 */
import { LangevinError, ShapeError } from "../core/errors.ts";
import { type DType, formatShape, type Shape } from "../core/shape.ts";
import type { OpAttributes, OpName } from "./op-types.ts";
import { currentScope, located } from "./scope.ts";
import { shapeRules } from "./shape-rules.ts";

/** What a shape rule sees of a tensor and what it returns. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

let created = 0;

export class Tensor<K extends OpName = OpName> implements TensorType {
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
  readonly dtype: DType;
  /** The module path that was being traced, such as `down_blocks.0.resnets.1.conv1`. */
  readonly scope: string;
  /** Order of creation: inputs always have a smaller one. */
  readonly id: number;

  constructor(op: K, inputs: readonly Tensor[], attributes: OpAttributes[K], type: TensorType, scope: string) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = type.shape;
    this.dtype = type.dtype;
    this.scope = scope;
    this.id = created++;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Narrows the type of this node to one operation. */
  is<L extends OpName>(op: L): this is Tensor<L> {
    return (this.op as OpName) === op;
  }
}

/** Adds an operation to the graph. Raises a ShapeError that names the module path, the op and the shapes. */
export function emit<K extends OpName>(op: K, inputs: readonly Tensor[], attributes: OpAttributes[K]): Tensor<K> {
  const type = explained(op, inputs, () => checkExtents(shapeRules[op](inputs, attributes)));
  return new Tensor(op, inputs, attributes, type, currentScope());
}

/** Runs `body`; a ShapeError of it is raised again with the module path, the op and the shapes. */
export function explained<T>(op: OpName, inputs: readonly TensorType[], body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error;
    const shapes = inputs.map((input) => `${input.dtype} ${formatShape(input.shape)}`).join(", ");
    throw new ShapeError(located(`${op}(${shapes}): ${error.message}`));
  }
}

function checkExtents(type: TensorType): TensorType {
  if (type.shape.every((extent) => Number.isInteger(extent) && extent > 0)) return type;
  throw new ShapeError(`the result would be ${formatShape(type.shape)}; every extent must be a positive integer`);
}
