import { expect, test } from "vitest";
import { drawRequest, fillRequest, fromBytes, toBytes } from "./requests.ts";

const model = { from: { run: "a" }, classes: 10 };
const settings = { solver: { name: "ddim", steps: 5 }, seed: 3, guidance: 2, classLabel: 4, count: 2 } as const;

test("a class is asked for only where it is chosen and the model has any", () => {
  expect(drawRequest(model, settings)).toEqual({
    from: { run: "a" },
    solver: settings.solver,
    seed: 3,
    guidance: 2,
    count: 2,
    classLabel: 4,
  });
  expect("classLabel" in drawRequest(model, { ...settings, classLabel: undefined })).toBe(false);
  expect("classLabel" in drawRequest({ ...model, classes: 0 }, settings)).toBe(false);
});

test("bytes become planes and come back", () => {
  const bytes = Uint8Array.of(0, 100, 255, 10, 110, 210); // two pixels of three channels
  const planes = fromBytes(bytes, 3);
  expect([...planes].map((value) => Math.round((value + 1) * 127.5))).toEqual([0, 10, 100, 110, 255, 210]);
  expect(toBytes(planes, 3)).toEqual(bytes);
  expect([...toBytes([-3, 3], 1)]).toEqual([0, 255]);
});

test("each way to fill in has the picture and the mask", () => {
  const mask = { width: 2, height: 1, data: Uint8Array.of(0, 1) };
  const { fill, count } = fillRequest(model, settings, Uint8Array.of(0, 255), mask);
  expect(count).toBe(2);
  expect([...fill!.known]).toEqual([-1, 1, -1, 1]);
  expect([...fill!.drawn]).toEqual([0, 1, 0, 1]);
});
