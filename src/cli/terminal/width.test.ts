import { describe, expect, it } from "vitest";
import { displayWidth, fitWidth, padLeft, padRight } from "./width.ts";

describe("displayWidth", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["fréchet", 7],
    ["fre\u0301chet", 7], // e with a combining accent
    ["\x1b[31mred\x1b[0m", 3],
    ["数字", 4],
    ["かな", 4],
    ["한글", 4],
    ["ｱ", 1], // half-width katakana
    ["Ａ", 2], // full-width Latin
    ["🙂", 2],
    ["👩‍🔬", 2], // one grapheme of three code points
    ["━━", 2],
    ["\u200b", 0],
  ])("%j takes %i", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

it("fitWidth never splits a wide character and never exceeds the width", () => {
  expect(fitWidth("digits", 6)).toBe("digits");
  expect(fitWidth("digits", 5)).toBe("digi…");
  expect(fitWidth("数字数字", 6)).toBe("数字…");
  expect(displayWidth(fitWidth("数字数字", 6))).toBe(5);
  expect(fitWidth("digits", 1)).toBe("…");
  expect(fitWidth("digits", 0)).toBe("");
  expect(fitWidth("\x1b[31mdigits\x1b[0m", 4)).toBe("dig…");
});

it("pads to columns, not to code units", () => {
  expect(padRight("数", 4)).toBe("数  ");
  expect(padLeft("\x1b[1m7\x1b[0m", 3)).toBe("  \x1b[1m7\x1b[0m");
  expect(padLeft("long", 2)).toBe("long");
});
