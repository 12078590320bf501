import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import { batches } from "./batches.ts";
import { bytesDataset } from "./memory.ts";
import { arePoints, readPoints, type ToyName, toy, toyNames } from "./toy.ts";

const COUNT = 20_000;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function drawn(name: ToyName) {
  const points = await readPoints(toy({ name }), COUNT);
  const x = Array.from({ length: COUNT }, (_, i) => points[2 * i]);
  const y = Array.from({ length: COUNT }, (_, i) => points[2 * i + 1]);
  return { x, y, points };
}

/** The average of f over (0, 1) by the midpoint rule. */
const average = (f: (u: number) => number) => mean(Array.from({ length: 10_000 }, (_, i) => f((i + 0.5) / 10_000)));

// E x, E y, E x², E y², each from the formulas at the head of toy.ts.
const spiral = (power: number, side: (a: number) => number) =>
  average((u) => {
    const a = Math.PI * (1.5 + 3 * u);
    return ((0.9 / (4.5 * Math.PI)) * a * side(a)) ** power;
  });
const moments: Record<ToyName, [number, number, number, number]> = {
  // Both moons: x has the means 0 and 1 and the variance 1/2, y the means 2/π and 1/2 - 2/π and the variance 1/2 - 4/π².
  moons: [
    0,
    0,
    0.55 ** 2 * (0.5 + 0.25) + 0.04 ** 2,
    0.55 ** 2 * (0.5 - 4 / Math.PI ** 2 + (2 / Math.PI - 0.25) ** 2) + 0.04 ** 2,
  ],
  swissRoll: [
    spiral(1, Math.cos),
    spiral(1, Math.sin),
    spiral(2, Math.cos) + 0.025 ** 2,
    spiral(2, Math.sin) + 0.025 ** 2,
  ],
  checkerboard: [0, 0, 1 / 3, 1 / 3],
  eightGaussians: [0, 0, 0.75 ** 2 / 2 + 0.06 ** 2, 0.75 ** 2 / 2 + 0.06 ** 2],
  rings: [0, 0, (0.45 ** 2 + 0.85 ** 2) / 4 + 0.03 ** 2, (0.45 ** 2 + 0.85 ** 2) / 4 + 0.03 ** 2],
};

describe.each(toyNames)("%s", (name) => {
  it("has the moments of its formula, within five standard errors", async () => {
    const { x, y } = await drawn(name);
    const found = [mean(x), mean(y), mean(x.map((v) => v * v)), mean(y.map((v) => v * v))];
    // A coordinate lies in about [-1, 1], so its standard deviation and that of its square are at most 0.65.
    for (const [i, expected] of moments[name].entries()) {
      expect(Math.abs(found[i] - expected)).toBeLessThan((5 * 0.65) / Math.sqrt(COUNT));
    }
  });

  it("lies in the square of images, with their spread", async () => {
    const { points, x, y } = await drawn(name);
    expect(points.filter((value) => Math.abs(value) > 1).length / points.length).toBeLessThan(1e-4);
    const std = Math.sqrt((mean(x.map((v) => v * v)) + mean(y.map((v) => v * v))) / 2);
    expect(std).toBeGreaterThan(0.38);
    expect(std).toBeLessThan(0.6);
  });
});

describe("where the points are", () => {
  it("of the board: in the eight dark squares, equally often", async () => {
    const { x, y } = await drawn("checkerboard");
    const counts = new Map<string, number>();
    x.forEach((value, i) => {
      const [column, row] = [value, y[i]].map((v) => Math.min(3, Math.floor((v + 1) * 2)));
      expect((column + row) % 2).toBe(0);
      counts.set(`${column} ${row}`, (counts.get(`${column} ${row}`) ?? 0) + 1);
    });
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(Math.abs(count - COUNT / 8)).toBeLessThan(5 * Math.sqrt(COUNT / 8));
  });

  it("of a cluster, a ring, a moon: by their labels", async () => {
    const read = async (name: ToyName) => {
      const { images, labels } = await toy({ name }).read(Array.from({ length: 2000 }, (_, i) => i));
      return Array.from(labels!, (label, i) => ({ label, x: images[2 * i], y: images[2 * i + 1] }));
    };
    for (const { label, x, y } of await read("eightGaussians")) {
      const angle = (label * Math.PI) / 4;
      expect(Math.hypot(x - 0.75 * Math.cos(angle), y - 0.75 * Math.sin(angle))).toBeLessThan(5 * 0.06);
    }
    for (const { label, x, y } of await read("rings")) {
      expect(Math.abs(Math.hypot(x, y) - [0.45, 0.85][label])).toBeLessThan(5 * 0.03);
    }
    for (const { label, x, y } of await read("moons")) {
      const [cx, cy] = label === 0 ? [-0.5, -0.25] : [0.5, 0.25];
      expect(Math.abs(Math.hypot(x - 0.55 * cx, y - 0.55 * cy) - 0.55)).toBeLessThan(5 * 0.04);
    }
  });
});

describe("a set of points", () => {
  it("is the same at every reading, in any order, and another for another seed", async () => {
    const data = toy({ name: "moons", points: 50, seed: 3 });
    const { images } = await data.read([7, 2]);
    const again = await toy({ name: "moons", seed: 3 }).read([2, 7]);
    expect([...again.images]).toEqual([images[2], images[3], images[0], images[1]]);
    expect([...(await toy({ name: "moons", seed: 4 }).read([7, 2])).images]).not.toEqual([...images]);
    expect([...(await toy({ name: "rings", seed: 3 }).read([7, 2])).images]).not.toEqual([...images]);
  });

  it("is a data set of images [2, 1, 1] that batches are made of", async () => {
    const data = toy({ name: "checkerboard", points: 10 });
    expect(data).toMatchObject({ size: 10, channels: 2, height: 1, width: 1, classes: undefined });
    const stream = batches(data, { batch: 8, seed: 0 });
    const { value } = await stream.next();
    expect(value!.images).toHaveLength(16);
    expect(value!.labels).toBeUndefined();
    await stream.return();
  });

  it("refuses what it has not", async () => {
    expect(() => toy({ name: "moon" as never })).toThrow(/no points called "moon"\. Did you mean moons/);
    expect(() => toy({ name: "moons", points: 0 })).toThrow(ConfigError);
    expect(() => toy({ name: "moons", seed: -1 })).toThrow(/seed must be a whole number from 0, not -1/);
    await expect(toy({ name: "moons", points: 3 }).read([3])).rejects.toThrow(DataError);
    const images = bytesDataset({ name: "grey", images: new Uint8Array(4), channels: 1, height: 2, width: 2 });
    await expect(readPoints(images, 1)).rejects.toThrow(/grey has images of 1 × 2 × 2; points/);
  });

  it("is told apart from images by its shape", () => {
    expect(
      [
        [2, 1, 1],
        [64, 2, 1, 1],
        [3, 1, 1],
        [1, 2, 2, 1],
      ].map(arePoints),
    ).toEqual([true, true, false, false]);
  });
});
