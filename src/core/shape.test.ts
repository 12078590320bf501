import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.ts";
import {
  broadcastShapes,
  formatShape,
  newArray,
  normaliseAxis,
  permuteAxes,
  sameShape,
  sizeOf,
  stridesOf,
} from "./shape.ts";

const extents = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 5 });

describe("sizes and strides", () => {
  it("of a scalar are 1 and none", () => {
    expect(sizeOf([])).toBe(1);
    expect(stridesOf([])).toEqual([]);
  });

  it("are row-major", () => {
    expect(sizeOf([2, 3, 4])).toBe(24);
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(stridesOf([5, 1, 7])).toEqual([7, 7, 1]);
  });

  it("number every element once", () => {
    fc.assert(
      fc.property(extents, (shape) => {
        const strides = stridesOf(shape);
        let positions = [0];
        shape.forEach((extent, axis) => {
          positions = positions.flatMap((p) => Array.from({ length: extent }, (_, i) => p + i * strides[axis]));
        });
        expect(positions).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
      }),
      { seed: 1 },
    );
  });
});

describe("broadcastShapes", () => {
  // The examples of the NumPy manual, "Broadcasting", General broadcasting rules.
  it.each([
    [
      [8, 1, 6, 1],
      [7, 1, 5],
      [8, 7, 6, 5],
    ],
    [[5, 4], [1], [5, 4]],
    [[5, 4], [4], [5, 4]],
    [
      [15, 3, 5],
      [15, 1, 5],
      [15, 3, 5],
    ],
    [
      [15, 3, 5],
      [3, 5],
      [15, 3, 5],
    ],
    [
      [15, 3, 5],
      [3, 1],
      [15, 3, 5],
    ],
    [[], [2, 3], [2, 3]],
  ])("%j and %j give %j", (a, b, expected) => {
    expect(broadcastShapes(a, b)).toEqual(expected);
    expect(broadcastShapes(b, a)).toEqual(expected);
  });

  it.each([
    [[3], [4]],
    [
      [2, 1],
      [8, 4, 3],
    ],
  ])("%j and %j do not fit", (a, b) => {
    expect(() => broadcastShapes(a, b)).toThrow(ShapeError);
    expect(() => broadcastShapes(a, b)).toThrow(`${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  });

  it("takes any number of shapes", () => {
    expect(broadcastShapes()).toEqual([]);
    expect(broadcastShapes([3, 1], [1, 4], [2, 1, 1])).toEqual([2, 3, 4]);
  });
});

describe("normaliseAxis", () => {
  it("counts from either end", () => {
    expect([0, 2, -1, -3].map((axis) => normaliseAxis(axis, 3))).toEqual([0, 2, 2, 0]);
  });

  it.each([
    [3, 3],
    [-4, 3],
    [0, 0],
    [0.5, 3],
    [Number.NaN, 3],
  ])("refuses axis %d of %d", (axis, rank) => {
    expect(() => normaliseAxis(axis, rank)).toThrow(`axis ${axis} is out of range for a tensor of ${rank} axes`);
  });
});

it("sameShape compares ranks and extents", () => {
  expect(sameShape([2, 3], [2, 3])).toBe(true);
  expect(sameShape([2, 3], [3, 2])).toBe(false);
  expect(sameShape([2], [2, 1])).toBe(false);
  expect(sameShape([], [])).toBe(true);
});

it("newArray makes the array of each dtype, filled with zeros", () => {
  expect(newArray("float32", 2)).toEqual(new Float32Array(2));
  expect(newArray("int32", 1)).toEqual(new Int32Array(1));
  expect(newArray("bool", 3)).toEqual(new Uint8Array(3));
});

describe("permuteAxes", () => {
  it("transposes a matrix", () => {
    expect(permuteAxes([1, 2, 3, 4, 5, 6], [2, 3], [1, 0], [0, 0, 0, 0, 0, 0])).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("moves each element to its place, in any order of axes", () => {
    const property = fc.property(extents, fc.infiniteStream(fc.nat()), (shape, draws) => {
      const left = shape.map((_, axis) => axis);
      const order = shape.map(() => left.splice(draws.next().value % left.length, 1)[0]);
      const strides = stridesOf(shape);
      const moved = permuteAxes(
        Array.from({ length: sizeOf(shape) }, (_, i) => i),
        shape,
        order,
        new Array<number>(sizeOf(shape)).fill(-1),
      );
      const movedStrides = stridesOf(order.map((axis) => shape[axis]));
      moved.forEach((source, position) => {
        order.forEach((axis, i) => {
          const expected = Math.floor(position / movedStrides[i]) % shape[axis];
          expect(Math.floor(source / strides[axis]) % shape[axis]).toBe(expected);
        });
      });
    });
    fc.assert(property, { seed: 1, numRuns: 50 });
  });
});
