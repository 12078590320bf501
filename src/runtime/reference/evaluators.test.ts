import { describe, expect, it } from "vitest";
import { convGeometry, transposeGeometry } from "../../graph/geometry.ts";
import { graphOf } from "../../graph/graph.ts";
import {
  cast,
  constant,
  conv,
  erf,
  fold,
  gather,
  groupNorm,
  input,
  layerNorm,
  mul,
  scatterAdd,
  softmax,
  unfold,
} from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { randomWord } from "./scalar-functions.ts";
import { evaluate } from "./session.ts";

const numbersOf = (y: Tensor, feeds: Record<string, ArrayLike<number>> = {}) => [
  ...evaluate(graphOf({ y }), feeds, "float64").y,
];

describe("the reference agrees with closed forms", () => {
  it("erf, to the digits of Abramowitz and Stegun, table 7.1", () => {
    const x = [0, 0.5, 1, 1.5, 2, 3, 7, -1, Number.POSITIVE_INFINITY];
    const table = [0, 0.5204998778, 0.8427007929, 0.9661051465, 0.995322265, 0.9999779095, 1, -0.8427007929, 1];
    const y = numbersOf(erf(input("x", [9])), { x });
    table.forEach((value, i) => {
      expect(y[i]).toBeCloseTo(value, 9);
    });
    expect(numbersOf(erf(input("x", [1])), { x: [Number.NaN] })).toEqual([Number.NaN]);
  });

  it("softmax of logarithms is their proportions, also far from zero", () => {
    const y = numbersOf(softmax(input("x", [2, 2])), { x: [Math.log(1), Math.log(3), 1000, 1000 + Math.log(3)] });
    [0.25, 0.75, 0.25, 0.75].forEach((share, i) => {
      expect(y[i]).toBeCloseTo(share, 12);
    });
  });

  it("normalisation of ±1 around any mean", () => {
    const x = [11, 9, 11, 9];
    expect(numbersOf(layerNorm(input("x", [4]), 3), { x })).toEqual([0.5, -0.5, 0.5, -0.5]);
  });

  it("group normalisation takes each image and each group of channels alone", () => {
    // [N 2, S 2, C 4] in 2 groups: channels 0 and 1 hold ±1, 2 and 3 hold 10 ± 2; the second image is twice the first.
    const image = [1, -1, 12, 8, -1, 1, 8, 12];
    const x = [...image, ...image.map((value) => 2 * value)];
    const y = groupNorm(input("x", [2, 2, 4]), constant([1, 1, 1, 5]), constant([0, 0, 3, 0]), 2, 0);
    const expected = [1, -1, 4, -5, -1, 1, 2, 5];
    expect(numbersOf(y, { x })).toEqual([...expected, ...expected]);
  });

  it("convolution of a polynomial product: (1 + 2x + 3x²)(4 + 5x)", () => {
    const geometry = convGeometry([3], [2], { padding: 1 });
    // A convolution layer correlates, so the kernel is reversed.
    expect(numbersOf(conv(constant([1, 2, 3], [1, 3, 1]), constant([5, 4], [2, 1, 1]), geometry))).toEqual([
      4, 13, 22, 15,
    ]);
    const spread = transposeGeometry(convGeometry([4], [2]));
    expect(numbersOf(conv(constant([1, 2, 3], [1, 3, 1]), constant([4, 5], [2, 1, 1]), spread))).toEqual([
      4, 13, 22, 15,
    ]);
  });

  it("fold of unfold counts how often each position is read", () => {
    const geometry = convGeometry([4], [3], { padding: 1 });
    const ones = constant([1, 1, 1, 1], [1, 4, 1]);
    expect(numbersOf(fold(unfold(ones, geometry), geometry))).toEqual([2, 3, 3, 2]);
  });

  it("casts truncate towards zero, and any number but 0 is true", () => {
    const x = constant([-1.7, -0.5, 0, 0.5, 1.7]);
    expect(numbersOf(cast(x, "int32"))).toEqual([-1, 0, 0, 0, 1]);
    expect(numbersOf(cast(x, "bool"))).toEqual([1, 1, 0, 1, 1]);
  });

  it("integers wrap around", () => {
    const x = constant([2 ** 30, -(2 ** 31), 123456789], [3], "int32");
    const y = constant([2, -1, 987654321], [3], "int32");
    const exact = [2n ** 31n, 2n ** 31n, 123456789n * 987654321n].map((n) => Number(BigInt.asIntN(32, n)));
    expect(numbersOf(mul(x, y))).toEqual(exact);
  });

  it("indices out of range are refused", () => {
    const [table, indices] = [constant([1, 2, 3]), input("i", [1], "int32")];
    expect(() => numbersOf(gather(table, indices), { i: [3] })).toThrow(
      /index 3 is out of range for a table of 3 rows/,
    );
    expect(() => numbersOf(scatterAdd(indices, constant([1]), 2), { i: [-1] })).toThrow(/index -1 .* 2 rows/);
  });
});

describe("random words", () => {
  it("are those of the formula in unbounded integers", () => {
    const mask = 0xffffffffn;
    const hash = (word: bigint) => {
      let u = word & mask;
      u ^= u >> 16n;
      u = (u * 0x7feb352dn) & mask;
      u ^= u >> 15n;
      u = (u * 0x846ca68bn) & mask;
      return u ^ (u >> 16n);
    };
    for (const [seed0, seed1, stream, position] of [
      [0, 0, 0, 0],
      [1, 2, 3, 4],
      [-1, -2, 2 ** 31 - 1, 123456],
      [2 ** 31 - 1, -(2 ** 31), 77, 4_000_000_000],
    ]) {
      const inner = hash((BigInt(position) ^ BigInt(seed0)) & mask);
      const offset = BigInt(seed1) + BigInt(stream) * 0x9e3779b9n;
      expect(BigInt(randomWord(seed0, seed1, stream, position))).toBe(hash((inner + offset) & mask));
    }
  });

  it("look uniform: mean, variance and neighbours", () => {
    const count = 100_000;
    const u = Array.from({ length: count }, (_, i) => randomWord(5, 6, 7, i) / 2 ** 32 - 0.5);
    const mean = u.reduce((a, b) => a + b, 0) / count;
    const variance = u.reduce((a, b) => a + b * b, 0) / count;
    const neighbours = u.slice(1).reduce((total, value, i) => total + value * u[i], 0) / count;
    // Standard errors: 0.00091, 0.00024, 0.00026.
    expect(Math.abs(mean)).toBeLessThan(0.004);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.001);
    expect(Math.abs(neighbours)).toBeLessThan(0.0011);
  });
});
