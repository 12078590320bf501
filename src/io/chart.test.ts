import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { writeChart } from "./chart.node.ts";
import { type Chart, chart, palette } from "./chart.ts";
import { type Drawing, type Item, toSvg } from "./drawing.ts";
import { rasterise } from "./raster.ts";
import { strokeCharacters, textStrokes, textWidth } from "./stroke-font.ts";
import { scaleOf, tickLabel } from "./ticks.ts";

describe("the scale of an axis", () => {
  it("has round ticks: 1, 2 or 5 times a power of ten", () => {
    expect(scaleOf("linear", [], [0, 1]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(scaleOf("linear", [], [-3, 12]).ticks).toEqual([0, 5, 10]);
    expect(scaleOf("linear", [], [0.1, 0.3]).ticks).toEqual([0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(scaleOf("linear", [], [0, 999]).ticks).toEqual([0, 200, 400, 600, 800]);
    expect(scaleOf("log", [], [1e-3, 1e2]).ticks).toEqual([1e-3, 1e-2, 1e-1, 1, 10, 100]);
    expect(scaleOf("log", [], [1, 30]).ticks).toEqual([1, 2, 5, 10, 20]);
    expect(scaleOf("log", [], [1e-12, 1e12]).ticks).toEqual([1e-12, 1e-8, 1e-4, 1, 1e4, 1e8, 1e12]);
  });

  it("places values evenly, or by their logarithms", () => {
    expect(scaleOf("linear", [], [2, 6]).place(3)).toBe(0.25);
    expect(scaleOf("log", [], [0.01, 100]).place(10)).toBeCloseTo(0.75, 12);
    expect(scaleOf("log", [], [0.01, 100]).place(-1)).toBeNaN();
  });

  it("takes in all values that it can show, with a margin", () => {
    const { range } = scaleOf("linear", [3, Number.POSITIVE_INFINITY, -1, Number.NaN]);
    expect(range).toEqual([-1.16, 3.16]);
    expect(scaleOf("log", [0, -5, 1, 100]).range[0]).toBeCloseTo(100 ** -0.04, 12);
    expect(scaleOf("linear", [2, 2]).range).toEqual([1, 3]);
    expect(scaleOf("log", []).range).toEqual([1, 10]);
  });

  it("refuses a range that is none", () => {
    for (const range of [
      [1, 1],
      [2, 1],
      [0, Number.NaN],
    ] as const) {
      expect(() => scaleOf("linear", [], range)).toThrow(ConfigError);
    }
    expect(() => scaleOf("log", [], [0, 1])).toThrow(/logarithmic.*0 to 1/);
  });

  it("writes numbers as people do", () => {
    expect([0, -0.5, 1000, 1e5, 2e-4, -1e-6].map(tickLabel)).toEqual(["0", "−0.5", "1000", "1e5", "2e−4", "−1e−6"]);
  });
});

/** Items of one kind. */
const items = <K extends Item["kind"]>({ items }: Drawing, kind: K) =>
  items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);
const plain = { width: 100, height: 100, bare: true };
const unit = { range: [0, 1] as const };

describe("a chart", () => {
  it("puts a line where its numbers are, cut at the edges and broken at gaps", () => {
    const y = [0, 2, Number.NaN, 1, 1];
    const drawing = chart({ ...plain, panels: [{ x: unit, y: unit, series: [{ x: [0, 0.5, 0.6, 0.7, 1], y }] }] });
    const lines = items(drawing, "line").filter(({ colour }) => colour === palette[0]);
    const [left, top] = [16, 16]; // an edge of 10 and a margin of 6
    expect(lines.map(({ points }) => Array.from(points))).toEqual([
      [left, top + 100, left + 25, top],
      [left + 70, top, left + 100, top],
    ]);
  });

  it("drops points outside, and keeps colours by label over panels", () => {
    const series = [
      { label: "a", x: [0.5], y: [0.5] },
      { label: "b", draw: "points" as const, x: [0, 2, 1], y: [0, 0, 1] },
    ];
    const drawing = chart({ ...plain, panels: [{ series }, { x: unit, y: unit, series: [series[1]] }] });
    const dots = items(drawing, "dots");
    expect(dots.every(({ colour }) => colour === palette[1])).toBe(true);
    expect(dots[1].points.length).toBe(4);
    const legend = items(drawing, "words").map(({ text }) => text);
    expect(legend).toEqual(["a", "b"]);
  });

  it("has a style of its own for each of fourteen labels", () => {
    const series = Array.from({ length: 14 }, (_, i) => ({ label: `s${i}`, x: [0, 1], y: [0, i] }));
    const lines = items(chart({ panels: [{ series }] }), "line").filter(({ width }) => width === 1.8);
    expect(new Set(lines.map(({ colour, dash }) => `${colour} ${dash}`)).size).toBe(14);
  });

  it("refuses what it cannot draw", () => {
    expect(() => chart({ panels: [] })).toThrow(/at least one panel/);
    expect(() => chart({ panels: [{ series: [] }], width: 3 })).toThrow(ConfigError);
    expect(() => chart({ panels: [{ series: [{ label: "loss", x: [1, 2], y: [1] }] }] })).toThrow(ShapeError);
    expect(() => rasterise(chart({ panels: [{ series: [] }] }), { scale: 0 })).toThrow(/scale/);
    const colour = "red" as never;
    expect(() => rasterise({ width: 1, height: 1, background: colour, items: [] })).toThrow(/#rrggbb, not "red"/);
  });
});

describe("SVG", () => {
  it("is well-formed, with words as text that is escaped, and the whole drawing in its box", async () => {
    const panel = { title: "a < b & c", y: { label: "up" }, series: [{ label: "x", x: [0, 1], y: [1, 2] }] };
    const drawing = chart({ panels: [panel] });
    const svg = toSvg(drawing);
    expect(svg).toContain(">a &lt; b &amp; c</text>");
    expect(svg).toContain("rotate(-90");
    const { format, width, height } = await sharp(Buffer.from(svg)).metadata(); // libxml refuses what is not well-formed
    expect([format, width, height]).toEqual(["svg", Math.round(drawing.width), Math.round(drawing.height)]);
  });

  it("shows what the painted picture shows", async () => {
    const drawing: Drawing = {
      width: 60,
      height: 40,
      background: "#ffffff",
      items: [
        { kind: "box", x: 5, y: 5.5, width: 20, height: 10, colour: "#009e73" },
        { kind: "line", points: [5, 35, 30, 20, 55, 35], width: 3, colour: "#0072b2" },
        { kind: "line", points: [30, 5.5, 58, 5.5], width: 2, dash: [6, 6], colour: "#000000" },
        { kind: "dots", points: [45, 15, 47, 15], radius: 5, opacity: 0.5, colour: "#d55e00" },
      ],
    };
    const { data } = rasterise(drawing, { scale: 1 });
    const svg = await sharp(Buffer.from(toSvg(drawing)))
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(svg.length).toBe(data.length);
    const wrong = data.filter((level, i) => Math.abs(level - svg[i]) > 40); // edges are softened in another way
    expect(wrong.length / data.length).toBeLessThan(0.01);
    expect(new Set(data).size).toBeGreaterThan(8);
  });
});

describe("words without a font", () => {
  it("have strokes inside of their width, from the tail to the top of the line", () => {
    for (const character of strokeCharacters) {
      for (const stroke of textStrokes(character, 10)) {
        expect(stroke.length % 2, character).toBe(0);
        expect(stroke.length, character).toBeGreaterThanOrEqual(4);
        const xs = stroke.filter((_, i) => i % 2 === 0);
        const ys = stroke.filter((_, i) => i % 2 === 1);
        expect(Math.min(...xs), character).toBeGreaterThanOrEqual(0);
        expect(Math.max(...xs), character).toBeLessThanOrEqual(textWidth(character, 10));
        expect(Math.min(...ys), character).toBeGreaterThanOrEqual(-2);
        expect(Math.max(...ys), character).toBeLessThanOrEqual(7);
      }
    }
  });

  it("has every printable character of ASCII that charts use, and a box for others", () => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    for (const character of `${letters}${letters.toUpperCase()}0123456789.,:;!?+-*/=<>()[]{}|_%'"ασβ²−`) {
      expect(strokeCharacters, character).toContain(character);
    }
    expect(textStrokes("漢", 10)).toEqual([[0, 0, 0, 7, 4, 7, 4, 0, 0, 0]]);
    expect(textWidth("", 10)).toBe(0);
  });

  it("leave ink where they stand, and upwards too", () => {
    const words = { kind: "words", text: "Hello", size: 20, colour: "#000000", anchor: "middle" } as const;
    const ink = (upwards: boolean) => {
      const item = { ...words, x: 50, y: 50, upwards };
      const picture = rasterise({ width: 100, height: 100, background: "#ffffff", items: [item] }, { scale: 1 });
      const dark = [...picture.data.keys()].filter((i) => i % 3 === 0 && picture.data[i] < 100).map((i) => i / 3);
      return { columns: dark.map((i) => i % 100), rows: dark.map((i) => Math.floor(i / 100)) };
    };
    const half = textWidth("Hello", 20) / 2;
    const across = ink(false);
    expect(Math.min(...across.columns)).toBeCloseTo(50 - half, -0.5);
    expect(Math.max(...across.columns)).toBeCloseTo(50 + half, -0.5);
    expect(Math.min(...across.rows)).toBeGreaterThanOrEqual(50 - 15);
    expect(Math.max(...across.rows)).toBeLessThanOrEqual(51);
    const up = ink(true);
    expect(Math.max(...up.rows) - Math.min(...up.rows)).toBe(Math.max(...across.columns) - Math.min(...across.columns));
    expect(Math.max(...up.columns)).toBeLessThanOrEqual(51);
  });
});

describe("charts as files", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-chart-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const one: Chart = { panels: [{ series: [{ x: [0, 1], y: [0, 1] }] }], width: 50, height: 40 };

  it("are SVG, or PNG of twice as many pixels, in a folder that is made", async () => {
    const drawing = chart(one);
    await writeChart(join(folder, "new/a.svg"), one);
    await writeChart(join(folder, "new/a.PNG"), one);
    expect(await readFile(join(folder, "new/a.svg"), "utf8")).toBe(toSvg(drawing));
    const { format, width } = await sharp(join(folder, "new/a.PNG")).metadata();
    expect([format, width]).toEqual(["png", 2 * drawing.width]);
  });

  it("are nothing else", async () => {
    await expect(writeChart(join(folder, "a.jpg"), one)).rejects.toThrow(/\.svg or \.png, not to .*a\.jpg/);
  });
});
