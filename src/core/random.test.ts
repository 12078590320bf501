import { describe, expect, it } from "vitest";
import { Random, threefry2x32 } from "./random.ts";

describe("threefry2x32", () => {
  // Known-answer vectors of Random123 (kat_vectors, threefry2x32, 20 rounds).
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])("key %j, counter %j", (key, counter, expected) => {
    const out = new Uint32Array(2);
    threefry2x32(key[0], key[1], counter[0], counter[1], out);
    expect([...out]).toEqual(expected);
  });
});

describe("Random", () => {
  it("draws standard normal numbers", () => {
    const draws = Random.from(1).normals(200_000);
    const moment = (power: number) => draws.reduce((sum, z) => sum + z ** power, 0) / draws.length;
    // Standard errors of the moments of 200,000 draws: 0.0022, 0.0032, 0.0087, 0.022.
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015);
    expect(Math.abs(moment(3))).toBeLessThan(0.04);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });

  it("continues from its state", () => {
    const random = Random.from(7, "noise");
    random.normals(5);
    const restored = Random.restore(JSON.parse(JSON.stringify(random.state)));
    expect(restored.normals(9)).toEqual(random.normals(9));
  });

  it("gives independent streams by path and by seed", () => {
    const first = (random: Random) => random.uint32();
    const draws = [
      Random.from(0),
      Random.from(1),
      Random.from(2 ** 32),
      Random.from(0, "a"),
      Random.from(0, "a", "b"),
      Random.from(0, "ab"),
      Random.from(0, 1),
      Random.from(0, "1"),
    ].map(first);
    expect(new Set(draws).size).toBe(draws.length);
  });

  it("permutes without loss", () => {
    const order = Random.from(3).permutation(1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order].filter((value, i) => value === i).length).toBeLessThan(10);
  });
});
