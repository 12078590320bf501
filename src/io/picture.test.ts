import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, FileAccessError, FileFormatError, NotFiniteError, ShapeError } from "../core/errors.ts";
import { readImage, writeAnimation, writePng } from "./picture.node.ts";
import { enlarge, fromPictures, gridOf, type Picture, toPicture, toPictures } from "./picture.ts";

const folder = mkdtempSync(join(tmpdir(), "langevin-picture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);

const grey = (width: number, height: number, ...levels: number[]): Picture => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from({ length: width * height }, (_, i) => levels[i % levels.length]),
});

describe("toPictures", () => {
  it("clips, then rounds to the nearest level", () => {
    // (x + 1) · 127.5: -1 → 0, 0 → 127.5 → 128, 1 → 255, 0.5 → 191.25, ±1.01 and ±5 are clipped.
    const [picture] = toPictures(Float32Array.of(-1, 0, 1, 0.5, -1.01, 1.01, -5, 5), [1, 1, 2, 4]);
    expect([...picture.data]).toEqual([0, 128, 255, 191, 0, 255, 0, 255]);
  });

  it("interleaves the channels of each image", () => {
    const [first, second] = toPictures(Float32Array.of(-1, 1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1), [2, 3, 1, 2]);
    expect([...first.data]).toEqual([0, 0, 255, 255, 0, 255]); // red 0 255, green 0 0, blue 255 255
    expect([...second.data]).toEqual([255, 255, 255, 255, 255, 255]);
  });

  it("is undone by fromPictures for every level", () => {
    const picture: Picture = {
      width: 16,
      height: 16,
      channels: 3,
      data: new Uint8Array(768).map((_, i) => (i * 7) % 256),
    };
    const images = fromPictures([picture, picture]);
    expect(Math.min(...images)).toBe(-1);
    expect(Math.max(...images)).toBe(1);
    expect(toPictures(images, [2, 3, 16, 16])).toEqual([picture, picture]);
  });

  it("refuses other shapes and numbers that are not finite", () => {
    expect(() => toPictures(new Float32Array(8), [2, 2, 2])).toThrow(ShapeError);
    expect(() => toPictures(new Float32Array(8), [1, 2, 2, 2])).toThrow(/\[1, 2, 2, 2\]/);
    expect(() => toPictures(new Float32Array(7), [2, 1, 2, 2])).toThrow(/8 values, but 7/);
    expect(() => toPictures(Float32Array.of(0, Number.NaN), [2, 1, 1, 1])).toThrow(NotFiniteError);
    expect(() => toPictures(Float32Array.of(0, Number.NaN), [2, 1, 1, 1])).toThrow(/image 1 of 2 holds NaN/);
  });
});

describe("grids", () => {
  it("lays images out row by row, enlarged, with padding around", () => {
    // Three 1×1 images in two columns, scale 2, padding 1: 7×7, the last cell empty.
    const { width, height, data } = toPicture(Float32Array.of(-1, 0, 1), [3, 1, 1, 1], {
      columns: 2,
      padding: 1,
      scale: 2,
      background: 9,
    });
    const rows = Array.from({ length: height }, (_, y) => [...data.subarray(y * width, (y + 1) * width)]);
    const [border, upper, lower] = [
      [9, 9, 9, 9, 9, 9, 9],
      [9, 0, 0, 9, 128, 128, 9],
      [9, 255, 255, 9, 9, 9, 9],
    ];
    expect(rows).toEqual([border, upper, upper, border, lower, lower, border]);
  });

  it("takes a square grid by default, on white, 2 pixels apart", () => {
    const { width, height, data } = toPicture(new Float32Array(5 * 3 * 16).fill(-1), [5, 3, 4, 4]);
    expect([width, height]).toEqual([3 * 6 + 2, 2 * 6 + 2]);
    expect([data[0], data[(2 * width + 2) * 3]]).toEqual([255, 0]);
  });

  it("enlarges by the nearest neighbour", () => {
    expect([...enlarge(grey(2, 1, 1, 2), 2).data]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    const colour: Picture = { width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) };
    expect([...enlarge(colour, 2).data]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(() => enlarge(colour, 1.5)).toThrow(/scale must be a whole number from 1, not 1\.5/);
  });

  it("makes strips and ragged grids, with a colour between", () => {
    const colour: Picture = { width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) };
    const { width, height, data } = gridOf([[colour, colour], [colour]], { padding: 0, background: [7, 8, 9] });
    expect([width, height]).toEqual([2, 2]);
    expect([...data]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 7, 8, 9]);
  });

  it("refuses what does not fit", () => {
    expect(() => gridOf([[grey(2, 2, 0), grey(2, 3, 0)]])).toThrow(/the first is 2×2.*number 2 is 2×3/);
    expect(() => gridOf([[]])).toThrow(ShapeError);
    expect(() => gridOf([[{ ...grey(2, 2, 0), data: new Uint8Array(3) }]])).toThrow(/4 bytes, but number 1 has 3/);
    expect(() => gridOf([[grey(2, 2, 0)]], { padding: -1 })).toThrow(ConfigError);
    expect(() => gridOf([[grey(2, 2, 0)]], { background: [1, 2, 3] })).toThrow(/background/);
    expect(() => gridOf([[grey(2, 2, 0)]], { background: 256 })).toThrow(/256/);
    expect(() => toPicture(new Float32Array(4), [1, 1, 2, 2], { columns: 0 })).toThrow(/columns must be/);
    expect(() => toPicture(new Float32Array(), [0, 1, 2, 2])).toThrow(/no images/);
  });
});

describe("image files", () => {
  it("writes PNG files that hold every level", async () => {
    const colour: Picture = {
      width: 16,
      height: 16,
      channels: 3,
      data: new Uint8Array(768).map((_, i) => (i * 7) % 256),
    };
    await writePng(file("colour.png"), colour);
    expect(await readImage(file("colour.png"))).toEqual(colour);
    const ramp: Picture = { width: 16, height: 16, channels: 1, data: new Uint8Array(256).map((_, i) => i) };
    await writePng(file("grey.png"), ramp);
    expect(await readImage(file("grey.png"))).toEqual(ramp);
    // PNG, ISO/IEC 15948 §11.2.2: width, height, bit depth and colour type (0: greyscale) follow the IHDR tag.
    expect([...(await readFile(file("grey.png"))).subarray(16, 26)]).toEqual([0, 0, 0, 16, 0, 0, 0, 16, 8, 0]);
  });

  it("converts channels when asked", async () => {
    await writePng(file("level.png"), grey(3, 2, 90));
    const colour = await readImage(file("level.png"), { channels: 3 });
    expect([colour.channels, ...new Set(colour.data)]).toEqual([3, 90]);
    await writePng(file("flat.png"), { ...colour });
    expect(await readImage(file("flat.png"), { channels: 1 })).toEqual(grey(3, 2, 90));
  });

  it("lays transparency on white, turns upright, reads 16 bits and the first frame", async () => {
    const clear = { r: 100, g: 0, b: 0, alpha: 0.5 };
    await sharp({ create: { width: 1, height: 1, channels: 4, background: clear } })
      .png()
      .toFile(file("clear.png"));
    const half = await readImage(file("clear.png"));
    expect(half.channels).toBe(3);
    // alpha 128/255: 100 · a + 255 · (1 - a) = 177, 255 · (1 - a) = 127
    for (const [c, level] of [177, 127, 127].entries()) expect(Math.abs(half.data[c] - level)).toBeLessThanOrEqual(1);

    const tall = sharp(Uint8Array.of(0, 0, 0, 255, 255, 255), { raw: { width: 2, height: 1, channels: 3 } });
    await tall.withMetadata({ orientation: 6 }).png().toFile(file("turned.png")); // 6: rotate 90° clockwise to show
    const turned = await readImage(file("turned.png"), { channels: 1 });
    expect([turned.width, turned.height, ...turned.data]).toEqual([1, 2, 0, 255]);

    const deep = sharp(Uint16Array.of(0, 257 * 100, 65535), {
      raw: { width: 3, height: 1, channels: 1 },
    });
    await deep.toColourspace("grey16").png().toFile(file("deep.png"));
    expect([...(await readImage(file("deep.png"))).data]).toEqual([0, 100, 255]);

    await writeAnimation(file("two.gif"), [grey(2, 2, 0), grey(2, 2, 255)], { delayMs: 50 });
    expect(await readImage(file("two.gif"), { channels: 1 })).toEqual(grey(2, 2, 0));
  });

  it.each([".gif", ".webp"])("writes animations: %s", async (ending) => {
    const frames = [grey(4, 3, 0), grey(4, 3, 255), grey(4, 3, 0, 255)];
    const path = file(`frames${ending}`);
    await writeAnimation(path, frames, { delayMs: [100, 200, 1000] });
    const image = sharp(await readFile(path), { animated: true });
    expect(await image.metadata()).toMatchObject({
      pages: 3,
      pageHeight: 3,
      width: 4,
      loop: 0,
      delay: [100, 200, 1000],
    });
    const pixels = await image.flatten().toColourspace("b-w").raw().toBuffer();
    expect([...pixels]).toEqual(frames.flatMap(({ data }) => [...data]));
  });

  it("refuses what cannot be an animation", async () => {
    const frame = grey(2, 2, 0);
    await expect(writeAnimation(file("a.mp4"), [frame], { delayMs: 50 })).rejects.toThrow(
      /\.gif or \.webp, not to .*a\.mp4/,
    );
    await expect(writeAnimation(file("a.gif"), [], { delayMs: 50 })).rejects.toThrow(ShapeError);
    await expect(writeAnimation(file("a.gif"), [frame, grey(3, 2, 0)], { delayMs: 50 })).rejects.toThrow(ShapeError);
    await expect(writeAnimation(file("a.gif"), [frame], { delayMs: 0 })).rejects.toThrow(ConfigError);
    await expect(writeAnimation(file("a.gif"), [frame], { delayMs: [10, 10] })).rejects.toThrow(/each of the 1 frames/);
  });

  it("names a file that is missing, no image, or cut off", async () => {
    await expect(readImage(file("none.png"))).rejects.toThrow(FileAccessError);
    await writeFile(file("text.png"), "not an image");
    await expect(readImage(file("text.png"))).rejects.toThrow(FileFormatError);
    await expect(readImage(file("text.png"))).rejects.toThrow(
      /text\.png is not a usable image \(.+\); repair or remove it/,
    );
    const noise: Picture = {
      width: 64,
      height: 64,
      channels: 3,
      data: new Uint8Array(12288).map((_, i) => (i * i * 31) % 251),
    };
    await writePng(file("whole.png"), noise);
    const bytes = await readFile(file("whole.png"));
    await writeFile(file("cut.png"), bytes.subarray(0, Math.floor(bytes.length / 2)));
    await expect(readImage(file("cut.png"))).rejects.toThrow(/cut\.png is not a usable image/);
    await expect(writePng(join(folder, "none", "a.png"), noise)).rejects.toThrow(FileAccessError);
  });
});
