/**
 * Charts of lines and points in one or more panels, with axes, ticks and a legend, as a `Drawing`: `toSvg` writes it as SVG,
 * `rasterise` paints it.
 *
 * The background is white, so a chart reads on light and dark pages alike. Series take the colours of Okabe and Ito
 * ("Color Universal Design", 2008), which people with any kind of colour vision tell apart, without the yellow that white
 * swallows; from the eighth on lines are dashed too.
 */
import { ConfigError, ShapeError } from "../core/errors.ts";
import type { Colour, Drawing, Item } from "./drawing.ts";
import { textWidth } from "./stroke-font.ts";
import { type Scale, type ScaleName, scaleOf, tickLabel } from "./ticks.ts";

export interface Series {
  /** In the legend; series of one label share a colour over all panels. */
  readonly label?: string;
  readonly x: ArrayLike<number>;
  /** As many as x. Values that are not finite leave a gap, as do those at or below 0 on a logarithmic axis. */
  readonly y: ArrayLike<number>;
  /** Default "line". */
  readonly draw?: "line" | "points";
  /** Default: by the label's place in the palette. */
  readonly colour?: Colour;
  /** Width of a line, or radius of a point, px. */
  readonly size?: number;
  /** Of points, 0 to 1. Default 1. */
  readonly opacity?: number;
}

export interface Axis {
  readonly label?: string;
  /** Default "linear". */
  readonly scale?: ScaleName;
  /** Default: that of the data. Points outside are not drawn. */
  readonly range?: readonly [number, number];
}

export interface Panel {
  readonly title?: string;
  readonly x?: Axis;
  readonly y?: Axis;
  readonly series: readonly Series[];
}

export interface Chart {
  readonly panels: readonly Panel[];
  /** Panels side by side. Default: all up to three, else two. */
  readonly columns?: number;
  /** Of the field of a panel, px. Default 320 × 220. */
  readonly width?: number;
  readonly height?: number;
  /** Without numbers at the axes. Default false. */
  readonly bare?: boolean;
}

export const palette: readonly Colour[] = [
  "#0072b2", // blue
  "#d55e00", // vermilion
  "#009e73", // green
  "#cc79a7", // purple
  "#e69f00", // orange
  "#56b4e9", // sky
  "#000000",
];
const DASHES = [undefined, [6, 4], [2, 4]] as const;

const WHITE = "#ffffff";
const INK = "#222222";
const FRAME = "#888888";
const GRID = "#e6e6e6";
const TEXT = 11;
const TITLE = 13;
const EDGE = 10;

/** How a label is drawn, in every panel. */
interface Style {
  readonly colour: Colour;
  readonly dash?: readonly number[];
}

/**
 * The drawing of a chart. Raises a ConfigError for a chart without panels, sizes below 20 px, or ranges that are none, and
 * a ShapeError for a series whose x and y differ in length.
 */
export function chart(options: Chart): Drawing {
  const { panels, bare = false, width = 320, height = 220 } = options;
  const { columns = panels.length <= 3 ? panels.length : 2 } = options;
  if (panels.length === 0) throw new ConfigError("a chart needs at least one panel");
  if (!(width >= 20) || !(height >= 20) || !Number.isInteger(columns) || columns < 1) {
    throw new ConfigError(
      `a chart needs fields of at least 20 × 20 px in at least one column, not ${width} × ${height} in ${columns}`,
    );
  }
  for (const panel of panels) panel.series.forEach(checkSeries);
  const styles = stylesOf(panels);
  const fields = panels.map(fieldOf);
  const margins = marginsOf(panels, fields, bare);
  const [cellWidth, cellHeight] = [margins.left + width + margins.right, margins.top + height + margins.bottom];
  const total = EDGE * 2 + cellWidth * columns;
  const items = panels.flatMap((panel, i) => {
    const left = EDGE + (i % columns) * cellWidth + margins.left;
    const top = EDGE + Math.floor(i / columns) * cellHeight + margins.top;
    return panelItems(panel, fields[i], { left, top, width, height }, styles, { bare, margin: margins.left });
  });
  const rows = Math.ceil(panels.length / columns);
  const legend = legendItems(styles, total, EDGE + rows * cellHeight, kindsOf(panels));
  return {
    width: total,
    height: EDGE * 2 + rows * cellHeight + legend.height,
    background: WHITE,
    items: [...items, ...legend.items],
  };
}

function checkSeries({ label, x, y }: Series): void {
  if (x.length === y.length) return;
  throw new ShapeError(
    `the series ${JSON.stringify(label ?? "")} has ${x.length} x and ${y.length} y; give one y for each x`,
  );
}

interface Field {
  readonly x: Scale;
  readonly y: Scale;
}

function fieldOf({ x = {}, y = {}, series }: Panel): Field {
  function* values(of: (series: Series) => ArrayLike<number>): Generator<number> {
    for (const one of series) yield* Array.from(of(one));
  }
  return {
    x: scaleOf(x.scale ?? "linear", x.range ? [] : values((one) => one.x), x.range),
    y: scaleOf(y.scale ?? "linear", y.range ? [] : values((one) => one.y), y.range),
  };
}

function marginsOf(panels: readonly Panel[], fields: readonly Field[], bare: boolean) {
  const numbers = bare ? [] : fields.flatMap(({ y }) => y.ticks.map((tick) => textWidth(tickLabel(tick), TEXT)));
  const labelled = (axis: "x" | "y") => panels.some((panel) => panel[axis]?.label !== undefined);
  return {
    left: Math.ceil(6 + (bare ? 0 : Math.max(0, ...numbers) + 6) + (labelled("y") ? TEXT + 6 : 0)),
    right: 10,
    top: panels.some(({ title }) => title !== undefined) ? TITLE + 8 : 6,
    bottom: 6 + (bare ? 0 : TEXT + 6) + (labelled("x") ? TEXT + 6 : 0),
  };
}

/** Where a panel's field lies, px. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function panelItems(
  panel: Panel,
  field: Field,
  place: Place,
  styles: ReadonlyMap<string, Style>,
  { bare, margin }: { bare: boolean; margin: number },
): Item[] {
  const { left, top, width, height } = place;
  const [right, bottom] = [left + width, top + height];
  const items: Item[] = [];
  const line = (points: number[], colour: Colour) => items.push({ kind: "line", points, colour, width: 1 });
  const words = (text: string, x: number, y: number, more: object = {}) =>
    items.push({ kind: "words", text, x, y, size: TEXT, colour: INK, anchor: "middle", ...more });

  for (const tick of field.x.ticks) {
    const x = crisp(left + field.x.place(tick) * width);
    line([x, top, x, bottom], GRID);
    if (!bare) words(tickLabel(tick), x, bottom + TEXT + 4);
  }
  for (const tick of field.y.ticks) {
    const y = crisp(bottom - field.y.place(tick) * height);
    line([left, y, right, y], GRID);
    if (!bare) words(tickLabel(tick), left - 6, y + 0.35 * TEXT, { anchor: "end" });
  }
  for (const series of panel.series) items.push(...seriesItems(series, field, place, styles));
  const [l, t, r, b] = [left, top, right, bottom].map(crisp);
  line([l, t, r, t, r, b, l, b, l, t], FRAME);
  if (panel.title !== undefined) words(panel.title, left + width / 2, top - 7, { size: TITLE });
  if (panel.x?.label !== undefined) words(panel.x.label, left + width / 2, bottom + (bare ? 4 : TEXT + 9) + TEXT);
  if (panel.y?.label !== undefined) {
    words(panel.y.label, left - margin + TEXT, top + height / 2, { upwards: true });
  }
  return items;
}

/** In the middle of a pixel, so that a line of one pixel has sharp edges. */
function crisp(value: number): number {
  return Math.floor(value) + 0.5;
}

function seriesItems(series: Series, field: Field, place: Place, styles: ReadonlyMap<string, Style>): Item[] {
  const { left, top, width, height } = place;
  const style = styleOf(series, styles);
  const across = Float64Array.from(series.x, (value) => field.x.place(value));
  const up = Float64Array.from(series.y, (value) => field.y.place(value));
  const toPx = (x: number, y: number): [number, number] => [left + x * width, top + (1 - y) * height];
  if (series.draw === "points") {
    const inside = (place: number) => place >= 0 && place <= 1;
    const points: number[] = [];
    across.forEach((x, i) => {
      if (inside(x) && inside(up[i])) points.push(...toPx(x, up[i]));
    });
    const { size: radius = 2, opacity } = series;
    return [{ kind: "dots", points, radius, opacity, colour: style.colour }];
  }
  return visibleParts(across, up).map((part) => ({
    kind: "line",
    points: part.flatMap(([x, y]) => toPx(x, y)),
    width: series.size ?? 1.8,
    ...style,
  }));
}

type Point = [number, number];

/** The parts of a polyline in the unit square: cut at its edges, and at places that are not finite. */
function visibleParts(x: Float64Array, y: Float64Array): Point[][] {
  const parts: Point[][] = [];
  let open: Point[] = [];
  const close = () => {
    if (open.length > 1) parts.push(open);
    open = [];
  };
  for (let i = 1; i < x.length; i++) {
    const cut = cutToSquare([x[i - 1], y[i - 1]], [x[i], y[i]]);
    if (!cut) {
      close();
      continue;
    }
    const [from, to] = cut;
    if (open.length === 0) open = [from];
    open.push(to);
    if (to[0] !== x[i] || to[1] !== y[i]) close();
  }
  close();
  return parts;
}

/** The part of a segment in the unit square (Liang and Barsky 1984); undefined where there is none. */
function cutToSquare(from: Point, to: Point): [Point, Point] | undefined {
  if (![...from, ...to].every(Number.isFinite)) return undefined;
  let [enter, leave] = [0, 1];
  for (const axis of [0, 1]) {
    const delta = to[axis] - from[axis];
    for (const [p, q] of [
      [-delta, from[axis]],
      [delta, 1 - from[axis]],
    ]) {
      if (p === 0 && q < 0) return undefined;
      if (p < 0) enter = Math.max(enter, q / p);
      if (p > 0) leave = Math.min(leave, q / p);
    }
  }
  if (enter > leave) return undefined;
  const at = (share: number): Point => [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
  return [enter === 0 ? from : at(enter), leave === 1 ? to : at(leave)];
}

/** A style for each label, in the order in which they occur. */
function stylesOf(panels: readonly Panel[]): Map<string, Style> {
  const styles = new Map<string, Style>();
  for (const { series } of panels) {
    for (const { label, colour } of series) {
      if (label === undefined || styles.has(label)) continue;
      const i = styles.size;
      const dash = DASHES[Math.floor(i / palette.length) % DASHES.length];
      styles.set(label, colour ? { colour } : { colour: palette[i % palette.length], dash });
    }
  }
  return styles;
}

function styleOf({ label, colour }: Series, styles: ReadonlyMap<string, Style>): Style {
  const style = label === undefined ? { colour: palette[0] } : styles.get(label)!;
  return colour ? { ...style, colour } : style;
}

/** How each label is drawn where it occurs first. */
function kindsOf(panels: readonly Panel[]): Map<string, "line" | "points"> {
  const kinds = new Map<string, "line" | "points">();
  for (const { label, draw = "line" } of panels.flatMap(({ series }) => series)) {
    if (label !== undefined && !kinds.has(label)) kinds.set(label, draw);
  }
  return kinds;
}

const SAMPLE = 22;
const ROW = TEXT + 8;

/** The legend under the panels, in as many rows as it takes. */
function legendItems(
  styles: ReadonlyMap<string, Style>,
  total: number,
  top: number,
  kinds: ReadonlyMap<string, "line" | "points">,
): { items: Item[]; height: number } {
  if (styles.size === 0) return { items: [], height: 0 };
  const items: Item[] = [];
  let [x, y] = [2 * EDGE, top + ROW];
  for (const [label, style] of styles) {
    const width = SAMPLE + 6 + textWidth(label, TEXT) + 18;
    if (x + width > total && x > 2 * EDGE) [x, y] = [2 * EDGE, y + ROW];
    const middle = y - 0.35 * TEXT;
    if (kinds.get(label) === "points") {
      items.push({ kind: "dots", points: [x + SAMPLE / 2, middle], radius: 3.5, colour: style.colour });
    } else items.push({ kind: "line", points: [x, middle, x + SAMPLE, middle], width: 2, ...style });
    items.push({ kind: "words", text: label, x: x + SAMPLE + 6, y, size: TEXT, colour: INK });
    x += width;
  }
  return { items, height: y - top + 4 };
}
