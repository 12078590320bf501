import { expect, test } from "vitest";
import { channelsOf } from "./picture-file.ts";

test("grey is the luminance, white stays white", () => {
  expect([...channelsOf([255, 255, 255, 255, 255, 0, 0, 255, 0, 0, 255, 255], 1)]).toEqual([255, 54, 18]);
});

test("colours stay in their order, without the alpha", () => {
  expect([...channelsOf([1, 2, 3, 255, 4, 5, 6, 0], 3)]).toEqual([1, 2, 3, 4, 5, 6]);
});
