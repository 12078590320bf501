import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { bytesDataset } from "../data/memory.ts";
import { linear, vp } from "../diffusion/discrete-vp.ts";
import { straightLine } from "../diffusion/straight-line.ts";
import type { Picture } from "../io/picture.ts";
import { writeForward, writeSamples } from "./pictures.node.ts";
import { denoisingAnimation, forwardPicture, forwardTimes, samplesPicture, scaleFor, traceStrip } from "./pictures.ts";
import { stateRange } from "./points.ts";

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

async function* steps(count: number) {
  for (let step = 1; step <= count; step++) {
    yield { step, of: count, t: 0, x: new Float32Array(32).fill(-1), sample: new Float32Array(32).fill(1) };
  }
}

describe("the strip of a way", () => {
  it("has a column for each of eight steps, and two rows for an image", async () => {
    const cell = 4 * scaleFor(shape);
    const strip = await traceStrip(steps(20), shape);
    expect([strip.width, strip.height]).toEqual([8 * (cell + 2) + 2, 4 * (cell + 2) + 2]);
    const at = (row: number) => strip.data[(2 + row * (cell + 2) + 5) * strip.width + 10];
    expect([0, 1, 2, 3].map(at)).toEqual([0, 255, 0, 255]);
    expect((await traceStrip(steps(3), shape)).width).toBe(3 * (cell + 2) + 2);
  });

  it("shows states of any size in the range of images", async () => {
    async function* large() {
      yield { step: 1, of: 1, t: 80, x: new Float32Array(32).fill(40), sample: new Float32Array(32) };
    }
    expect(Math.max(...(await traceStrip(large(), shape)).data.subarray(0, 1000))).toBe(255);
    async function* none() {}
    await expect(traceStrip(none(), shape)).rejects.toThrow(ConfigError);
  });
});

describe("the animation", () => {
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

describe("points of the plane", () => {
  const points = [3, 2, 1, 1];
  const x = Float32Array.of(-1, -1, 1, 1, 0, 0.5);
  /** Whether a pixel of a picture is of the colour of drawn points. */
  const isBlue = ({ data }: Picture, at: number) => data[3 * at + 2] > data[3 * at] + 80;

  it("are dots at their places, over the real ones", () => {
    const picture = samplesPicture(x, points, { real: Float32Array.of(0.9, -0.9) });
    const blue = [...Array(picture.width * picture.height).keys()].filter((at) => isBlue(picture, at));
    const rows = blue.map((at) => Math.floor(at / picture.width));
    const upper = blue.filter((at) => Math.floor(at / picture.width) < Math.min(...rows) + 6);
    const lower = blue.filter(
      (at) => Math.floor(at / picture.width) > picture.height * 0.7 && at % picture.width < 400,
    );
    expect(upper.length).toBeGreaterThan(0);
    expect(lower.length).toBeGreaterThan(0);
    // (1, 1) lies right of (-1, -1), by 2 of 2.5 sides of a field of 800 pixels.
    expect((upper[0] % picture.width) - (lower[0] % picture.width)).toBeCloseTo(640, -1);
    expect(samplesPicture(x, points).data).not.toEqual(picture.data);
  });

  it("are shown in a field that a power of two widens to hold them", () => {
    const spread = (std: number) => Float32Array.from({ length: 100 }, (_, i) => (i % 2 ? std : -std));
    expect([0.5, 1, 2, 80].map((std) => stateRange(spread(std)))).toEqual([2.5, 2.5, 5, 320]);
  });

  it("have an animation, a strip and a forward picture of their own", async () => {
    async function* way() {
      for (let step = 1; step <= 3; step++) yield { step, of: 3, t: 1 - step / 3, x: x.map((v) => 3 * v), sample: x };
    }
    const { frames } = await denoisingAnimation(way(), points, { real: x });
    expect(frames).toHaveLength(3);
    expect(frames[0].width).toBeGreaterThan(520);
    const strip = await traceStrip(way(), points);
    expect(strip.width / strip.height).toBeGreaterThan(1.2); // three columns, two rows
    const forward = forwardPicture(x, points, straightLine(), 0);
    expect(forward.channels).toBe(3);
    expect(forwardPicture(x, points, straightLine(), 0).data).toEqual(forward.data);
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
