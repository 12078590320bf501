/**
 * The numbers of a model, in a few flat slabs.
 *
 * Parameters lie one behind the other in contiguous vectors of at most 16 MB, so a training step has a handful of state
 * tensors instead of hundreds, the optimiser is a dozen vector operations, and a checkpoint is a copy. Inside a graph
 * the slabs are cut into parameters again.
 */
import { CheckpointError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { formatShape, permuteAxes, type Shape, sameShape, sizeOf } from "../core/shape.ts";
import { concat, constant, input, reshape, slice } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Module, namedParameters, type Parameter } from "./module.ts";

/** Elements of a slab: 16 MB of float32, below the size from which the allocator maps fresh pages at every run. */
const SLAB_ELEMENTS = 4 * 2 ** 20;

export interface SlabEntry {
  readonly name: string;
  readonly parameter: Parameter;
  readonly shape: Shape;
  readonly slab: number;
  readonly offset: number;
}

/** Where each parameter of a module lies. */
export class SlabLayout {
  readonly entries: readonly SlabEntry[];
  /** Elements of each slab. */
  readonly lengths: readonly number[];

  constructor(module: Module<never[], unknown>, slabElements = SLAB_ELEMENTS) {
    const entries: SlabEntry[] = [];
    const lengths: number[] = [];
    for (const [name, parameter] of namedParameters(module)) {
      const size = sizeOf(parameter.shape);
      if (lengths.length === 0 || lengths[lengths.length - 1] + size > slabElements) lengths.push(0);
      const slab = lengths.length - 1;
      entries.push({ name, parameter, shape: parameter.shape, slab, offset: lengths[slab] });
      lengths[slab] += size;
    }
    this.entries = entries;
    this.lengths = lengths;
  }

  zeros(): Float32Array[] {
    return this.lengths.map((length) => new Float32Array(length));
  }

  /** One graph input for each slab, called `prefix.0`, `prefix.1` … */
  inputs(prefix: string): Tensor[] {
    return this.lengths.map((length, slab) => input(`${prefix}.${slab}`, [length]));
  }

  /** Cuts symbolic slabs into parameters. */
  cut(slabs: readonly Tensor[]): Map<Parameter, Tensor> {
    return new Map(
      this.entries.map(({ parameter, shape, slab, offset }) => {
        return [parameter, reshape(slice(slabs[slab], 0, offset, offset + sizeOf(shape)), parameter.keptShape)];
      }),
    );
  }

  /** Joins one tensor for each parameter into symbolic slabs. */
  join(tensors: readonly Tensor[]): Tensor[] {
    return this.lengths.map((_, slab) => {
      const flat = this.entries.flatMap((entry, i) => (entry.slab === slab ? [reshape(tensors[i], [-1])] : []));
      return concat(flat, 0);
    });
  }
}

/** The numbers of one model. */
export class Weights {
  readonly layout: SlabLayout;
  readonly slabs: readonly Float32Array[];

  constructor(layout: SlabLayout, slabs: readonly Float32Array[]) {
    this.layout = layout;
    this.slabs = slabs;
  }

  /** Fresh weights: each parameter from its own random stream, named by its path, so that models share beginnings. */
  static initial(module: Module<never[], unknown>, seed: number): Weights {
    const layout = new SlabLayout(module);
    const weights = new Weights(layout, layout.zeros());
    for (const entry of layout.entries) {
      const random = Random.from(seed, "initial", entry.name);
      const values = new Float32Array(sizeOf(entry.shape));
      entry.parameter.initialise(values, entry.shape, random);
      weights.#write(entry, values);
    }
    return weights;
  }

  /**
   * Weights from named tensors. Raises a CheckpointError that names the first tensor that is missing, superfluous or of
   * another shape; `label` says where they come from.
   */
  static fromTensors(
    module: Module<never[], unknown>,
    tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>,
    label: string,
  ): Weights {
    const layout = new SlabLayout(module);
    const weights = new Weights(layout, layout.zeros());
    for (const entry of layout.entries) {
      const tensor = tensors.get(entry.name);
      const expected = `${entry.name} ${formatShape(entry.shape)}`;
      if (!tensor) throw new CheckpointError(`${label}: the model expects ${expected}, which is not there`);
      if (!sameShape(tensor.shape, entry.shape)) {
        const found = formatShape(tensor.shape);
        throw new CheckpointError(`${label}: the model expects ${expected}, found ${found}: another architecture`);
      }
      weights.#write(entry, tensor.data);
    }
    const known = new Set(layout.entries.map((entry) => entry.name));
    for (const name of tensors.keys()) {
      if (!known.has(name))
        throw new CheckpointError(`${label}: the model has no tensor ${name}: another architecture`);
    }
    return weights;
  }

  /** Named tensors as in a state dict, in order of definition: copies. */
  tensors(): Map<string, { shape: Shape; data: Float32Array }> {
    return new Map(this.layout.entries.map((entry) => [entry.name, { shape: entry.shape, data: this.#read(entry) }]));
  }

  /** Every parameter as a graph constant: for sampling and export. */
  constants(): Map<Parameter, Tensor> {
    return new Map(
      this.layout.entries.map((entry) => {
        return [entry.parameter, constant(this.#view(entry), entry.parameter.keptShape)] as const;
      }),
    );
  }

  #read(entry: SlabEntry): Float32Array {
    const { shape, order, keptShape } = entry.parameter;
    const inverse = order.map((_, axis) => order.indexOf(axis));
    return permuteAxes(this.#view(entry), keptShape, inverse, new Float32Array(sizeOf(shape)));
  }

  #write(entry: SlabEntry, values: ArrayLike<number>): void {
    permuteAxes(values, entry.shape, entry.parameter.order, this.#view(entry));
  }

  #view({ slab, offset, shape }: SlabEntry): Float32Array {
    return this.slabs[slab].subarray(offset, offset + sizeOf(shape));
  }
}
