/** Resizing and grey beside libvips, through sharp; and what has a closed form. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Random } from "../core/random.ts";
import type { Picture } from "./picture.ts";
import { coveringSize, greyed, middleSquare, resized } from "./resize.ts";

/** Colours that change over `cell` pixels or more: noise between whose points is gone over smoothly. */
function drawing(width: number, height: number, cell: number): Picture {
  const random = Random.from(7, "resize", width, height);
  const waves = Array.from({ length: 12 }, () => Array.from({ length: 4 }, () => random.normal()));
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const sum = waves.slice(4 * c, 4 * c + 4).reduce((total, [a, b, phase]) => {
          return total + Math.sin(((a * x + b * y) / cell) * 1.5 + phase * 3);
        }, 0);
        data[3 * (y * width + x) + c] = Math.min(255, Math.max(0, 128 + 35 * sum));
      }
    }
  }
  return { width, height, channels: 3, data };
}

async function vips({ data, width, height }: Picture, to: { width: number; height: number }): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return await image.resize(to.width, to.height, { fit: "fill", kernel: "lanczos3" }).raw().toBuffer();
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): { most: number; mean: number } {
  const gaps = Array.from(a, (level, i) => Math.abs(level - b[i]));
  return { most: Math.max(...gaps), mean: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length };
}

describe("resized", () => {
  it.each([
    ["a little smaller", 40, 30, 32, 24],
    ["smaller, by another factor on each side", 90, 61, 50, 33],
    ["nearly half", 64, 64, 33, 33],
    ["of the same size", 20, 30, 20, 30],
  ])("is that of libvips to 2 levels: %s", async (_, width, height, toWidth, toHeight) => {
    const picture = drawing(width, height, 5);
    const own = resized(picture, toWidth, toHeight);
    const other = await vips(picture, { width: toWidth, height: toHeight });
    expect(own.data.length).toBe(other.length);
    expect(apart(own.data, other).most).toBeLessThanOrEqual(2);
  });

  it("is near that of libvips where that takes means of pixels before", async () => {
    const picture = drawing(400, 320, 40);
    const own = resized(picture, 40, 32);
    expect(apart(own.data, await vips(picture, { width: 40, height: 32 })).mean).toBeLessThan(1);
  });

  it("enlarges a point to the kernel: 0.8672, 0.2266 and what is below 0", () => {
    const data = new Uint8Array(12).fill(100);
    data[6] = 200;
    const twice = [...resized({ width: 12, height: 1, channels: 1, data }, 24, 1).data];
    // At 1/4, 3/4, 5/4 and 7/4 of an old pixel from the point: 111/128, 29/128, -9/128, -3/128
    const [near, far, below, last] = [111, 29, -9, -3].map((weight) => Math.round(100 + (100 * weight) / 128));
    expect(twice.slice(9, 17)).toEqual([last, below, far, near, near, far, below, last].slice(0, 8));
    expect(twice.slice(0, 8)).toEqual(new Array(8).fill(100));
  });

  it("keeps what is even, and gives a constant slope back inside", () => {
    const even = { width: 7, height: 5, channels: 1 as const, data: new Uint8Array(35).fill(201) };
    expect([...resized(even, 3, 11).data]).toEqual(new Array(33).fill(201));
    const slope = {
      width: 32,
      height: 1,
      channels: 1 as const,
      data: Uint8Array.from({ length: 32 }, (_, x) => 8 * x),
    };
    const half = resized(slope, 16, 1).data;
    for (let j = 3; j < 13; j++) expect(half[j]).toBe(8 * (2 * j) + 4); // between pixels 2 j and 2 j + 1
    const twice = resized(slope, 64, 1).data;
    for (let j = 4; j < 60; j++) expect(twice[j]).toBe(4 * j - 2); // 8 (j + 1/2) / 2 - 4
  });
});

describe("the middle square", () => {
  it("covers the side, and is cut half a pixel before where there is no middle", () => {
    expect(coveringSize({ width: 97, height: 40 }, 16)).toEqual({ width: 39, height: 16 });
    expect(coveringSize({ width: 9, height: 8 }, 16)).toEqual({ width: 18, height: 16 });
    const data = Uint8Array.from({ length: 15 }, (_, i) => i); // 5 × 3
    expect([...middleSquare({ width: 5, height: 3, channels: 1, data }, 2).data]).toEqual([1, 2, 6, 7]);
    expect([...middleSquare({ width: 5, height: 3, channels: 1, data }, 3).data]).toEqual([
      1, 2, 3, 6, 7, 8, 11, 12, 13,
    ]);
  });
});

describe("grey", () => {
  it("is that of libvips to a level, for any colour", async () => {
    const random = Random.from(3, "grey");
    const data = Uint8Array.from({ length: 3 * 400 }, () => random.integer(256));
    const other = await sharp(data, { raw: { width: 20, height: 20, channels: 3 } })
      .toColourspace("b-w")
      .raw()
      .toBuffer();
    expect(apart(greyed({ width: 20, height: 20, channels: 3, data }).data, other).most).toBeLessThanOrEqual(1);
  });

  it("leaves grey as it is", () => {
    const grey = { width: 2, height: 1, channels: 1 as const, data: Uint8Array.of(3, 4) };
    expect(greyed(grey)).toBe(grey);
  });
});
