import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { drawGeometry } from "../runtime/testing/cases.ts";
import { Draw } from "../runtime/testing/draw.ts";
import { type ConvGeometry, convGeometry, isPointwise, neighbours, transposeGeometry } from "./geometry.ts";
import { inScope } from "./scope.ts";

describe("convGeometry", () => {
  // Output extents by Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2018), relationships
  // 1 to 6 and 15: floor((i + 2p − k − (k − 1)(d − 1)) / s) + 1.
  it.each([
    { i: 4, k: 3, s: 1, p: 0, d: 1, o: 2 },
    { i: 5, k: 4, s: 1, p: 2, d: 1, o: 6 },
    { i: 5, k: 3, s: 1, p: 1, d: 1, o: 5 },
    { i: 5, k: 3, s: 2, p: 0, d: 1, o: 2 },
    { i: 6, k: 3, s: 2, p: 1, d: 1, o: 3 },
    { i: 7, k: 3, s: 1, p: 0, d: 2, o: 3 },
  ])("of $i positions, kernel $k, stride $s, padding $p, dilation $d has $o outputs", ({ i, k, s, p, d, o }) => {
    const options = { stride: s, padding: p, dilation: d };
    expect(convGeometry([i], [k], options).output).toEqual([o]);
    expect(convGeometry([i, i, i], [k, k, k], options).output).toEqual([o, o, o]);
  });

  it("takes values for each axis and uneven padding", () => {
    const geometry = convGeometry([7, 8], [3, 2], { stride: [2, 1], dilation: [1, 3], padding: [0, 1] });
    expect(geometry.output).toEqual([3, 6]);
    expect(geometry.before).toEqual([0, 0]);
  });

  it.each<[RegExp, () => ConvGeometry]>([
    [/reaches 5 does not fit 2 positions padded by 1 and 1/, () => convGeometry([2], [5], { padding: 1 })],
    [/kernel of 1 axes does not fit an input of 2/, () => convGeometry([4, 4], [3])],
    [/stride .* 1 integers of at least 1, not \[0\]/, () => convGeometry([4], [3], { stride: 0 })],
    [/stride .* 2 integers of at least 1, not \[2\]/, () => convGeometry([4, 4], [3, 3], { stride: [2] })],
    [/dilation .* not \[1.5\]/, () => convGeometry([4], [3], { dilation: 1.5 })],
    [/padding .* at least 0, not \[-1, -1\]/, () => convGeometry([4], [3], { padding: -1 })],
    [/kernel .* not \[0\]/, () => convGeometry([4], [0])],
  ])("refuses: %s", (message, make) => {
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(message);
    expect(() => inScope("stem", make)).toThrow(/^in stem: /);
  });
});

describe("neighbours", () => {
  /** By search: the position that fulfils the definition in the header of geometry.ts, or none. */
  function byDefinition(geometry: ConvGeometry): number[] {
    const { input, output, kernel, stride, dilation, before, transposed } = geometry;
    const indices = (shape: readonly number[]) =>
      shape.reduce<number[][]>(
        (all, extent) => all.flatMap((index) => Array.from({ length: extent }, (_, i) => [...index, i])),
        [[]],
      );
    const sources = indices(input);
    return indices(output).flatMap((written) =>
      indices(kernel).map((tap) => {
        const found = sources.findIndex((read) =>
          read.every((_, axis) => {
            const [q, p] = transposed ? [read[axis], written[axis]] : [written[axis], read[axis]];
            return q * stride[axis] - before[axis] + tap[axis] * dilation[axis] === p;
          }),
        );
        return found === -1 ? sources.length : found;
      }),
    );
  }

  it("agree with a search by definition", () => {
    const property = fc.property(fc.gen(), (generator) => {
      const geometry = drawGeometry(new Draw(generator));
      expect([...neighbours(geometry)]).toEqual(byDefinition(geometry));
    });
    fc.assert(property, { seed: 20261123, numRuns: 200 });
  });

  it("connect the same pairs in both directions", () => {
    const property = fc.property(fc.gen(), (generator) => {
      const geometry = drawGeometry(new Draw(generator));
      const taps = sizeOf(geometry.kernel);
      const pairs = (g: ConvGeometry, flip: boolean) => {
        const nowhere = sizeOf(g.input);
        const connected = [...neighbours(g)].map((from, i) => [from, Math.floor(i / taps), i % taps] as const);
        return connected
          .filter(([from]) => from !== nowhere)
          .map(([from, to, tap]) => (flip ? `${to} ${from} ${tap}` : `${from} ${to} ${tap}`))
          .sort();
      };
      expect(pairs(transposeGeometry(geometry), true)).toEqual(pairs(geometry, false));
    });
    fc.assert(property, { seed: 20261123, numRuns: 50 });
  });

  it("of a 3-wide kernel padded by 1 are left, middle and right", () => {
    expect([...neighbours(convGeometry([3], [3], { padding: 1 }))]).toEqual([3, 0, 1, 0, 1, 2, 1, 2, 3]);
  });
});

it("isPointwise holds only where each output reads the input of its index", () => {
  expect(isPointwise(convGeometry([4, 4], [1, 1]))).toBe(true);
  expect(isPointwise(convGeometry([4], [1], { dilation: 3 }))).toBe(true);
  expect(isPointwise(convGeometry([1], [1], { stride: 2 }))).toBe(false);
  expect(isPointwise(convGeometry([4], [1], { padding: [0, 1] }))).toBe(false);
  expect(isPointwise(convGeometry([4], [1], { padding: [1, 0] }))).toBe(false);
  expect(isPointwise(convGeometry([4], [3], { padding: 1 }))).toBe(false);
});
