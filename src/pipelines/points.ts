/**
 * Pictures of points of the plane, where images would be shown as images: scatters over real points, the way from noise to points
 * as moving particles, and the forward process.
 *
 * Data lie in [-1, 1]², and are shown a little around it. States of a path can lie much farther out, so their field is wider, by
 * the power of two that holds them: on a path without scaling (alpha = 1) it zooms in as the noise goes.
 */
import { type Chart, chart, type Panel, type Series } from "../io/chart.ts";
import type { Picture } from "../io/picture.ts";
import { rasterise } from "../io/raster.ts";

/** Half of the side of the field in which data are shown. */
const DATA_RANGE = 1.25;
/** Half of the least side for states: it holds 99 of 100 points of unit variance. */
const STATE_RANGE = 2.5;
/** Real points shown under drawn ones, at most. */
export const MOST_REAL = 1000;

function scatter(points: Float32Array, style: Pick<Series, "label" | "colour" | "opacity" | "size">): Series {
  const count = points.length / 2;
  const along = (axis: number) => Float32Array.from({ length: count }, (_, i) => points[2 * i + axis]);
  return { draw: "points", x: along(0), y: along(1), ...style };
}

function panel(series: readonly Series[], half: number, title?: string): Panel {
  const axis = { range: [-half, half] } as const;
  return { title, x: axis, y: axis, series };
}

function realSeries(real: Float32Array | undefined): Series[] {
  if (real === undefined) return [];
  return [scatter(real.subarray(0, 2 * MOST_REAL), { label: "real", colour: "#b0b0b0", opacity: 0.6, size: 1.4 })];
}

const DRAWN = { label: "drawn", colour: "#0072b2", opacity: 0.6, size: 1.6 } as const;

/** Drawn points over real ones. */
export function pointsPanel(points: Float32Array, real?: Float32Array, title?: string): Panel {
  return panel([...realSeries(real), scatter(points, DRAWN)], DATA_RANGE, title);
}

/** Points somewhere on a path. */
export function statePanel(x: Float32Array, title?: string): Panel {
  const { colour, opacity, size } = DRAWN;
  return panel([scatter(x, { colour, opacity, size })], stateRange(x), title);
}

/** Half of the side of a field for states: the least that is a power of two of `STATE_RANGE` and holds 2.4 deviations. */
export function stateRange(x: Float32Array): number {
  const rms = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
  return STATE_RANGE * 2 ** Math.ceil(Math.log2(Math.max(1, (2.4 * rms) / STATE_RANGE)));
}

const square = (side: number) => ({ width: side, height: side });

/** Drawn points [N, 2, 1, 1] over real ones, with axes. */
export function pointsPicture(points: Float32Array, real?: Float32Array): Picture {
  return rasterise(chart({ panels: [pointsPanel(points, real)], ...square(400) }));
}

/** One moment of the way from noise to points: the state on the left, the predicted points on the right. */
export function pointsFrame(
  { x, sample, step, of }: { x: Float32Array; sample: Float32Array; step: number; of: number },
  real?: Float32Array,
): Picture {
  const panels = [statePanel(x, `step ${step} of ${of}`), pointsPanel(sample, real, "expected end")];
  return rasterise(chart({ panels, ...square(260), bare: true }), { scale: 1 });
}

/** States under more and more noise, side by side. */
export function forwardPoints(states: readonly { x: Float32Array; title: string }[]): Picture {
  const panels = states.map(({ x, title }) => statePanel(x, title));
  return rasterise(chart({ panels, columns: Math.min(4, panels.length), ...square(150) }));
}

/** The strip of a way from noise to points as a chart: states above, predicted points below, one column for each moment. */
export function pointsStrip(
  moments: readonly { x: Float32Array; sample: Float32Array; title: string }[],
  real?: Float32Array,
): Chart {
  const named = (panels: Panel[], label: string) =>
    panels.map((panel, i) => (i === 0 ? { ...panel, y: { ...panel.y, label } } : panel));
  const states = named(
    moments.map(({ x, title }) => statePanel(x, title)),
    "state",
  );
  const expected = named(
    moments.map(({ sample }) => pointsPanel(sample, real)),
    "expected end",
  );
  return { panels: [...states, ...expected], columns: moments.length, ...square(150), bare: true };
}
