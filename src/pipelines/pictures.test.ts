import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesDataset } from "../data/memory.ts";
import { linear, vp } from "../diffusion/discrete-vp.ts";
import { straightLine } from "../diffusion/straight-line.ts";
import { writeForward, writeSamples } from "./pictures.node.ts";
import { denoisingAnimation, forwardPicture, forwardTimes, samplesPicture, scaleFor } from "./pictures.ts";

const shape = [2, 1, 4, 4];

describe("the forward strip", () => {
  it("is even on the path, from its data end to its noise end", () => {
    expect(forwardTimes(straightLine(), 3)).toEqual([0, 0.5, 1]);
    expect(forwardTimes(vp(linear()), 4)).toEqual([0, 333, 666, 999]);
  });

  it("begins with the image and ends with noise alone", () => {
    const white = new Float32Array(32).fill(1);
    const picture = forwardPicture(white, shape, straightLine(), 0);
    const scale = scaleFor(shape);
    const cell = 4 * scale;
    expect([picture.width, picture.height]).toEqual([8 * (cell + 2) + 2, 2 * (cell + 2) + 2]);
    const pixel = (column: number, row: number, x: number, y: number) =>
      picture.data[(2 + row * (cell + 2) + y * scale) * picture.width + 2 + column * (cell + 2) + x * scale];
    const mean = (column: number) => {
      let sum = 0;
      for (let i = 0; i < 32; i++) sum += pixel(column, i >> 4, i & 3, (i >> 2) & 3) / 32;
      return sum;
    };
    expect(mean(0)).toBe(255);
    expect(mean(7)).toBeLessThan(170); // clipped noise has the mean 127.5, with a standard error of about 15
    expect(forwardPicture(white, shape, straightLine(), 0).data).toEqual(picture.data);
    expect(forwardPicture(white, shape, straightLine(), 1).data).not.toEqual(picture.data);
  });
});

describe("the animation", () => {
  async function* steps(count: number) {
    for (let step = 1; step <= count; step++) {
      yield { step, of: count, t: 0, x: new Float32Array(32).fill(-1), sample: new Float32Array(32).fill(1) };
    }
  }

  it("has the state on the left and the predicted sample on the right, and holds the last frame", async () => {
    const { frames, delayMs } = await denoisingAnimation(steps(3), shape);
    expect(frames).toHaveLength(3);
    expect(delayMs[2]).toBeGreaterThan(10 * delayMs[0]);
    const half = samplesPicture(new Float32Array(32), shape);
    const { width, data } = frames[0];
    expect(width).toBe(2 * half.width + 12);
    const row = (4 + 10) * width;
    expect(data[row + 4 + 10]).toBe(0);
    expect(data[row + 4 + half.width + 4 + 10]).toBe(255);
  });

  it("thins out many steps, and keeps the last", async () => {
    const { frames, delayMs } = await denoisingAnimation(steps(1000), shape);
    expect(frames.length).toBeLessThan(64);
    expect(delayMs).toHaveLength(frames.length);
  });
});

describe("pictures as files", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-pictures-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("writes the grid and the strip of a data set, in folders that were not there", async () => {
    const bytes = new Uint8Array(6 * 16).map((_, i) => i);
    const data = bytesDataset({ name: "ramp", images: bytes, channels: 1, height: 4, width: 4 });
    const { images } = await data.read([0, 1]);
    await writeSamples(join(folder, "samples/step-1.png"), images, shape);
    await writeForward(join(folder, "forward.png"), { data, noisePath: straightLine(), seed: 0 });
    expect((await readdir(folder)).sort()).toEqual(["forward.png", "samples"]);
    const grid = samplesPicture(images, shape);
    const written = await sharp(join(folder, "samples/step-1.png")).metadata();
    expect([written.width, written.height]).toEqual([grid.width, grid.height]);
  });
});
