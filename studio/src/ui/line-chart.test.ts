import { describe, expect, test } from "vitest";
import { layOut, valueAt } from "./line-chart.ts";

const curve = { label: "a", x: [0, 1, 3], y: [0, 10, 30] };

describe("the value of a curve", () => {
  test("is straight between its points, exact on them, none outside", () => {
    expect([0, 0.5, 1, 2, 3].map((x) => valueAt(curve, x))).toEqual([0, 5, 10, 20, 30]);
    expect(valueAt(curve, -0.1)).toBeNaN();
    expect(valueAt(curve, 3.1)).toBeNaN();
    expect(valueAt({ label: "none", x: [], y: [] }, 0)).toBeNaN();
  });

  test("next to a gap is a number on the points themselves", () => {
    expect(valueAt({ label: "gap", x: [0, 1], y: [Number.POSITIVE_INFINITY, 2] }, 1)).toBe(2);
  });
});

describe("the layout of a chart", () => {
  test("x fills the width between the margins, and a logarithmic y has equal decades", () => {
    const plot = layOut({ series: [curve], width: 400, height: 200, logY: true, yRange: [0.1, 1000] });
    expect([plot.x(0), plot.x(3)]).toEqual([plot.left, plot.right]);
    expect(plot.y(1) - plot.y(10)).toBeCloseTo(plot.y(10) - plot.y(100), 9);
    expect([plot.y(0.1), plot.y(1000)]).toEqual([plot.bottom, plot.top]);
  });

  test("what a logarithmic axis has not leaves a gap in the line", () => {
    const series = [{ label: "b", x: [0, 1, 2, 3], y: [1, 0, 10, 100] }];
    const [line] = layOut({ series, width: 400, height: 200, logY: true }).lines;
    expect(line.match(/M/g)).toHaveLength(2);
    expect(line.match(/L/g)).toHaveLength(1);
  });

  test("without any point there is still a chart", () => {
    const plot = layOut({ series: [], width: 0, height: 200 });
    expect(plot.lines).toEqual([]);
    expect(plot.xTicks.every(({ at }) => Number.isFinite(at))).toBe(true);
  });
});
