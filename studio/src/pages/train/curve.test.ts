import { expect, test } from "vitest";
import { bars, markedRange, smoothed, smoothingSpan, thinned } from "./curve.ts";

test("a constant stays what it is, from the first value on", () => {
  expect(smoothed([3, 3, 3, 3], 10).every((value) => Math.abs(value - 3) < 1e-12)).toBe(true);
});

test("the mean moves by the weights of the formula", () => {
  const d = Math.exp(-1 / 2);
  expect(smoothed([1, 0, 4], 2)[2]).toBeCloseTo((d * d * 1 + d * 0 + 4) / (d * d + d + 1), 12);
});

test("a value that is not finite does not spoil those after it", () => {
  expect(smoothed([2, Number.NaN, 2], 5)[2]).toBeCloseTo(2, 12);
});

test("thinning keeps order, ends of the range and every spike", () => {
  const x = Array.from({ length: 10_000 }, (_, i) => i);
  const y = x.map((i) => (i === 7777 ? 100 : i === 1234 ? -5 : 1 / (i + 1)));
  const few = thinned({ x, y }, 400);
  expect(few.x.length).toBeLessThanOrEqual(400);
  expect(few.x).toEqual([...few.x].sort((a, b) => a - b));
  expect([few.x[0], few.x.at(-1)]).toEqual([0, 9999]);
  expect(few.y[few.x.indexOf(7777)]).toBe(100);
  expect(few.y[few.x.indexOf(1234)]).toBe(-5);
  expect(thinned({ x: [1, 2], y: [3, 4] }, 400)).toEqual({ x: [1, 2], y: [3, 4] });
});

test("the span of the mean grows with the run", () => {
  expect([10, 1000, 1e6].map(smoothingSpan)).toEqual([5, 20, 200]);
});

test("bars are logarithmic, and a level without images has none", () => {
  const [a, b, c] = bars([
    { from: 0, to: 0.1, loss: 1, count: 5 },
    { from: 0.1, to: 0.2, loss: 0.1, count: 5 },
    { from: 0.2, to: 1 / 3, loss: 0, count: 0 },
  ]);
  expect(a).toEqual({ label: "0 to 0.1", loss: 1, share: 1 });
  expect(b.share).toBeCloseTo(2 / 3, 12);
  expect(c).toEqual({ label: "0.2 to 0.333", share: 0 });
});

test("a logarithmic axis ends at marks", () => {
  expect(markedRange([1.4, 1.9])).toEqual([1, 2]);
  expect(markedRange([0.2, 0.031, 1])).toEqual([0.02, 2]);
  expect(markedRange([3, 3])).toEqual([2, 5]);
  expect(markedRange([Number.NaN, 7, Number.POSITIVE_INFINITY])).toEqual([5, 10]);
  expect(markedRange([0, Number.NaN])).toBeUndefined();
});
