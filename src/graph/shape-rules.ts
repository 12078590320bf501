/**
 * The shape and dtype of each op's result, or a ShapeError that says what does not fit. `emit` adds the op, the shapes
 * and the module path to the message.
 */
import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, type DType, formatShape, newArray, type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { ConvGeometry } from "./geometry.ts";
import type { OpAttributes, OpName } from "./op-types.ts";
import type { TensorType } from "./tensor.ts";

type ShapeRule<K extends OpName> = (inputs: readonly TensorType[], attributes: OpAttributes[K]) => TensorType;

function expect(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ShapeError(message());
}

function expectFloat(...inputs: readonly TensorType[]): void {
  for (const input of inputs) expect(input.dtype === "float32", () => `expects float32, not ${input.dtype}`);
}

const unary = ([x]: readonly TensorType[]): TensorType => {
  expectFloat(x);
  return { shape: x.shape, dtype: "float32" };
};

/** A function of vectors along the last axis. */
const alongLast = ([x]: readonly TensorType[]): TensorType => {
  expect(x.shape.length >= 1, () => "needs at least one axis");
  return unary([x]);
};

function elementwise(...dtypes: DType[]): (inputs: readonly TensorType[]) => TensorType {
  return ([a, b]) => {
    expect(a.dtype === b.dtype, () => `the dtypes differ: ${a.dtype} and ${b.dtype}`);
    expect(dtypes.includes(a.dtype), () => `expects ${dtypes.join(" or ")}, not ${a.dtype}`);
    return { shape: broadcastShapes(a.shape, b.shape), dtype: a.dtype };
  };
}

const compare = (inputs: readonly TensorType[]): TensorType => ({
  shape: elementwise("float32", "int32")(inputs).shape,
  dtype: "bool",
});

const reduce = ([x]: readonly TensorType[], { axes }: { axes: readonly number[] }): TensorType => {
  expectFloat(x);
  for (const axis of axes) expect(axis >= 0 && axis < x.shape.length, () => `has no axis ${axis}`);
  const increasing = axes.every((axis, i) => i === 0 || axes[i - 1] < axis);
  expect(axes.length > 0 && increasing, () => `the axes ${formatShape(axes)} must be increasing, each named once`);
  return { shape: x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)), dtype: "float32" };
};

function expectSpatial(x: TensorType, extents: Shape, what: string): { batch: number; channels: number } {
  expectFloat(x);
  const spatial = x.shape.slice(1, -1);
  expect(x.shape.length === extents.length + 2 && sameShape(spatial, extents), () => {
    return `${what} must have the spatial extents ${formatShape(extents)}, not ${formatShape(spatial)}`;
  });
  return { batch: x.shape[0], channels: x.shape[x.shape.length - 1] };
}

function expectColumns(columns: TensorType, geometry: ConvGeometry): { batch: number; channels: number } {
  expectFloat(columns);
  const taps = sizeOf(geometry.kernel);
  const [batch, outputs, width] = columns.shape;
  expect(columns.shape.length === 3 && outputs === sizeOf(geometry.output) && width % taps === 0, () => {
    return `columns must be [N, ${sizeOf(geometry.output)}, ${taps} · C], not ${formatShape(columns.shape)}`;
  });
  return { batch, channels: width / taps };
}

export const shapeRules: { [K in OpName]: ShapeRule<K> } = {
  input: (_, { name, shape, dtype }) => {
    expect(name !== "", () => "needs a name");
    return { shape, dtype };
  },
  constant: (_, { data, shape, dtype }) => {
    const expected = newArray(dtype, 0).constructor;
    expect(data.constructor === expected, () => {
      return `the data of a ${dtype} constant must be a ${expected.name}, not a ${data.constructor.name}`;
    });
    expect(data.length === sizeOf(shape), () => `${data.length} numbers do not fill the shape ${formatShape(shape)}`);
    return { shape, dtype };
  },
  randomUniform: ([seed], { shape }) => {
    expect(seed.dtype === "int32" && sameShape(seed.shape, [2]), () => "the seed must be int32 [2]");
    return { shape, dtype: "float32" };
  },

  neg: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  reciprocal: unary,
  sin: unary,
  cos: unary,
  tanh: unary,
  sigmoid: unary,
  erf: unary,
  abs: unary,
  add: elementwise("float32", "int32"),
  sub: elementwise("float32", "int32"),
  mul: elementwise("float32", "int32"),
  div: elementwise("float32"),
  maximum: elementwise("float32"),
  minimum: elementwise("float32"),
  less: compare,
  equal: compare,
  where: ([condition, a, b]) => {
    expect(condition.dtype === "bool", () => `the condition must be bool, not ${condition.dtype}`);
    expectFloat(a, b);
    return { shape: broadcastShapes(condition.shape, a.shape, b.shape), dtype: "float32" };
  },
  cast: ([x], { to }) => ({ shape: x.shape, dtype: to }),
  detach: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  checkpoint: ([x]) => ({ shape: x.shape, dtype: x.dtype }),

  reduceSum: reduce,
  reduceMax: reduce,

  reshape: ([x], { shape }) => {
    expect(sizeOf(x.shape) === sizeOf(shape), () => `${sizeOf(x.shape)} elements do not fill ${formatShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  transpose: ([x], { permutation }) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    const valid = sorted.length === x.shape.length && sorted.every((axis, i) => axis === i);
    expect(valid, () => `${formatShape(permutation)} is no order of ${x.shape.length} axes`);
    return { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  expand: ([x], { shape }) => {
    const fits = sameShape(broadcastShapes(x.shape, shape), shape);
    expect(fits, () => `does not broadcast to ${formatShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  slice: ([x], { starts, ends }) => {
    expect(x.shape.length >= 1, () => "needs at least one axis");
    const valid = x.shape.every((extent, i) => 0 <= starts[i] && starts[i] < ends[i] && ends[i] <= extent);
    expect(valid && starts.length === x.shape.length && ends.length === x.shape.length, () => {
      return `cannot cut from ${formatShape(starts)} to ${formatShape(ends)}`;
    });
    return { shape: starts.map((start, i) => ends[i] - start), dtype: x.dtype };
  },
  pad: ([x], { before, after }) => {
    expectFloat(x);
    expect(x.shape.length >= 1, () => "needs at least one axis");
    const valid = before.length === x.shape.length && after.length === x.shape.length;
    expect(valid && [...before, ...after].every((extent) => extent >= 0), () => {
      return `cannot pad by ${formatShape(before)} and ${formatShape(after)}`;
    });
    return { shape: x.shape.map((extent, i) => before[i] + extent + after[i]), dtype: x.dtype };
  },
  concat: (inputs, { axis }) => {
    const [first, ...rest] = inputs;
    const joins = (x: TensorType) =>
      x.dtype === first.dtype &&
      x.shape.length === first.shape.length &&
      x.shape.every((extent, i) => i === axis || extent === first.shape[i]);
    expect(axis >= 0 && axis < first.shape.length, () => `has no axis ${axis}`);
    expect(rest.every(joins), () => `the other axes than ${axis} must agree`);
    const extent = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    return { shape: first.shape.map((e, i) => (i === axis ? extent : e)), dtype: first.dtype };
  },
  gather: ([table, indices]) => {
    expectFloat(table);
    expect(indices.dtype === "int32", () => `the indices must be int32, not ${indices.dtype}`);
    expect(table.shape.length >= 1, () => "the table needs at least one axis");
    return { shape: [...indices.shape, ...table.shape.slice(1)], dtype: "float32" };
  },
  scatterAdd: ([indices, updates], { rows }) => {
    expectFloat(updates);
    expect(indices.dtype === "int32", () => `the indices must be int32, not ${indices.dtype}`);
    const leading = updates.shape.slice(0, indices.shape.length);
    expect(sameShape(leading, indices.shape), () => "the updates must begin with the shape of the indices");
    return { shape: [rows, ...updates.shape.slice(indices.shape.length)], dtype: "float32" };
  },

  matmul: ([a, b]) => {
    expectFloat(a, b);
    expect(a.shape.length >= 2 && b.shape.length >= 2, () => "both sides need at least two axes");
    const [rows, inner] = a.shape.slice(-2);
    const [innerB, columns] = b.shape.slice(-2);
    expect(inner === innerB, () => `the inner extents differ: ${inner} and ${innerB}`);
    const batch = a.shape.slice(0, -2);
    expect(b.shape.length === 2 || sameShape(batch, b.shape.slice(0, -2)), () => {
      return "the right side must have two axes, or the same batch axes as the left";
    });
    return { shape: [...batch, rows, columns], dtype: "float32" };
  },
  conv: ([x, w], { geometry, groups }) => {
    const { batch, channels } = expectSpatial(x, geometry.input, "the input");
    expectFloat(w);
    const [taps, perGroup, outputs] = w.shape;
    expect(w.shape.length === 3 && taps === sizeOf(geometry.kernel), () => {
      return `the kernel must be [${sizeOf(geometry.kernel)}, C / groups, O]`;
    });
    expect(perGroup * groups === channels && outputs % groups === 0, () => {
      return `the input has ${channels} channels, the kernel takes ${perGroup} in each of ${groups} groups`;
    });
    return { shape: [batch, ...geometry.output, outputs], dtype: "float32" };
  },
  convKernelGrad: ([x, dy], { geometry, groups }) => {
    const input = expectSpatial(x, geometry.input, "the input");
    const output = expectSpatial(dy, geometry.output, "the output gradient");
    expect(input.batch === output.batch, () => "the batches differ");
    expect(input.channels % groups === 0 && output.channels % groups === 0, () => `${groups} groups do not divide`);
    return { shape: [sizeOf(geometry.kernel), input.channels / groups, output.channels], dtype: "float32" };
  },
  unfold: ([x], { geometry, images }) => {
    const { batch, channels } = expectSpatial(x, geometry.input, "the input");
    const [first, end] = images ?? [0, batch];
    const within = Number.isInteger(first) && Number.isInteger(end) && first >= 0 && first < end && end <= batch;
    expect(within, () => `the images ${first} to ${end} are not some of the ${batch}`);
    return { shape: [end - first, sizeOf(geometry.output), sizeOf(geometry.kernel) * channels], dtype: "float32" };
  },
  fold: ([columns], { geometry }) => {
    const { batch, channels } = expectColumns(columns, geometry);
    return { shape: [batch, ...geometry.input, channels], dtype: "float32" };
  },
  upsample: ([x], { factor }) => {
    expectFloat(x);
    expect(Number.isInteger(factor) && factor >= 1, () => `the factor must be a positive integer, not ${factor}`);
    expect(x.shape.length >= 3, () => "needs a batch axis, spatial axes and a channel axis");
    const last = x.shape.length - 1;
    return { shape: x.shape.map((e, i) => (i === 0 || i === last ? e : e * factor)), dtype: "float32" };
  },

  silu: unary,
  softmax: alongLast,
  layerNorm: alongLast,
  groupNorm: ([x, scale, shift], { groups }) => {
    expectFloat(x, scale, shift);
    expect(x.shape.length >= 2, () => "needs a batch axis and a channel axis");
    const channels = x.shape[x.shape.length - 1];
    expect(channels % groups === 0, () => `${groups} groups do not divide ${channels} channels`);
    expect(sameShape(scale.shape, [channels]) && sameShape(shift.shape, [channels]), () => {
      return `scale and shift must be [${channels}]`;
    });
    return { shape: x.shape, dtype: "float32" };
  },
};
