import { describe, expect, it } from "vitest";
import { evaluate } from "../../runtime/reference/session.ts";
import { expectClose } from "../../runtime/testing/compare.ts";
import { convGeometry, transposeGeometry } from "../geometry.ts";
import { countOps, type Graph, graphOf } from "../graph.ts";
import { conv, convKernelGrad, input, transpose } from "../ops.ts";
import { expandComposed } from "./expand.ts";
import { convGains } from "./winograd.ts";

const always = { winogradConv: () => true, winogradKernelGrad: () => true };

/** Numbers without a pattern that tiles could share. */
const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * i));

function expectKept(graph: Graph, feeds: Record<string, Float32Array>, description: string) {
  const tiled = expandComposed(graph, always);
  expect(countOps(tiled).has("unfold"), `${description} unfolds nothing`).toBe(false);
  const [expected, actual] = [graph, tiled].map((each) => evaluate(each, feeds, "float64").y);
  // The constants of the transforms, such as 1/6, are rounded to float32.
  expectClose(actual, expected, description, { relative: 1e-5, ofLargest: 1e-6 });
}

// Sides that are no multiple of a tile, one tile and less, and padding of every kind.
const sizes = [
  { images: 2, extent: [8, 8], padding: 1 },
  { images: 1, extent: [7, 5], padding: 1 },
  { images: 3, extent: [3, 9], padding: 0 },
  { images: 2, extent: [2, 2], padding: 2 },
  { images: 2, extent: [6, 4], padding: [0, 1] as const },
] as const;

describe.each(sizes)("$images images of $extent, padded by $padding", ({ images, extent, padding }) => {
  const [channels, outputs] = [3, 2];
  const geometry = convGeometry(extent, [3, 3], { padding });
  const x = input("x", [images, ...extent, channels]);
  const w = input("w", [9, channels, outputs]);
  const dy = input("dy", [images, ...geometry.output, outputs]);
  const feedOf = (node: { shape: readonly number[] }, seed: number) =>
    numbers(
      node.shape.reduce((a, b) => a * b),
      seed,
    );

  it("the convolution by tiles is the convolution by its definition", () => {
    const bias = input("bias", [outputs]);
    const feeds = { x: feedOf(x, 1), w: feedOf(w, 2), bias: feedOf(bias, 3) };
    expectKept(graphOf({ y: conv(x, w, geometry) }), { x: feeds.x, w: feeds.w }, "conv");
  });

  it("so is its input gradient, with kernels that were transposed for it or not", () => {
    const feeds = { dy: feedOf(dy, 1), w: feedOf(w, 2) };
    const gradient = conv(dy, transpose(w, [0, 2, 1]), transposeGeometry(geometry));
    expectKept(graphOf({ y: gradient }), feeds, "input gradient");
    const back = input("w", [9, outputs, channels]);
    expectKept(graphOf({ y: conv(dy, back, transposeGeometry(geometry)) }), feeds, "transposed convolution");
  });

  it("so is its kernel gradient", () => {
    const feeds = { x: feedOf(x, 1), dy: feedOf(dy, 2) };
    expectKept(graphOf({ y: convKernelGrad(x, dy, geometry) }), feeds, "kernel gradient");
  });
});

it("a kernel gradient in parts of the batch is the whole one", () => {
  const geometry = convGeometry([16, 16], [3, 3], { padding: 1 });
  const [x, dy] = [input("x", [4, 16, 16, 400]), input("dy", [4, 16, 16, 1])];
  const graph = graphOf({ y: convKernelGrad(x, dy, geometry) });
  const parts = expandComposed(graph, { winogradKernelGrad: () => true });
  expect(countOps(parts).get("add")).toBeGreaterThan(0);
  const feeds = { x: numbers(4 * 256 * 400, 1), dy: numbers(4 * 256, 2) };
  const whole = evaluate(expandComposed(graph, always), feeds, "float64").y;
  expectClose(evaluate(parts, feeds, "float64").y, whole, "kernel gradient", { relative: 1e-5, ofLargest: 1e-6 });
});

it.each([
  ["strided", { stride: 2, padding: 1 }, 1],
  ["dilated", { dilation: 2, padding: 2 }, 1],
  ["grouped", { padding: 1 }, 2],
] as const)("a %s convolution has no such form", (_, options, groups) => {
  const geometry = convGeometry([8, 8], [3, 3], options);
  const y = conv(input("x", [1, 8, 8, 4]), input("w", [9, 4 / groups, 4]), geometry, groups);
  expect(countOps(expandComposed(graphOf({ y }), always)).has("unfold")).toBe(true);
});

it("is chosen where there are many positions and channels", () => {
  const size = (batch: number, side: number, channels: number) => ({
    batch,
    geometry: convGeometry([side, side], [3, 3], { padding: 1 }),
    kernel: [9, channels, channels],
  });
  expect(convGains(size(8, 32, 64), "blocked")).toBe(true);
  expect(convGains(size(8, 16, 128), "blocked")).toBe(true);
  expect(convGains(size(8, 8, 128), "blocked")).toBe(false);
  expect(convGains(size(32, 14, 32), "blocked")).toBe(false);
  expect(convGains(size(32, 32, 3), "unfolded")).toBe(false);
});
