/**
 * Where a convolution reads: for each output position and kernel tap, one input position or none.
 *
 * Plain:       y[q] = Σ_k x[q·stride − before + k·dilation] · w[k]
 * Transposed:  y[p] = Σ_k x[q] · w[k], where q·stride − before + k·dilation = p
 *
 * The transposed geometry of a convolution is that of its input gradient, so convolution, transposed convolution and
 * their gradients are one family. Works for any number of spatial axes. Agrees with PyTorch's conv1d, conv2d and their
 * gradients (conformance tests).
 */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf, stridesOf } from "../core/shape.ts";
import { located } from "./scope.ts";

export interface ConvGeometry {
  /** Spatial extents that are read. */
  readonly input: Shape;
  /** Spatial extents that are written. */
  readonly output: Shape;
  readonly kernel: Shape;
  readonly stride: Shape;
  readonly dilation: Shape;
  /** Zeros before the first position of each axis; what comes after follows from `output`. */
  readonly before: Shape;
  readonly transposed: boolean;
}

export interface ConvOptions {
  stride?: number | Shape;
  dilation?: number | Shape;
  /** Zeros on both sides of each axis, or `[before, after]` for all axes. */
  padding?: number | readonly [number, number];
}

/**
 * The geometry of a convolution over spatial extents. Raises a ShapeError when no output position remains, and for a
 * kernel, stride or dilation that is not a positive integer for each axis.
 */
export function convGeometry(input: Shape, kernel: Shape, options: ConvOptions = {}): ConvGeometry {
  const rank = input.length;
  if (kernel.length !== rank) {
    throw new ShapeError(located(`a kernel of ${kernel.length} axes does not fit an input of ${rank} spatial axes`));
  }
  const perAxis = (value: number | Shape | undefined) =>
    typeof value === "object" ? value : new Array<number>(rank).fill(value ?? 1);
  const stride = perAxis(options.stride);
  const dilation = perAxis(options.dilation);
  const padding = options.padding ?? 0;
  const [before, after] = typeof padding === "number" ? [padding, padding] : padding;
  checkIntegers("kernel", kernel, rank, 1);
  checkIntegers("stride", stride, rank, 1);
  checkIntegers("dilation", dilation, rank, 1);
  checkIntegers("padding", [before, after], 2, 0);
  const output = input.map((extent, axis) => {
    const reach = dilation[axis] * (kernel[axis] - 1) + 1;
    const positions = Math.floor((extent + before + after - reach) / stride[axis]) + 1;
    if (positions < 1) {
      throw new ShapeError(
        located(`a kernel that reaches ${reach} does not fit ${extent} positions padded by ${before} and ${after}`),
      );
    }
    return positions;
  });
  return { input, output, kernel, stride, dilation, before: output.map(() => before), transposed: false };
}

function checkIntegers(name: string, values: Shape, count: number, least: number): void {
  if (values.length === count && values.every((value) => Number.isInteger(value) && value >= least)) return;
  throw new ShapeError(
    located(`the ${name} of a convolution must be ${count} integers of at least ${least}, not ${formatShape(values)}`),
  );
}

/** The geometry of the input gradient. */
export function transposeGeometry(geometry: ConvGeometry): ConvGeometry {
  return { ...geometry, input: geometry.output, output: geometry.input, transposed: !geometry.transposed };
}

/** True where each output position reads exactly the input position of the same index. */
export function isPointwise(geometry: ConvGeometry): boolean {
  return (
    sizeOf(geometry.kernel) === 1 &&
    geometry.stride.every((stride) => stride === 1) &&
    geometry.before.every((before) => before === 0) &&
    geometry.input.every((extent, axis) => extent === geometry.output[axis])
  );
}

/**
 * The flat input position that each (output position, tap) reads; `sizeOf(input)` where it reads a padding zero.
 * Returns [outputs · taps], taps fastest.
 */
export function neighbours(geometry: ConvGeometry): Int32Array {
  const { input, output, kernel, stride, dilation, before, transposed } = geometry;
  const inputStrides = stridesOf(input);
  const nowhere = sizeOf(input);
  const outputs = sizeOf(output);
  const taps = sizeOf(kernel);
  const result = new Int32Array(outputs * taps);
  const outputStrides = stridesOf(output);
  const kernelStrides = stridesOf(kernel);
  for (let q = 0; q < outputs; q++) {
    for (let k = 0; k < taps; k++) {
      let position = 0;
      for (let axis = 0; axis < input.length && position !== nowhere; axis++) {
        const at = Math.floor(q / outputStrides[axis]) % output[axis];
        const tap = Math.floor(k / kernelStrides[axis]) % kernel[axis];
        let source: number;
        if (transposed) {
          const shifted = at + before[axis] - tap * dilation[axis];
          source = shifted % stride[axis] === 0 ? shifted / stride[axis] : -1;
        } else {
          source = at * stride[axis] - before[axis] + tap * dilation[axis];
        }
        position = source < 0 || source >= input[axis] ? nowhere : position + source * inputStrides[axis];
      }
      result[q * taps + k] = position;
    }
  }
  return result;
}
