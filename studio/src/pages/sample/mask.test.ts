import { expect, test } from "vitest";
import { emptyMask, halfMask, maskFromText, maskOf, maskToText, painted, stroke } from "./mask.ts";

test("a dot is a disc of its radius, a stroke the pixels along it", () => {
  const dot = stroke(emptyMask(20, 20), [10, 10], [10, 10], 4, 1);
  expect(Math.abs(painted(dot) - Math.PI * 16)).toBeLessThan(5);
  const line = stroke(emptyMask(20, 20), [2, 10], [18, 10], 1.5, 1);
  for (let x = 2; x < 18; x++) expect(line.data[10 * 20 + x]).toBe(1);
  expect(line.data[4 * 20 + 10]).toBe(0);
  expect(painted(stroke(dot, [10, 10], [10, 10], 20, 0))).toBe(0);
});

test("halves make a whole", () => {
  const [top, bottom] = (["top", "bottom"] as const).map((half) => halfMask(7, 5, half));
  top.data.forEach((value, i) => {
    expect(value + bottom.data[i]).toBe(1);
  });
});

test("a mask for each picture and channel", () => {
  expect([...maskOf({ width: 2, height: 1, data: Uint8Array.of(0, 1) }, 2, 2)]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
});

test("a mask comes back from its text; a text of another size does not", () => {
  const mask = stroke(halfMask(28, 28, "left"), [20, 20], [25, 22], 3, 1);
  expect(maskFromText(maskToText(mask), 28, 28)).toEqual(mask);
  expect(maskFromText(maskToText(mask), 27, 28)).toBeUndefined();
  expect(maskFromText("hello!", 28, 28)).toBeUndefined();
});
