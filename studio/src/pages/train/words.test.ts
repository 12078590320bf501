import { expect, test } from "vitest";
import { bytes, duration, secondsLeft } from "./words.ts";

test("durations", () => {
  expect([0, 59.4, 60, 200, 1500, 3900].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min 0 s",
    "3 min 20 s",
    "25 min",
    "1 h 5 min",
  ]);
  expect(duration(Number.POSITIVE_INFINITY)).toBe("–");
});

test("what is left goes at the pace of the last steps", () => {
  expect(secondsLeft({ step: 100, steps: 400, imagesPerSecond: 320, batch: 64 })).toBe(60);
});

test("sizes", () => {
  expect([999, 1000, 2_800_000, 512_000_000].map(bytes)).toEqual(["999 B", "1.0 kB", "2.8 MB", "512 MB"]);
});
