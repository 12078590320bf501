import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration, formatInteger, formatLoss, formatRate } from "./format.ts";

describe("formatDuration", () => {
  it.each([
    [0, "0s"],
    [0.0004, "0ms"],
    [0.35, "350ms"],
    [0.9996, "1s"],
    [3.21, "3.2s"],
    [9.96, "10s"],
    [42, "42s"],
    [59.4, "59s"],
    [59.7, "1m 00s"],
    [245, "4m 05s"],
    [3599.4, "59m 59s"],
    [3599.6, "1h 00m"],
    [3720, "1h 02m"],
    [86_399, "1d 00h"],
    [86_400 * 3 + 3600 * 4, "3d 04h"],
    [-5, "-5s"],
    [Number.POSITIVE_INFINITY, "?"],
    [Number.NaN, "?"],
  ])("%d s is %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe("formatBytes: decimal units", () => {
  it.each([
    [0, "0 B"],
    [812, "812 B"],
    [1000, "1 kB"],
    [4700, "4.7 kB"],
    [5_242_880, "5.24 MB"],
    [999_999, "1 MB"],
    [1.33e9, "1.33 GB"],
    [123_456_789, "123 MB"],
    [7.2e15, "7.2 PB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("formatCount", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1234, "1.2 k"],
    [60_000, "60 k"],
    [999_950, "1 M"],
    [6_512_345, "6.5 M"],
    [859_520_964, "860 M"],
    [1_300_000_000, "1.3 B"],
    [-2500, "-2.5 k"],
    [Number.NaN, "?"],
  ])("%d is %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });
});

it.each([
  [7, "7"],
  [1361, "1,361"],
  [-1234567.4, "-1,234,567"],
  [Number.NaN, "?"],
])("formatInteger(%d) is %s", (count, text) => {
  expect(formatInteger(count)).toBe(text);
});

it.each([
  [512.3, "512 images/s"],
  [8.44, "8.4 images/s"],
  [99.7, "100 images/s"],
  [1361, "1,361 images/s"],
  [45_600, "46 k images/s"],
  [0.0416, "0.042 images/s"],
  [0, "0 images/s"],
  [Number.POSITIVE_INFINITY, "? images/s"],
])("formatRate(%d) is %s", (rate, text) => {
  expect(formatRate(rate, "images")).toBe(text);
});

it.each([
  [0.12344, "0.1234"],
  [0, "0.0000"],
  [12.5, "12.5000"],
  [-3.1, "-3.1000"],
  [0.0000123, "1.23e-5"],
  [4321, "4.32e+3"],
  [Number.NaN, "NaN"],
])("formatLoss(%d) is %s", (loss, text) => {
  expect(formatLoss(loss)).toBe(text);
});
