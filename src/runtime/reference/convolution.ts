/**
 * Convolutions by definition. One loop serves the four ops: over every (x position, y position, tap) that a geometry
 * connects. With q on the strided side and p on the other, p = q·stride − before + k·dilation; the strided side is the
 * output of a plain geometry and the input of a transposed one.
 *
 * Agrees with ONNX Runtime's Conv and ConvTranspose in one, two and three axes (../node/convolution.test.ts).
 */
import { sizeOf } from "../../core/shape.ts";
import type { ConvGeometry } from "../../graph/geometry.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { indicesOf, isInside, positionOf, tabulate } from "./space.ts";

/** Calls `visit` with the flat positions (read, written, tap) of every connection; padding connects nothing. */
function eachConnection(geometry: ConvGeometry, visit: (x: number, y: number, tap: number) => void): void {
  const { input, output, kernel, stride, dilation, before, transposed } = geometry;
  const [strided, other] = transposed ? [input, output] : [output, input];
  for (const q of indicesOf(strided)) {
    for (const k of indicesOf(kernel)) {
      const p = q.map((at, axis) => at * stride[axis] - before[axis] + k[axis] * dilation[axis]);
      if (!isInside(p, other)) continue;
      const [stridedAt, otherAt] = [positionOf(q, strided), positionOf(p, other)];
      const tap = positionOf(k, kernel);
      if (transposed) visit(stridedAt, otherAt, tap);
      else visit(otherAt, stridedAt, tap);
    }
  }
}

/** Calls `visit` with the flat elements (of x, of w, of y) of every product that a grouped convolution sums. */
function eachProduct(
  { geometry, groups }: { geometry: ConvGeometry; groups: number },
  [batch, channels, outputs]: readonly [number, number, number],
  visit: (x: number, w: number, y: number) => void,
): void {
  const perGroup = channels / groups;
  eachConnection(geometry, (read, written, tap) => {
    for (let n = 0; n < batch; n++) {
      for (let o = 0; o < outputs; o++) {
        const group = Math.floor(o / (outputs / groups));
        for (let c = 0; c < perGroup; c++) {
          visit(
            (n * sizeOf(geometry.input) + read) * channels + group * perGroup + c,
            (tap * perGroup + c) * outputs + o,
            (n * sizeOf(geometry.output) + written) * outputs + o,
          );
        }
      }
    }
  });
}

/** y[n, q, o] = Σ_k Σ_c x[n, p(q, k), c] · w[k, c, o], c over the channels of the group of o; plus bias[o], if any. */
export function convByDefinition(node: Tensor<"conv">, [x, w, bias]: readonly Float64Array[]): Float64Array {
  const y = bias
    ? tabulate(node.shape, (index) => bias[index[index.length - 1]])
    : new Float64Array(sizeOf(node.shape));
  const [input] = node.inputs;
  const extents = [input.shape[0], input.shape[input.rank - 1], node.shape[node.rank - 1]] as const;
  eachProduct(node.attributes, extents, (atX, atW, atY) => {
    y[atY] += x[atX] * w[atW];
  });
  return y;
}

/** dw[k, c, o] = Σ_n Σ_q x[n, p(q, k), c] · dy[n, q, o]. */
export function kernelGradByDefinition(node: Tensor<"convKernelGrad">, [x, dy]: readonly Float64Array[]): Float64Array {
  const dw = new Float64Array(sizeOf(node.shape));
  const [input, output] = node.inputs;
  const extents = [input.shape[0], input.shape[input.rank - 1], output.shape[output.rank - 1]] as const;
  eachProduct(node.attributes, extents, (atX, atW, atY) => {
    dw[atW] += x[atX] * dy[atY];
  });
  return dw;
}

/** columns[n, q, k · C + c] = x[n, p(q, k), c], zero where p is padding. */
export function unfoldByDefinition(node: Tensor<"unfold">, [x]: readonly Float64Array[]): Float64Array {
  const columns = new Float64Array(sizeOf(node.shape));
  const [input] = node.inputs;
  const { geometry, images: [first] = [0] } = node.attributes;
  const channels = input.shape[input.rank - 1];
  const before = first * sizeOf(geometry.input) * channels;
  eachColumnElement(geometry, node.shape[0], channels, (atX, atColumn) => {
    columns[atColumn] = x[before + atX];
  });
  return columns;
}

/** x[n, p, c] = Σ columns[n, q, k · C + c] over all (q, k) that read p. */
export function foldByDefinition(node: Tensor<"fold">, [columns]: readonly Float64Array[]): Float64Array {
  const x = new Float64Array(sizeOf(node.shape));
  eachColumnElement(node.attributes.geometry, node.shape[0], node.shape[node.rank - 1], (atX, atColumn) => {
    x[atX] += columns[atColumn];
  });
  return x;
}

function eachColumnElement(
  geometry: ConvGeometry,
  batch: number,
  channels: number,
  visit: (x: number, column: number) => void,
): void {
  const [inputs, outputs, taps] = [sizeOf(geometry.input), sizeOf(geometry.output), sizeOf(geometry.kernel)];
  eachConnection(geometry, (read, written, tap) => {
    for (let n = 0; n < batch; n++) {
      for (let c = 0; c < channels; c++) {
        visit((n * inputs + read) * channels + c, ((n * outputs + written) * taps + tap) * channels + c);
      }
    }
  });
}
