/**
 * The judge says that real digits are good and that noise, blurred digits and one digit alone are not.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, NotFiniteError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Batch } from "../data/dataset.ts";
import { digits } from "../data/digits.node.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { type DigitsJudgement, type Judge, judgeDigits, loadJudge } from "./digits-judge.node.ts";

const AREA = 784;
const COUNT = 250;

let judge: Judge;
let train: Batch;

beforeAll(async () => {
  judge = await loadJudge(nodeRuntime());
  // Digits of the training split: real, and none of those that the judge compares with.
  train = await (await digits({ split: "train" })).read(Array.from({ length: 6000 }, (_, i) => i));
});
afterAll(() => judge[Symbol.asyncDispose]());

const realDigits = (count: number) => train.images.slice(0, count * AREA);

function onlyDigit(digit: number, count: number): Float32Array {
  const chosen = [...train.labels!.keys()].filter((i) => train.labels![i] === digit).slice(0, count);
  const images = new Float32Array(count * AREA);
  for (const [n, i] of chosen.entries()) images.set(train.images.subarray(i * AREA, (i + 1) * AREA), n * AREA);
  return images;
}

/** The mean over a square of side 2 · reach + 1 around each pixel; black outside. */
function blurred(images: Float32Array, reach: number): Float32Array {
  const side = 2 * reach + 1;
  return images.map((_, i) => {
    const [y, x] = [Math.floor((i % AREA) / 28), i % 28];
    let sum = 0;
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const inside = y + dy >= 0 && y + dy < 28 && x + dx >= 0 && x + dx < 28;
        sum += inside ? images[i + dy * 28 + dx] : -1;
      }
    }
    return sum / side ** 2;
  });
}

/** Uniform in [-1, 1]. */
const noise = (count: number) =>
  Random.from(1, "noise")
    .fillUniform(new Float32Array(count * AREA))
    .map((u) => 2 * u - 1);

const judged = (images: Float32Array, seed = 0) => judgeDigits({ images, judge, seed });

describe("judgeDigits", () => {
  let real: DigitsJudgement;
  beforeAll(async () => {
    real = await judged(realDigits(COUNT));
  });

  it("finds real digits good", () => {
    expect(real.count).toBe(COUNT);
    // 0.9675 of 10,000 training digits; three standard deviations of a share of 250 below.
    expect(real.shareOver90).toBeGreaterThan(0.934);
    expect(real.digits).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(real.missing).toEqual([]);
    expect(real.frechet.ratio).toBeGreaterThan(0.5);
    expect(real.frechet.ratio).toBeLessThan(2);
    expect(real.frechet.ratio).toBe(real.frechet.generated / real.frechet.floor);
    expect(real.frechet.generated).toBe(real.features.frechetDistance.generated);
    expect(real.frechet.floorSets).toBe(10);
    expect(Math.abs(real.features.frechetDistance.real - real.frechet.floor)).toBeLessThan(4 * real.frechet.floorStd);
    expect(real.clipped).toBe(0);
    expect(real.features.precision.generated).toBeGreaterThan(0.6);
    expect(real.features.recall.generated).toBeGreaterThan(0.6);
  });

  it("finds noise far away", async () => {
    const result = await judged(noise(COUNT));
    expect(result.frechet.ratio).toBeGreaterThan(20);
    expect(result.features.precision.generated).toBeLessThan(0.05);
    expect(result.features.kernelDistance.generated).toBeGreaterThan(10 * Math.abs(real.features.kernelDistance.real));
  });

  it("finds blurred digits worse than real ones, the more the more they are blurred", async () => {
    const [little, much] = [await judged(blurred(realDigits(COUNT), 1)), await judged(blurred(realDigits(COUNT), 2))];
    expect(little.frechet.generated).toBeGreaterThan(2 * real.frechet.generated);
    expect(much.frechet.generated).toBeGreaterThan(2 * little.frechet.generated);
    expect(little.shareOver90).toBeLessThan(real.shareOver90);
    expect(much.shareOver90).toBeLessThan(little.shareOver90);
  });

  it("finds one digit alone sure, and yet far away", async () => {
    const result = await judged(onlyDigit(4, COUNT));
    expect(result.shareOver90).toBeGreaterThan(0.9);
    expect(result.frechet.ratio).toBeGreaterThan(10);
    expect(result.missing.length).toBeGreaterThan(0);
    expect(result.missing).not.toContain(4);
    expect([...result.digits, ...result.missing].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(result.classes.histogram.generated[4]).toBeGreaterThan(0.95 * COUNT);
    expect(result.features.recall.generated).toBeLessThan(0.5);
    expect(result.lines.join("\n")).toContain(`digits that do not occur: ${result.missing.join(", ")}`);
  });

  it("works with 100 images and says that they are few", async () => {
    const result = await judged(realDigits(100));
    expect(result.features).toMatchObject({ count: 100, reference: 1000, dimension: 64 });
    expect(result.few).toBe(true);
    expect(result.lines.join("\n")).toMatch(/100 images are few/);
    expect(result.frechet.ratio).toBeLessThan(2);
    expect(result.lines.join("\n")).toMatch(
      /times that of real against real \([\d.]+ ± [\d.]+ over 10 sets of real digits\)/,
    );
    // The floor is that of 100 real digits, above the one of 250.
    expect(result.frechet.floor).toBeGreaterThan(real.frechet.floor);
    expect(await judged(noise(100))).toMatchObject({ count: 100, few: true });
  });

  it("takes a larger reference for more images, and then says nothing of few", async () => {
    const result = await judged(realDigits(1100));
    expect(result.features).toMatchObject({ count: 1100, reference: 1100 });
    expect(result.few).toBe(false);
    expect(result.frechet.floorSets).toBe(4); // 4 times 1,100 of 5,000
    expect(result.lines.join("\n")).not.toMatch(/few/);
    expect(result.frechet.floor).toBeLessThan(real.frechet.floor);
  });

  it("is a function of the images and the seed, survives JSON and prints lines without colour", async () => {
    expect(await judged(realDigits(COUNT))).toEqual(real);
    expect((await judged(realDigits(COUNT), 1)).frechet.floor).not.toBe(real.frechet.floor);
    expect(JSON.parse(JSON.stringify(real))).toEqual(real);
    expect(real.lines[0]).toMatch(/^250 images against 1000 real ones +generated +real +better$/);
    expect(real.lines).toContain("all ten digits occur");
    expect(real.lines.join("")).not.toContain("\u001b");
  });

  it("judges what a picture shows: pixels outside of [-1, 1] are clipped and counted", async () => {
    const images = realDigits(COUNT).map((value) => value * 1.5);
    const result = await judged(images);
    const outside = images.filter((value) => Math.abs(value) > 1 + 1 / 255).length;
    expect(result.clipped).toBe(outside / images.length);
    expect(result.clipped).toBeGreaterThan(0.5); // all of the background
    expect(result.lines.at(-1)).toMatch(/% of the pixels lay outside of \[-1, 1\] and were clipped$/);
    const clipped = await judged(images.map((value) => Math.min(1, Math.max(-1, value))));
    expect(result.frechet).toEqual(clipped.frechet);
  });

  it("refuses what it cannot judge", async () => {
    await expect(judged(realDigits(5))).rejects.toThrow(DataError);
    await expect(judged(realDigits(5))).rejects.toThrow(/5 images.*give 6 to 5000/);
    await expect(judged(realDigits(5001))).rejects.toThrow(/5001 images.*give 6 to 5000/);
    await expect(judged(new Float32Array(0))).rejects.toThrow(DataError);
    await expect(judged(new Float32Array(10 * 1024))).rejects.toThrow(/10240 values are not whole images/);
    const broken = realDigits(10);
    broken[3 * AREA + 5] = Number.NaN;
    await expect(judged(broken)).rejects.toThrow(NotFiniteError);
    await expect(judged(broken)).rejects.toThrow(/image 3 has a pixel of NaN/);
  });
});

describe("Judge.features", () => {
  it("gives an image the same numbers whatever stands beside it", async () => {
    const all = await judge.features(realDigits(230)); // two full runs and a part of one
    expect(all.features).toMatchObject({ count: 230, dimension: 64 });
    expect(all.probabilities).toMatchObject({ count: 230, classes: 10 });
    const alone = await judge.features(train.images.slice(229 * AREA, 230 * AREA));
    const last = all.features.data.slice(229 * 64);
    for (const [k, value] of last.entries()) expect(alone.features.data[k]).toBeCloseTo(value, 4);
    for (let i = 0; i < 230; i++) {
      const total = [...all.probabilities.data.subarray(i * 10, i * 10 + 10)].reduce((sum, p) => sum + p, 0);
      expect(total).toBeCloseTo(1, 5);
    }
  });
});
