import { describe, expect, it } from "vitest";
import { DataError, ShapeError } from "../core/errors.ts";
import { toDisplayRange } from "./dataset.ts";
import { bytesDataset } from "./memory.ts";
import { Levels } from "./normalise.ts";

// Two images of 1×2 pixels and three channels: pixel by pixel, red green blue.
const images = Uint8Array.of(0, 51, 255, 255, 102, 0, 255, 51, 255, 0, 102, 0);
const base = { name: "tiny", images, channels: 3, height: 1, width: 2 };

describe("bytesDataset", () => {
  it("reads planes in [-1, 1], in the order of the indices", async () => {
    const dataset = bytesDataset({ ...base, labels: [1, 0], classes: ["a", "b"] });
    expect(dataset).toMatchObject({ name: "tiny", size: 2, channels: 3, height: 1, width: 2, classes: ["a", "b"] });
    const batch = await dataset.read([1, 0, 1]);
    // byte / 127.5 - 1: 0 → -1, 51 → -0.6, 102 → -0.2, 255 → 1
    const f = Math.fround;
    const first = [-1, 1, f(-0.6), f(-0.2), 1, -1];
    const second = [1, -1, f(-0.6), f(-0.2), 1, -1];
    expect([...batch.images]).toEqual([...second, ...first, ...second]);
    expect(batch.labels).toEqual(Int32Array.of(0, 1, 0));
    expect((await bytesDataset(base).read([0])).labels).toBeUndefined();
  });

  it("standardises, and shows again", async () => {
    const levels = new Levels(3);
    levels.add(images);
    const moments = levels.moments("tiny");
    // Red is -1, 1, 1, -1: mean 0, std 1. Green is -0.6, -0.2 twice: mean -0.4, std 0.2.
    [0, -0.4, 0].forEach((mean, c) => {
      expect(moments.mean[c]).toBeCloseTo(mean, 12);
    });
    [1, 0.2, 1].forEach((std, c) => {
      expect(moments.std[c]).toBeCloseTo(std, 12);
    });
    const dataset = bytesDataset({ ...base, moments });
    const batch = await dataset.read([0]);
    [-1, 1, -1, 1, 1, -1].forEach((x, i) => {
      expect(batch.images[i]).toBeCloseTo(x, 6);
    });
    const shown = toDisplayRange(dataset, batch.images);
    (await bytesDataset(base).read([0])).images.forEach((x, i) => {
      expect(shown[i]).toBeCloseTo(x, 6);
    });
    expect(() => toDisplayRange(dataset, new Float32Array(7))).toThrow(ShapeError);
  });

  it("does not depend on the order in which pixels are counted", () => {
    const [one, two] = [new Levels(1), new Levels(1)];
    const bytes = new Uint8Array(1000).map((_, i) => (i * i * 7 + 3) % 256);
    one.add(bytes);
    for (let i = 900; i >= 0; i -= 100) two.add(bytes.subarray(i, i + 100).toReversed());
    expect(two.moments("set")).toEqual(one.moments("set"));
  });

  it("refuses what cannot be used", async () => {
    expect(() => bytesDataset({ ...base, images: new Uint8Array() })).toThrow(DataError);
    expect(() => bytesDataset({ ...base, images: new Uint8Array(7) })).toThrow(ShapeError);
    expect(() => bytesDataset({ ...base, labels: [0], classes: ["a"] })).toThrow(/2 images, but 1 labels/);
    expect(() => bytesDataset({ ...base, labels: [0, 2], classes: ["a", "b"] })).toThrow(
      /image 1 of tiny has the label 2/,
    );
    expect(() => bytesDataset({ ...base, labels: [0, 1] })).toThrow(/labels and classes go together/);
    for (const index of [2, -1, 0.5]) {
      await expect(bytesDataset(base).read([0, index])).rejects.toThrow(
        `examples 0 to 1; there is no example ${index}`,
      );
    }
    const levels = new Levels(1);
    levels.add(new Uint8Array(5));
    expect(() => levels.moments("black")).toThrow(/channel 0 of black is the same in every pixel/);
  });
});
