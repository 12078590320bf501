import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, DataError, FileAccessError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { IMAGE_ENDINGS } from "./image-files.node.ts";
import { imageFolder } from "./image-folder.node.ts";

const root = mkdtempSync(join(tmpdir(), "langevin-folder-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Colour = [number, number, number];
const [RED, GREEN, BLUE, WHITE]: Colour[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];

/** A new folder of files: text, bytes, or an image of given pixels in the format of its ending. */
async function make(files: Record<string, string | Uint8Array | Sharp>): Promise<string> {
  const folder = mkdtempSync(join(root, "set-"));
  for (const [path, contents] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof contents === "string" || contents instanceof Uint8Array) await writeFile(target, contents);
    else await contents.toFile(target);
  }
  return folder;
}

/** An image whose pixel (x, y) is given by a function. */
function image(width: number, height: number, colour: Colour | ((x: number, y: number) => Colour)): Sharp {
  const at = typeof colour === "function" ? colour : () => colour;
  const data = Uint8Array.from(
    Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))).flat(),
  );
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** A grey image of one level. */
const grey = (width: number, height: number, level: number) =>
  sharp(new Uint8Array(width * height).fill(level), { raw: { width, height, channels: 1 } }).toColourspace("b-w");

/** Levels 0 to 255 of channel c of image n, of a set of square images. */
const levels = (images: Float32Array, size: number, channels: number, n: number, c: number) =>
  [...images.subarray((n * channels + c) * size * size, (n * channels + c + 1) * size * size)].map((x) =>
    Math.round((x + 1) * 127.5),
  );

/** Pixel (0, 0) of image n. */
const corner = (images: Float32Array, size: number, n: number) =>
  [0, 1, 2].map((c) => levels(images, size, 3, n, c)[0]);

describe("imageFolder", () => {
  it("reads mixed sizes and formats, from sub-folders, in one order", async () => {
    const folder = await make({
      "c.png": image(9, 5, RED),
      "B.PNG": image(3, 4, GREEN),
      "a.webp": image(8, 8, BLUE).webp({ lossless: true }),
      "deep/er/z.tiff": image(5, 20, WHITE),
      "notes.txt": "not looked at",
      ".hidden.png": "not looked at",
      "photo.jpeg": image(40, 30, [200, 200, 200]).jpeg({ quality: 100 }),
      "moving.gif": image(4, 4, RED),
    });
    const dataset = await imageFolder(folder, { size: 4, labels: "none" });
    expect(dataset).toMatchObject({ size: 6, channels: 3, height: 4, width: 4, classes: undefined });
    const { images, labels } = await dataset.read([0, 1, 2, 3, 4, 5]);
    expect(labels).toBeUndefined();
    expect(images.length).toBe(6 * 3 * 16);
    // By code unit: B.PNG, a.webp, c.png, deep/er/z.tiff, moving.gif, photo.jpeg
    expect([0, 1, 2, 3, 4, 5].map((n) => corner(images, 4, n))).toEqual([
      GREEN,
      BLUE,
      RED,
      WHITE,
      RED,
      [200, 200, 200],
    ]);
    expect((await dataset.read([5, 0])).images.slice(0, 48)).toEqual(images.slice(240));
  });

  it("takes the middle of the longer side", async () => {
    // Columns of level 10 · x, rows of level 10 · y: nothing is resized, so the crop shows exactly.
    const folder = await make({
      "tall.png": image(4, 9, (_, y) => [10 * y, 0, 0]),
      "wide.png": image(9, 4, (x) => [10 * x, 0, 0]),
    });
    const { images } = await (await imageFolder(folder, { size: 4 })).read([0, 1]);
    const [tall, wide] = [levels(images, 4, 3, 0, 0), levels(images, 4, 3, 1, 0)];
    expect(tall).toEqual([20, 20, 20, 20, 30, 30, 30, 30, 40, 40, 40, 40, 50, 50, 50, 50]); // floor((9 - 4) / 2) = 2
    expect(wide).toEqual([20, 30, 40, 50, 20, 30, 40, 50, 20, 30, 40, 50, 20, 30, 40, 50]);
  });

  it("keeps the aspect ratio when it resizes", async () => {
    // Left half black, right half white, 32×16 to 8: scaled to 16×8, cropped to the middle 8: the edge stays in the middle.
    const folder = await make({ "halves.png": image(32, 16, (x) => (x < 16 ? [0, 0, 0] : WHITE)) });
    const row = levels((await (await imageFolder(folder, { size: 8 })).read([0])).images, 8, 3, 0, 0).slice(0, 8);
    for (const [x, level] of row.entries()) expect(Math.abs(level - (x < 4 ? 0 : 255))).toBeLessThan(30);
  });

  it("turns upright by EXIF and lays transparency on white", async () => {
    const folder = await make({
      "clear.png": sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } }),
      "turned.png": image(8, 4, (x) => [x < 4 ? 0 : 255, 0, 0]).withMetadata({ orientation: 6 }),
    });
    const { images } = await (await imageFolder(folder, { size: 4 })).read([0, 1]);
    expect(corner(images, 4, 0)).toEqual(WHITE);
    // Upright it is 4 wide and 8 high, black above red; the middle four rows are two of each.
    expect(levels(images, 4, 3, 1, 0)).toEqual([...new Array(8).fill(0), ...new Array(8).fill(255)]);
  });

  it("labels by sub-folders, sorted", async () => {
    const folder = await make({
      "zebra/1.png": image(2, 2, RED),
      "ant/2.png": image(2, 2, GREEN),
      "ant/more/1.png": image(2, 2, BLUE),
      "empty/readme.md": "",
    });
    const dataset = await imageFolder(folder, { size: 2 });
    expect(dataset.classes).toEqual(["ant", "zebra"]);
    expect((await dataset.read([2, 1, 0])).labels).toEqual(Int32Array.of(1, 0, 0));
    const plain = await imageFolder(folder, { size: 2, labels: "none" });
    expect(plain.classes).toBeUndefined();
  });

  it("wants all images in class folders, or none", async () => {
    const folder = await make({ "cat/1.png": image(2, 2, RED), "lost.png": image(2, 2, RED) });
    await expect(imageFolder(folder, { size: 2 })).rejects.toThrow(DataError);
    await expect(imageFolder(folder, { size: 2 })).rejects.toThrow(
      /lost\.png lies in none, while cat\/1\.png lies in one.*labels: "none"/,
    );
    expect((await imageFolder(folder, { size: 2, labels: "none" })).size).toBe(2);
    const flat = await make({ "1.png": image(2, 2, RED) });
    await expect(imageFolder(flat, { size: 2, labels: "folders" })).rejects.toThrow(/1\.png lies in none/);
  });

  it("follows links, but not in circles", async () => {
    const folder = await make({ "a/1.png": image(2, 2, RED) });
    const other = await make({ "2.png": image(2, 2, GREEN) });
    await symlink(folder, join(folder, "a", "back"));
    await symlink(other, join(folder, "b"));
    expect((await imageFolder(folder, { size: 2 })).classes).toEqual(["a", "b"]);
  });
});

describe("channels", () => {
  it("are those of the files", async () => {
    const folder = await make({ "1.png": grey(2, 2, 70), "2.png": grey(3, 3, 80) });
    const dataset = await imageFolder(folder, { size: 2 });
    expect(dataset.channels).toBe(1);
    expect(levels((await dataset.read([1])).images, 2, 1, 0, 0)).toEqual([80, 80, 80, 80]);
  });

  it("are not mixed, unless it is asked to convert", async () => {
    const folder = await make({ "1.png": image(2, 2, [50, 50, 50]), "2.png": grey(2, 2, 80) });
    await expect(imageFolder(folder, { size: 2 })).rejects.toThrow(DataError);
    await expect(imageFolder(folder, { size: 2 })).rejects.toThrow(
      /2\.png is grey, .*1\.png is not; pass channels: 1 or channels: 3/,
    );
    const colour = (await (await imageFolder(folder, { size: 2, channels: 3 })).read([0, 1])).images;
    expect([corner(colour, 2, 0), corner(colour, 2, 1)]).toEqual([
      [50, 50, 50],
      [80, 80, 80],
    ]);
    const single = (await (await imageFolder(folder, { size: 2, channels: 1 })).read([0, 1])).images;
    expect([levels(single, 2, 1, 0, 0)[0], levels(single, 2, 1, 1, 0)[0]]).toEqual([50, 80]);
  });
});

describe("augmentation", () => {
  const draws = (seed: number) => (position: number) => Random.from(seed, position);
  const ramp = () => image(11, 4, (x) => [10 * x, 0, 0]);

  it("draws the place of the crop uniformly, and only with random numbers", async () => {
    const dataset = await imageFolder(await make({ "ramp.png": ramp() }), { size: 4, crop: "random" });
    const starts = (images: Float32Array, count: number) =>
      Array.from({ length: count }, (_, n) => {
        const row = levels(images, 4, 3, n, 0).slice(0, 4);
        expect(row).toEqual([0, 1, 2, 3].map((x) => row[0] + 10 * x)); // an intact piece of the ramp
        return row[0] / 10;
      });
    const indices = new Array(800).fill(0);
    const drawn = starts((await dataset.read(indices, draws(1))).images, 800);
    for (let start = 0; start <= 7; start++) {
      const count = drawn.filter((other) => other === start).length;
      expect(Math.abs(count - 100)).toBeLessThan(47); // 5 standard deviations of 800 draws from 8
    }
    expect(starts((await dataset.read(indices, draws(1))).images, 800)).toEqual(drawn);
    expect(starts((await dataset.read([0, 0])).images, 2)).toEqual([3, 3]); // the middle
  });

  it("mirrors one half of the readings", async () => {
    const dataset = await imageFolder(await make({ "ramp.png": ramp() }), { size: 4, flip: true });
    const { images } = await dataset.read(new Array(400).fill(0), draws(2));
    const rows = Array.from({ length: 400 }, (_, n) => levels(images, 4, 3, n, 0).slice(4, 8).join(" "));
    expect(new Set(rows)).toEqual(new Set(["30 40 50 60", "60 50 40 30"]));
    expect(Math.abs(rows.filter((row) => row === "60 50 40 30").length - 200)).toBeLessThan(50); // 5 standard deviations
    const plain = await dataset.read([0]);
    expect(levels(plain.images, 4, 3, 0, 0).slice(0, 4)).toEqual([30, 40, 50, 60]);
  });
});

describe("normalise: standard", () => {
  it("gives zero mean and unit variance per channel, and tells by what", async () => {
    const folder = await make({
      "1.png": image(4, 4, (x, y) => [16 * x + y, 40 + 60 * (x % 2), 10 * y]),
      "2.png": image(4, 4, (x, y) => [250 - 9 * x, 200, x * y]),
    });
    const dataset = await imageFolder(folder, { size: 4, normalise: "standard" });
    const { images } = await dataset.read([0, 1]);
    const range = (await (await imageFolder(folder, { size: 4 })).read([0, 1])).images;
    for (let c = 0; c < 3; c++) {
      const channel = [0, 1].flatMap((n) => [...images.subarray((n * 3 + c) * 16, (n * 3 + c + 1) * 16)]);
      const mean = channel.reduce((a, b) => a + b, 0) / 32;
      expect(mean).toBeCloseTo(0, 6);
      expect(channel.reduce((a, b) => a + (b - mean) ** 2, 0) / 32).toBeCloseTo(1, 6);
      const [scale, shift] = [dataset.std?.[c] ?? 0, dataset.mean?.[c] ?? 0];
      expect(images[c * 16 + 5] * scale + shift).toBeCloseTo(range[c * 16 + 5], 6);
    }
  });

  it("refuses a set of one colour", async () => {
    const folder = await make({ "1.png": image(4, 4, RED) });
    await expect(imageFolder(folder, { size: 4, normalise: "standard" })).rejects.toThrow(/the same in every pixel/);
  });
});

describe("bad folders", () => {
  it("names a folder that is missing, is a file, or has no images", async () => {
    await expect(imageFolder(join(root, "none"), { size: 4 })).rejects.toThrow(FileAccessError);
    await expect(imageFolder(join(root, "none"), { size: 4 })).rejects.toThrow(/there is no folder .*none/);
    const folder = await make({ "readme.txt": "", "sub/data.csv": "" });
    await expect(imageFolder(join(folder, "readme.txt"), { size: 4 })).rejects.toThrow(/is a file; give a folder/);
    await expect(imageFolder(folder, { size: 4 })).rejects.toThrow(DataError);
    await expect(imageFolder(folder, { size: 4 })).rejects.toThrow(/no images in .*\.avif, .*\.png.*\.webp are read/);
  });

  it("reads every ending that it lists", async () => {
    for (const ending of IMAGE_ENDINGS) {
      const white = image(4, 4, WHITE);
      const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';
      const folder = await make({
        [`a${ending}`]: ending === ".svg" ? svg : /j[fp]/.test(ending) ? white.jpeg() : white,
      });
      const { images } = await (await imageFolder(folder, { size: 4 })).read([0]);
      expect([ending, ...corner(images, 4, 0)]).toEqual([ending, ...WHITE]);
    }
  });

  it("names a file that is no image, or leaves it out when asked", async () => {
    const folder = await make({ "1.png": image(4, 4, RED), "2.png": "text", "3.jpg": "", "4.png": image(4, 4, BLUE) });
    await expect(imageFolder(folder, { size: 4 })).rejects.toThrow(DataError);
    await expect(imageFolder(folder, { size: 4 })).rejects.toThrow(
      /2\.png is not a usable image \(.+\).*1 more.*skipBad/,
    );
    const skipped: [string, string][] = [];
    const dataset = await imageFolder(folder, {
      size: 4,
      skipBad: true,
      onSkip: (file, reason) => skipped.push([file, reason]),
    });
    expect(dataset.size).toBe(2);
    expect(skipped.map(([file]) => file)).toEqual([join(folder, "2.png"), join(folder, "3.jpg")]);
    expect(skipped[0][1]).toMatch(/not a usable image/);
    expect(corner((await dataset.read([1])).images, 4, 0)).toEqual(BLUE);
    const bad = await make({ "1.png": "text" });
    await expect(imageFolder(bad, { size: 4, skipBad: true })).rejects.toThrow(/no usable image in/);
  });

  it("finds damage behind an intact header: when reading, or at once with skipBad", async () => {
    const noise = image(64, 64, (x, y) => [(x * y * 37) % 256, (x * 91 + y * y) % 256, (x * x + y * 57) % 256]);
    const folder = await make({ "a/1.png": image(4, 4, RED), "b/2.png": noise });
    const bytes = await readFile(join(folder, "b", "2.png"));
    await writeFile(join(folder, "b", "2.png"), bytes.subarray(0, bytes.length / 2));
    const lazy = await imageFolder(folder, { size: 4 });
    expect(lazy.size).toBe(2);
    await expect(lazy.read([0, 1])).rejects.toThrow(DataError);
    await expect(lazy.read([1])).rejects.toThrow(/b\/2\.png is not a usable image/);
    const skipped: string[] = [];
    const rest = await imageFolder(folder, { size: 4, skipBad: true, onSkip: (file) => skipped.push(file) });
    expect([rest.size, rest.classes]).toEqual([1, ["a", "b"]]);
    expect(skipped).toEqual([join(folder, "b", "2.png")]);
    await expect(imageFolder(folder, { size: 4, normalise: "standard" })).rejects.toThrow(/b\/2\.png/);
  });

  it("keeps what it read, and names a file that was removed meanwhile", async () => {
    const folder = await make({ "1.png": image(4, 4, RED), "2.png": image(4, 4, BLUE) });
    const dataset = await imageFolder(folder, { size: 4 });
    await dataset.read([0]);
    await unlink(join(folder, "1.png"));
    await unlink(join(folder, "2.png"));
    expect(corner((await dataset.read([0])).images, 4, 0)).toEqual(RED);
    await expect(dataset.read([1])).rejects.toThrow(FileAccessError);
    await expect(dataset.read([1])).rejects.toThrow(/cannot read .*2\.png/);
  });

  it("refuses options out of range, and indices outside of the set", async () => {
    const folder = await make({ "1.png": image(4, 4, RED) });
    for (const size of [0, 2.5, Number.NaN]) await expect(imageFolder(folder, { size })).rejects.toThrow(ConfigError);
    await expect(imageFolder(folder, { size: 4, channels: 4 as 3 })).rejects.toThrow(/channels must be 1 or 3/);
    await expect(imageFolder(folder, { size: 4, crop: "left" as "center" })).rejects.toThrow(
      /crop must be "center" or "random"/,
    );
    await expect((await imageFolder(folder, { size: 4 })).read([1])).rejects.toThrow(/there is no example 1/);
  });
});
