/**
 * Pictures that are dropped on a page, as Chromium decodes and scales them, beside the folder reader of Node: the same square
 * of the same picture, the same way up, in the same levels but for rounding and what the decoders of JPEG do; and files that are no pictures.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageFolder } from "../../src/data/image-folder.node.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { chromiumHere, launchChromium, openPage } from "./chromium.ts";
import { borrow, buildLentPage, type Call } from "./lent.ts";
import type { LentFile, LentPictures } from "./pages/pictures/main.ts";

/** A smooth picture that is different in every corner: red grows to the right, green downwards, blue is a wave. */
function drawing(width: number, height: number): Sharp {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wave = 128 + 100 * Math.sin((9 * x) / width) * Math.cos((7 * y) / height);
      data.set([(255 * x) / width, (255 * y) / height, wave], 3 * (y * width + x));
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

describe.skipIf(!chromiumHere)("dropped pictures", () => {
  let folder: string;
  let server: Server;
  let call: Call<LentPictures>;
  let end: () => Promise<void>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-dropped-"));
    server = await startServer({ root: await buildLentPage("pictures") });
    const browser = await launchChromium();
    end = () => browser.close();
    call = await borrow<LentPictures>(await openPage(browser, server.url));
  }, 120_000);
  afterAll(async () => {
    await end?.();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const drop = async (name: string): Promise<LentFile> => ({ name, bytes: [...(await readFile(join(folder, name)))] });

  const clear = { r: 0, g: 0, b: 0, alpha: 0 };
  const files: Record<string, () => Sharp> = {
    "wide.png": () => drawing(97, 40).png(),
    "high.jpg": () => drawing(40, 131).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }),
    "photo.jpg": () => drawing(400, 300).jpeg({ quality: 90 }),
    "turned.jpg": () =>
      drawing(80, 64).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).withMetadata({ orientation: 6 }),
    "clear.png": () => drawing(48, 32).extend({ right: 16, background: clear }).png(),
    "grey.webp": () => drawing(64, 64).toColourspace("b-w").webp({ lossless: true }),
  };

  it.each(Object.keys(files).flatMap((name) => [[name, 3] as const, [name, 1] as const]))(
    "%s in %i channels is what Node's folder has",
    async (name, channels) => {
      const own = await mkdtemp(join(folder, "one-"));
      await writeFile(join(own, name), await files[name]().toBuffer());
      await writeFile(join(folder, name), await files[name]().toBuffer());
      const size = 16;
      const { images } = await (await imageFolder(own, { size, channels })).read([0]);
      const { bytes, count } = await call("read", [await drop(name)], { size, channels });
      expect(count).toBe(1);
      const apart = bytes.map((level, i) => {
        const at = (i % channels) * size * size + Math.floor(i / channels); // [H, W, C] → [C, H, W]
        return Math.abs(level - (images[at] + 1) * 127.5);
      });
      expect(apart.reduce((sum, level) => sum + level, 0) / apart.length).toBeLessThan(2);
    },
  );

  it("names a file that is none, and leaves it out only when told to", async () => {
    await writeFile(join(folder, "notes.txt"), "no picture");
    const whole = await drawing(20, 20).png().toBuffer();
    await writeFile(join(folder, "cut.png"), whole.subarray(0, 40));
    await writeFile(join(folder, "good.png"), whole);
    const dropped = await Promise.all(["good.png", "notes.txt", "cut.png", "good.png"].map(drop));
    const options = { size: 8, channels: 1 } as const;
    await expect(call("read", dropped, options)).rejects.toThrow(/notes\.txt is no picture that this browser reads/);
    const read = await call("read", dropped, { ...options, skipBad: true });
    expect(read.count).toBe(2);
    expect(read.bytes.length).toBe(2 * 64);
    expect(read.skipped.map((reason) => reason.split(" ")[0])).toEqual(["notes.txt", "cut.png"]);
    await expect(call("read", dropped.slice(1, 3), { ...options, skipBad: true })).rejects.toThrow(
      /none of the 2 files/,
    );
  });
});
