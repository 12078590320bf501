import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { formatTable, tableLines } from "./table.ts";

describe("tableLines", () => {
  it("aligns words to the left and numbers to the right, with thousands apart", () => {
    const rows = [
      ["conv_in", "32×4×3×3", 1184],
      ["down_blocks.0", "", 48_320n],
    ];
    expect(tableLines(rows, { header: ["module", "shape", "parameters"] })).toEqual([
      "module         shape     parameters",
      "conv_in        32×4×3×3       1,184",
      "down_blocks.0                48,320",
    ]);
  });

  it("takes numbers with units, durations and signs for numbers; dashes say nothing", () => {
    const rows = [
      ["6.5 M", "4m 05s", "-1.5e-3", "92 %", "1.33 GB", "–"],
      ["860 k", "12s", "", "-", "12 MB", ""],
    ];
    expect(tableLines(rows)).toEqual([
      "6.5 M  4m 05s  -1.5e-3  92 %  1.33 GB  –",
      "860 k     12s              -    12 MB",
    ]);
  });

  it("keeps a column of words and numbers on the left", () => {
    expect(
      tableLines([
        ["12", 1],
        ["3x3 conv", 2],
      ]),
    ).toEqual(["12        1", "3x3 conv  2"]);
  });

  it("obeys an alignment that is asked for", () => {
    expect(
      tableLines(
        [
          ["a", 1],
          ["bb", 22],
        ],
        { align: ["right", "left"] },
      ),
    ).toEqual([" a  1", "bb  22"]);
  });

  it("measures columns on screen, with colours and wide characters", () => {
    const rows = [
      ["数字", "\x1b[32m5\x1b[39m"],
      ["digits", "10"],
    ];
    expect(tableLines(rows)).toEqual(["数字     \x1b[32m5\x1b[39m", "digits  10"]);
  });

  it("cuts the widest words to the width of the terminal, never the numbers", () => {
    const rows = [["a-rather-long-name-of-a-recipe", "also quite long", 123456]];
    const [line] = tableLines(rows, { maxWidth: 36, indent: 2 });
    expect(line).toBe("  a-rather-l…  also quite …  123,456");
    expect(line).toHaveLength(36);
    expect(tableLines(rows, { maxWidth: 5 })).toEqual(["a-rathe…  also qu…  123,456"]); // eight columns are the least
  });

  it("styles headings after padding", () => {
    const lines = tableLines([["x", 1]], { header: ["name", "n"], styleHeader: (text) => `<${text}>` });
    expect(lines).toEqual(["<name>  <n>", "x     1"]);
  });

  it("refuses rows of different lengths", () => {
    expect(() => tableLines([[1, 2], [3]])).toThrow(ConfigError);
    expect(() => tableLines([[1]], { header: ["a", "b"] })).toThrow(/row 0.*1 cells.*2 columns/);
  });
});

it("formatTable ends each line; nothing gives nothing", () => {
  expect(formatTable([["a", null, 1.5]])).toBe("a    1.5\n");
  expect(formatTable([])).toBe("");
  expect(formatTable([], { header: ["a"] })).toBe("a\n");
});
