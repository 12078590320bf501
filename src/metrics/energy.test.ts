import { describe, expect, it } from "vitest";
import { DataError, NotFiniteError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { readPoints, toy } from "../data/toy.ts";
import { energyDistance, judgePoints } from "./energy.ts";
import type { Features } from "./features.ts";

const set = (dimension: number, ...data: number[]): Features => ({
  data: Float64Array.from(data),
  count: data.length / dimension,
  dimension,
});

describe("energyDistance", () => {
  it("of sets worked by hand", () => {
    // One point each: twice their distance. {0, 2} and {1}: 2·1 - (0+2+2+0)/4 - 0.
    expect(energyDistance(set(2, 0, 0), set(2, 3, 4))).toBe(10);
    expect(energyDistance(set(1, 0, 2), set(1, 1))).toBe(1);
    expect(energyDistance(set(1, 1), set(1, 0, 2))).toBe(1);
    expect(energyDistance(set(1, 5, 7, 11), set(1, 5, 7, 11))).toBe(0);
  });

  it("between normal sets a shift apart is that of the formula", () => {
    // For N(0,1) and N(δ,1) in one dimension |X-Y| is folded normal: E = 2/√π e^(-δ²/4) + δ erf(δ/2); E|X-X'| = 2/√π.
    const count = 4000;
    const random = Random.from(1);
    const x = Float64Array.from(random.normals(count));
    const y = Float64Array.from(random.normals(count), (value) => value + 1);
    const erfHalf = 0.5204998778130465;
    const expected = 2 * ((2 / Math.sqrt(Math.PI)) * Math.exp(-0.25) + erfHalf - 2 / Math.sqrt(Math.PI));
    expect(energyDistance(set(1, ...x), set(1, ...y))).toBeCloseTo(expected, 1);
    expect(expected).toBeCloseTo(0.5418, 4);
  });

  it("of two sets of one distribution has the mean (1/n + 1/m) E|X - X'|", () => {
    const [n, m, trials] = [40, 60, 300];
    let sum = 0;
    for (let trial = 0; trial < trials; trial++) {
      const random = Random.from(trial, "energy");
      sum += energyDistance(set(1, ...random.normals(n)), set(1, ...random.normals(m))) / trials;
    }
    const expected = (1 / n + 1 / m) * (2 / Math.sqrt(Math.PI)); // 0.0470; its standard error here is about 0.0017
    expect(Math.abs(sum - expected)).toBeLessThan(0.006);
  });

  it("refuses empty sets, sets of two dimensions, and numbers that are none", () => {
    expect(() => energyDistance(set(2), set(2, 1, 1))).toThrow(DataError);
    expect(() => energyDistance(set(2, 1, 1), set(1, 1))).toThrow(DataError);
    expect(() => energyDistance(set(1, Number.NaN), set(1, 1))).toThrow(NotFiniteError);
  });
});

describe("judgePoints", () => {
  const real = async (seed: number, count = 500) =>
    await readPoints(toy({ name: "moons", points: count, seed }), count);

  it("finds real points as good as real points", async () => {
    const { energy, strays, count, lines } = await judgePoints({ points: await real(7), data: { name: "moons" } });
    expect(count).toBe(500);
    expect(energy.ratio).toBeGreaterThan(0.3);
    expect(energy.ratio).toBeLessThan(2.5);
    expect(strays).toBe(0);
    expect(lines.join("\n")).toMatch(/500 points.*moons[\s\S]*times that of real against real/);
  });

  it("finds points that are shifted, or of another shape, worse; and those that lie alone", async () => {
    const shifted = (await real(7)).map((value) => value + 0.1);
    expect((await judgePoints({ points: shifted, data: { name: "moons" } })).energy.ratio).toBeGreaterThan(4);
    expect((await judgePoints({ points: await real(7), data: { name: "rings" } })).energy.ratio).toBeGreaterThan(4);
    const alone = (await real(7)).map((value, i) => (i < 100 ? 5 : value));
    expect((await judgePoints({ points: alone, data: { name: "moons" } })).strays).toBe(0.1);
  });

  it("refuses too few, halves, and numbers that are none", async () => {
    const judge = (points: Float32Array) => judgePoints({ points, data: { name: "moons" } });
    await expect(judge(new Float32Array(18))).rejects.toThrow(/10 to 10,000/);
    await expect(judge(new Float32Array(21))).rejects.toThrow(DataError);
    await expect(judge(new Float32Array(40).fill(Number.NaN))).rejects.toThrow(NotFiniteError);
  });
});
