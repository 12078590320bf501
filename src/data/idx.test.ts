import { describe, expect, it } from "vitest";
import { FileFormatError } from "../core/errors.ts";
import { parseIdx } from "./idx.ts";

describe("parseIdx", () => {
  it("reads shape and bytes", () => {
    const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 13, 14, 15);
    expect(parseIdx(bytes, "file", 2)).toEqual({ shape: [2, 3], data: Uint8Array.of(10, 11, 12, 13, 14, 15) });
    const shifted = new Uint8Array([9, 9, 9, ...bytes]).subarray(3);
    expect(parseIdx(shifted, "file", 2).shape).toEqual([2, 3]);
  });

  const bad: [string, number[], RegExp][] = [
    ["no bytes", [], /has 0 bytes/],
    ["a header cut off", [0, 0, 8, 1, 0, 0], /has 6 bytes, and its header alone takes 8/],
    ["a gzip file", [0x1f, 0x8b, 8, 0], /compressed by gzip: unpack it first/],
    ["other first bytes", [1, 0, 8, 1], /must begin with two zero bytes, not with 1 0/],
    ["floats", [0, 0, 0x0d, 1, 0, 0, 0, 0], /type is 0xd/],
    ["another rank", [0, 0, 8, 3, 0, 0, 0, 1], /has 3 axes, and 1 were expected/],
    ["too few bytes", [0, 0, 8, 1, 0, 0, 0, 3, 1, 2], /shape \[3\] takes 3 bytes, but 2 follow/],
    ["too many bytes", [0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3, 4], /takes 3 bytes, but 4 follow/],
    ["a huge extent", [0, 0, 8, 1, 255, 255, 255, 255, 1], /\[4294967295\] takes 4294967295 bytes/],
  ];
  it.each(bad)("refuses %s", (_, bytes, message) => {
    expect(() => parseIdx(Uint8Array.from(bytes), "labels.idx", 1)).toThrow(FileFormatError);
    expect(() => parseIdx(Uint8Array.from(bytes), "labels.idx", 1)).toThrow(message);
    expect(() => parseIdx(Uint8Array.from(bytes), "labels.idx", 1)).toThrow(/^labels\.idx is not/);
  });
});
