/**
 * Where the curves, ticks and labels of a chart go, in pixels. The scales are those of the library's own charts.
 */
import { scaleOf, tickLabel } from "langevin/browser";

export interface Curve {
  readonly label: string;
  /** Rising. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** A CSS colour. @default the theme's, in turn */
  readonly colour?: string;
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** One SVG path for each curve. */
  readonly lines: readonly string[];
  x(value: number): number;
  y(value: number): number;
}

export interface PlotOptions {
  readonly series: readonly Curve[];
  readonly width: number;
  readonly height: number;
  readonly logX?: boolean;
  readonly logY?: boolean;
  readonly xRange?: readonly [number, number];
  readonly yRange?: readonly [number, number];
}

export function layOut({ series, width, height, logX, logY, xRange, yRange }: PlotOptions): Plot {
  const [left, right, top, bottom] = [52, Math.max(80, width - 12), 22, height - 34];
  const across = scaleOf(logX ? "log" : "linear", chain(series, "x"), xRange ?? extent(series, logX));
  const up = scaleOf(logY ? "log" : "linear", chain(series, "y"), yRange);
  const x = (value: number) => left + across.place(value) * (right - left);
  const y = (value: number) => bottom - up.place(value) * (bottom - top);
  return {
    left,
    right,
    top,
    bottom,
    xTicks: across.ticks.map((value) => ({ at: x(value), text: tickLabel(value) })),
    yTicks: up.ticks.map((value) => ({ at: y(value), text: tickLabel(value) })),
    lines: series.map((curve) => lineOf(curve, x, y)),
    x,
    y,
  };
}

function* chain(series: readonly Curve[], axis: "x" | "y"): Generator<number> {
  for (const curve of series) yield* Array.from(curve[axis]);
}

/** The range of x without a margin; undefined where there is none. */
function extent(series: readonly Curve[], log = false): readonly [number, number] | undefined {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of chain(series, "x")) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return least < most ? [least, most] : undefined;
}

function lineOf(curve: Curve, x: (value: number) => number, y: (value: number) => number): string {
  let path = "";
  let pen = "M";
  for (let i = 0; i < curve.y.length; i++) {
    const [px, py] = [x(curve.x[i]), y(curve.y[i])];
    if (Number.isFinite(px) && Number.isFinite(py)) {
      path += `${pen}${px.toFixed(1)} ${py.toFixed(1)}`;
      pen = "L";
    } else {
      pen = "M";
    }
  }
  return path;
}

/** The value of a curve at x, straight between its points; NaN outside of them. */
export function valueAt(curve: Curve, x: number): number {
  const { length } = curve.x;
  if (length === 0 || !(x >= curve.x[0] && x <= curve.x[length - 1])) return Number.NaN;
  let [low, high] = [0, length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (curve.x[middle] <= x) low = middle;
    else high = middle;
  }
  if (curve.x[low] === x || low === high) return curve.y[low];
  if (curve.x[high] === x) return curve.y[high];
  const part = (x - curve.x[low]) / (curve.x[high] - curve.x[low]);
  return curve.y[low] + part * (curve.y[high] - curve.y[low]);
}
