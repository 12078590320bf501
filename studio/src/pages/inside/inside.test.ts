import type { ModelPart, Place } from "langevin/browser";
import { describe, expect, test } from "vitest";
import { ALL_HEADS, layersOf, rowOf, sameCell, summary } from "./attention.ts";
import { nameOf, shapeInWords } from "./names.ts";
import { laidOver, mapsSheet, rangeOf, rgbOf, scalesOf } from "./paint.ts";
import { columnsOf, settledOf, sharesOfA, tippingOf } from "./swaps.ts";
import { rowsOf, walk } from "./tree.ts";

describe("attention", () => {
  const weights = { data: Float32Array.of(1, 0, 0.5, 0.5, 0, 1, 0.25, 0.75), shape: [2, 2, 2] };
  test("a row of one head, and the mean of all", () => {
    expect([...rowOf(weights, 1, 1)]).toEqual([0.25, 0.75]);
    expect([...rowOf(weights, ALL_HEADS, 0)]).toEqual([0.5, 0.5]);
  });
  test("the strongest key, and over how many the row is spread", () => {
    expect(summary(Float32Array.of(0, 0, 0, 0, 1, 0), 3)).toEqual({ most: { row: 1, column: 1 }, share: 1, spread: 1 });
    expect(summary(new Float32Array(8).fill(1 / 8), 4).spread).toBeCloseTo(8, 5);
  });
  test("the same place of the picture in another grid", () => {
    expect(sameCell({ row: 6, column: 0 }, [7, 7], [14, 14])).toEqual({ row: 13, column: 1 });
    expect(sameCell({ row: 13, column: 1 }, [14, 14], [7, 7])).toEqual({ row: 6, column: 0 });
  });
  test("only layers over the places of a picture", () => {
    const place = (id: string, more: Partial<Place>): Place => ({
      id,
      module: id,
      kind: "attention",
      shape: [1, 4, 4],
      ...more,
    });
    const places = [place("a", { grid: [2, 2] }), place("b", {}), place("c", { kind: "map" })];
    expect(layersOf(places).map(({ id }) => id)).toEqual(["a"]);
  });
});

test("names in plain words", () => {
  expect(nameOf("down_blocks.1.attentions.0.probabilities")).toBe("Down 2, attention 1");
  expect(nameOf("up_blocks.0.upsamplers.0.conv")).toBe("Up 1, twice the size, convolution");
  expect(nameOf("mid_block.resnets.1.conv1")).toBe("Middle, residual block 2, first convolution");
  expect(nameOf("")).toBe("The whole network");
  expect(nameOf("layers.3.gate")).toBe("Layers 4, gate");
  expect(shapeInWords([32, 14, 14])).toBe("32 × 14 × 14");
  expect(shapeInWords(undefined)).toBe("–");
});

describe("paint", () => {
  test("colours of the theme", () => {
    expect(rgbOf("#0b5cc4")).toEqual([11, 92, 196]);
    expect(rgbOf("none")).toEqual([0, 0, 0]);
  });
  test("weights over a picture: none leave it, the strongest mix nine tenths of the colour in", () => {
    const picture = { data: new Float32Array(8).fill(-1), shape: [1, 2, 4] };
    const { data, shape } = laidOver(picture, Float32Array.of(0, 0.5), [1, 2], [100, 200, 50]);
    expect(shape).toEqual([2, 4, 4]);
    expect([...data.subarray(0, 4)]).toEqual([0, 0, 0, 255]);
    expect([...data.subarray(8, 12)]).toEqual([90, 180, 45, 255]);
  });
  test("a sheet of maps: sign by colour, size by strength, nothing between them", () => {
    const maps = Float32Array.of(2, -1, 0, 4);
    const scales = scalesOf(maps, 2, false);
    expect([...scales]).toEqual([2, 4]);
    expect([...scalesOf(maps, 2, true)]).toEqual([4, 4]);
    const colours = { positive: [255, 0, 0], negative: [0, 0, 255], zero: [0, 0, 0] } as const;
    const { data, shape } = mapsSheet(maps, [2, 1, 2], 2, scales, colours);
    expect(shape).toEqual([1, 5, 4]);
    const pixels = Array.from({ length: 5 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
    expect(pixels).toEqual([
      [255, 0, 0, 255],
      [0, 0, 128, 255],
      [0, 0, 0, 0],
      [0, 0, 0, 255],
      [255, 0, 0, 255],
    ]);
    expect(rangeOf(maps)).toEqual({ least: -1, most: 4, mean: 1.25 });
  });
});

describe("swaps", () => {
  test("columns are spread over all steps, ends with them", () => {
    expect(columnsOf(20, 9)).toEqual([0, 3, 5, 8, 10, 13, 15, 18, 20]);
    expect(columnsOf(3, 9)).toEqual([0, 1, 2, 3]);
  });
  test("shares of A by distance, and where they tip", () => {
    const shares = sharesOfA(Float32Array.of(0, 1, 3, 4), 4);
    expect(shares).toEqual([0, 0.25, 0.75, 1]);
    expect(tippingOf(shares)).toBe(2);
    expect(tippingOf([0, 0.1])).toBeUndefined();
    expect(settledOf([0, 0.97, 0.9, 0.96, 1])).toBe(3);
    expect(settledOf([0, 0.5])).toBeUndefined();
    expect(sharesOfA(new Float32Array(4), 2)).toEqual([0, 0]);
  });
});

describe("the tree", () => {
  const part = (path: string, parts: ModelPart[] = []) => ({ path, parts }) as unknown as ModelPart;
  const root = part("", [part("a", [part("a.x"), part("a.y")]), part("b")]);
  const rows = (...open: string[]) => rowsOf(root, new Set(open));
  test("shows what is open", () => {
    expect(rows("").map(({ part, level }) => `${part.path}:${level}`)).toEqual([":1", "a:2", "b:2"]);
    expect(rows("", "a")[3]).toMatchObject({ level: 3, place: 2, siblings: 2, above: "a" });
  });
  test.each([
    ["", "ArrowDown", { go: "a" }],
    ["", "End", { go: "b" }],
    ["a", "ArrowRight", { open: "a" }],
    ["a", "ArrowLeft", { go: "" }],
    ["a", "Enter", { open: "a" }],
    ["b", "ArrowRight", undefined],
    ["b", "ArrowDown", undefined],
    ["", "ArrowLeft", { close: "" }],
  ])("at %j the key %s gives %j", (at, key, expected) => {
    const open = new Set([""]);
    expect(walk(rowsOf(root, open), at, key, open)).toEqual(expected);
  });
  test("an open part is entered, and closed", () => {
    const open = new Set(["", "a"]);
    const all = rowsOf(root, open);
    expect(walk(all, "a", "ArrowRight", open)).toEqual({ go: "a.x" });
    expect(walk(all, "a", "ArrowLeft", open)).toEqual({ close: "a" });
    expect(walk(all, "a.y", "ArrowLeft", open)).toEqual({ go: "a" });
  });
});
