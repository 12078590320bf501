/**
 * The reference's convolution against the Conv and ConvTranspose kernels of ONNX Runtime, which are channels first:
 * x [N, C, ...S], kernels [O, C / groups, ...K] and, transposed, [C, O / groups, ...K].
 */
import fc from "fast-check";
import { Tensor as OrtTensor } from "onnxruntime-node";
import { describe, it } from "vitest";
import { type Shape, sizeOf } from "../../core/shape.ts";
import type { ConvGeometry } from "../../graph/geometry.ts";
import { OnnxBuilder } from "../../onnx/builder.ts";
import { evaluate } from "../reference/session.ts";
import { positionOf, tabulate } from "../reference/space.ts";
import { buildCase } from "../testing/cases.ts";
import { expectClose } from "../testing/compare.ts";
import { Draw } from "../testing/draw.ts";
import { createSession } from "./onnxruntime.ts";

/** Extents of the reach of a kernel, from its first to its last tap. */
const reachOf = ({ kernel, dilation }: ConvGeometry) => kernel.map((taps, axis) => dilation[axis] * (taps - 1) + 1);

/** The padding after each axis that makes ONNX write `output`; below zero where input is left over. */
function paddingAfter(geometry: ConvGeometry): number[] {
  const { input, output, stride, before, transposed } = geometry;
  const [strided, other] = transposed ? [input, output] : [output, input];
  return reachOf(geometry).map(
    (reach, axis) => (strided[axis] - 1) * stride[axis] + reach - other[axis] - before[axis],
  );
}

async function runOnnx(
  geometry: ConvGeometry,
  groups: number,
  { x, w }: Record<"x" | "w", { data: Float64Array; shape: Shape }>,
  output: Shape,
): Promise<Float32Array> {
  const after = paddingAfter(geometry);
  const builder = new OnnxBuilder(["x", "w", "y"]);
  builder.input("x", x.shape, "float32");
  builder.input("w", w.shape, "float32");
  const attributes = {
    kernel_shape: geometry.kernel,
    strides: geometry.stride,
    dilations: geometry.dilation,
    group: groups,
    pads: [...geometry.before, ...after.map((extent) => Math.max(extent, 0))],
    ...(geometry.transposed ? { output_padding: after.map((extent) => Math.max(-extent, 0)) } : {}),
  };
  builder.node(geometry.transposed ? "ConvTranspose" : "Conv", ["x", "w"], attributes, "y");
  builder.output("y", output, "float32");
  const session = await createSession({ device: "cpu", bytes: builder.bytes(), threads: 1 });
  const tensorOf = ({ data, shape }: typeof x) => new OrtTensor("float32", Float32Array.from(data), shape);
  const { y } = await session.run({ x: tensorOf(x), w: tensorOf(w) });
  await session.release();
  return y.data as Float32Array;
}

/** [N, ...S, C] → [N, C, ...S]. */
const channelsFirst = (shape: Shape) => [shape[0], shape[shape.length - 1], ...shape.slice(1, -1)];
const toChannelsFirst = (data: ArrayLike<number>, shape: Shape) =>
  tabulate(channelsFirst(shape), ([n, c, ...s]) => data[positionOf([n, ...s, c], shape)]);

describe("the reference convolution agrees with onnxruntime's kernels", () => {
  it("over random geometries, groups and ranks", async () => {
    const property = fc.asyncProperty(fc.gen(), async (generator) => {
      const { inputs, output, graph, feeds, description } = buildCase("conv", new Draw(generator));
      if (!output.is("conv")) throw new Error("not a convolution");
      const { geometry, groups } = output.attributes;
      const after = paddingAfter(geometry);
      // ONNX cannot write a transposed position past the last tap's reach by a whole step.
      fc.pre(!geometry.transposed || after.every((extent, axis) => -extent < geometry.stride[axis]));
      const [taps, perGroup, outputs] = inputs[1].shape;
      const channels = perGroup * groups;
      const outPerGroup = outputs / groups;
      const kernelAt = (tap: number, c: number, o: number) => feeds.x1[(tap * perGroup + c) * outputs + o];
      const w = geometry.transposed
        ? tabulate([channels, outPerGroup, taps], ([c, j, tap]) => {
            return kernelAt(tap, c % perGroup, Math.floor(c / perGroup) * outPerGroup + j);
          })
        : tabulate([outputs, perGroup, taps], ([o, c, tap]) => kernelAt(tap, c, o));
      const wShape = [...(geometry.transposed ? [channels, outPerGroup] : [outputs, perGroup]), ...geometry.kernel];
      const x = { data: toChannelsFirst(feeds.x0, inputs[0].shape), shape: channelsFirst(inputs[0].shape) };
      const shape = channelsFirst(output.shape);
      const actual = await runOnnx(geometry, groups, { x, w: { data: w, shape: wShape } }, shape);
      if (actual.length !== sizeOf(shape)) throw new Error(`onnxruntime wrote ${actual.length} of ${shape}`);
      expectClose(actual, toChannelsFirst(evaluate(graph, feeds).y, output.shape), description);
    });
    await fc.assert(property, { seed: 20261123, numRuns: 80 });
  });
});
