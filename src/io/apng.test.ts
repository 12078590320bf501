import { inflateSync } from "node:zlib";
import sharp from "sharp";
import { expect, test } from "vitest";
import { ConfigError, FileFormatError } from "../core/errors.ts";
import { animatedPng, pngChunks } from "./apng.ts";

const frame = async (level: number, width = 5) =>
  new Uint8Array(
    await sharp(Buffer.alloc(width * 4 * 3, level), { raw: { width, height: 4, channels: 3 } })
      .png()
      .toBuffer(),
  );

test("the chunks stand in the order of the specification, and each frame keeps its pixels", async () => {
  const frames = await Promise.all([10, 120, 250].map((level) => frame(level)));
  const file = animatedPng(frames, { delayMs: [40, 50, 2000] });
  const chunks = pngChunks(file);
  expect(chunks.map(({ type }) => type)).toEqual([
    "IHDR",
    "acTL",
    "fcTL",
    "IDAT",
    "fcTL",
    "fdAT",
    "fcTL",
    "fdAT",
    "IEND",
  ]);
  const numbers = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [frameCount, plays] = [numbers(chunks[1].data).getUint32(0), numbers(chunks[1].data).getUint32(4)];
  expect([frameCount, plays]).toEqual([3, 0]);
  const sequence = chunks
    .filter(({ type }) => type === "fcTL" || type === "fdAT")
    .map(({ data }) => numbers(data).getUint32(0));
  expect(sequence).toEqual([0, 1, 2, 3, 4]);
  const controls = chunks.filter(({ type }) => type === "fcTL").map(({ data }) => numbers(data));
  expect(
    controls.map((view) => [view.getUint32(4), view.getUint32(8), view.getUint16(20), view.getUint16(22)]),
  ).toEqual([
    [5, 4, 40, 1000],
    [5, 4, 50, 1000],
    [5, 4, 2000, 1000],
  ]);
  const pixels = (data: Uint8Array) => inflateSync(data);
  const own = frames.map((png) => pixels(pngChunks(png).find(({ type }) => type === "IDAT")!.data));
  expect(pixels(chunks[3].data)).toEqual(own[0]);
  expect(pixels(chunks[5].data.subarray(4))).toEqual(own[1]);
  expect(pixels(chunks[7].data.subarray(4))).toEqual(own[2]);
});

test("the sums are right: sharp, which checks them, reads the first frame", async () => {
  const file = animatedPng([await frame(77), await frame(200)], { delayMs: [10, 10], plays: 1 });
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, data[0], data.at(-1)]).toEqual([5, 4, 77, 77]);
  const damaged = file.slice();
  damaged[29] ^= 1; // the sum of the header
  await expect(sharp(damaged).raw().toBuffer()).rejects.toThrow();
});

test("frames that do not go together, delays that are none, files that are no PNG", async () => {
  const png = await frame(1);
  expect(() => animatedPng([], { delayMs: [] })).toThrow(ConfigError);
  expect(() => animatedPng([png], { delayMs: [] })).toThrow(/1 frames and 0 delays/);
  expect(() => animatedPng([png], { delayMs: [-1] })).toThrow(ConfigError);
  const wide = await frame(1, 6);
  expect(() => animatedPng([png, wide], { delayMs: [1, 1] })).toThrow(/frame 2 has another size/);
  expect(() => animatedPng([new Uint8Array(20)], { delayMs: [1] })).toThrow(FileFormatError);
  expect(() => pngChunks(png.subarray(0, png.length - 3))).toThrow(/cut off/);
});
