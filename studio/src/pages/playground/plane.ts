/**
 * How the plane is drawn: points, trails, arrows and lines on a canvas.
 *
 * Places are z = x / r, r = sqrt(alpha² + sigma²), in which noise has unit spread on every path and data are where they are.
 * The window goes from -half to half on both axes; it follows the spread of z, so that neither data nor noise is small.
 */
import type { Path, PlaneField, Trajectory } from "langevin/browser";

/** Spread of the data per coordinate, about; see the library's toys. */
const DATA_SPREAD = 0.5;
/** Half of the window holds so many spreads: 99 of 100 coordinates. */
const SPREADS = 2.5;
const LEAST_HALF = 1.35;
/** Half of the window that holds the ways from quantiles of the noise to the data. */
export const WHOLE = 2;

type Mixture = { readonly alpha: number; readonly sigma: number };

export const radius = ({ alpha, sigma }: Mixture): number => Math.hypot(alpha, sigma);

export function halfAt(level: Mixture): number {
  const spread = Math.hypot(DATA_SPREAD * level.alpha, level.sigma) / radius(level);
  return Math.max(LEAST_HALF, SPREADS * spread);
}

/** The level of each frame of a trajectory; the last is without noise. */
export function levelsOf({ t, frames }: Trajectory, path: Path): Mixture[] {
  return Array.from(t, (time, frame) => (frame === frames - 1 ? { alpha: 1, sigma: 0 } : path.at(time)));
}

/** One frame of `x` or `sample`: [count, 2]. */
export function frameOf({ count }: Trajectory, values: Float32Array, frame: number): Float32Array {
  return values.subarray(2 * count * frame, 2 * count * (frame + 1));
}

/** z of every frame: [frames, count, 2]. */
export function inPlane({ x, count }: Trajectory, levels: readonly Mixture[]): Float32Array {
  const radii = levels.map(radius);
  return x.map((value, i) => value / radii[Math.floor(i / (2 * count))]);
}

export interface Palette {
  readonly ground: string;
  readonly grid: string;
  readonly text: string;
  readonly real: string;
  readonly drawn: string;
  readonly expected: string;
  readonly arrows: string;
  readonly lines: string;
}

export interface Dots {
  /** [N, 2] in z. */
  readonly points: Float32Array;
  readonly colour: keyof Palette;
  readonly opacity: number;
  /** Radius, CSS pixels. */
  readonly size: number;
}

export interface Polylines {
  /** [frames, count, 2] in z. */
  readonly points: Float32Array;
  readonly count: number;
  /** So many frames, from `from`. */
  readonly from: number;
  readonly to: number;
  /** Every so manieth of the `count` lines; all by default. */
  readonly every?: number;
  readonly colour: keyof Palette;
  readonly opacity: number;
}

export interface Picture {
  readonly half: number;
  readonly dots: readonly Dots[];
  readonly polylines?: readonly Polylines[];
  readonly arrows?: { readonly field: PlaneField; readonly of: "score" | "flow"; readonly opacity: number };
}

/** Draws all of it on a context of `side` × `side` CSS pixels. */
export function paintPlane(context: CanvasRenderingContext2D, side: number, picture: Picture, palette: Palette): void {
  const { half, dots, polylines = [], arrows } = picture;
  const scale = side / (2 * half);
  const across = (x: number) => (x + half) * scale;
  const up = (y: number) => (half - y) * scale;
  context.globalAlpha = 1;
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, side, side);
  paintGrid(context, side, half, palette);
  for (const layer of dots.filter(({ colour }) => colour === "real")) paintDots(layer);
  for (const layer of polylines) paintLines(layer);
  if (arrows) paintArrows(arrows.field, arrows.field[arrows.of], arrows.opacity);
  for (const layer of dots.filter(({ colour }) => colour !== "real")) paintDots(layer);
  context.globalAlpha = 1;

  function paintDots({ points, colour, opacity, size }: Dots): void {
    context.fillStyle = palette[colour];
    context.globalAlpha = opacity;
    const d = 2 * size;
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = [across(points[i]), up(points[i + 1])];
      if (x < -d || y < -d || x > side + d || y > side + d) continue;
      context.beginPath();
      context.arc(x, y, size, 0, 7);
      context.fill();
    }
  }

  function paintLines({ points, count, from, to, every = 1, colour, opacity }: Polylines): void {
    context.strokeStyle = palette[colour];
    context.globalAlpha = opacity;
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    context.beginPath();
    for (let n = 0; n < count; n += every) {
      for (let frame = from; frame < to; frame++) {
        const at = 2 * (frame * count + n);
        if (frame === from) context.moveTo(across(points[at]), up(points[at + 1]));
        else context.lineTo(across(points[at]), up(points[at + 1]));
      }
    }
    context.stroke();
  }

  function paintArrows({ cells, half: reach }: PlaneField, vectors: Float32Array, opacity: number): void {
    const cell = (2 * reach * scale) / cells;
    const middle = medianLength(vectors);
    context.strokeStyle = palette.arrows;
    context.lineWidth = 1.4;
    context.globalAlpha = opacity;
    context.beginPath();
    for (let n = 0; n < cells * cells; n++) {
      const [vx, vy] = [vectors[2 * n], vectors[2 * n + 1]];
      const length = Math.hypot(vx, vy);
      if (!(length > 0)) continue;
      const drawn = cell * arrowShare(length, middle);
      const [x, y] = [across(-reach) + ((n % cells) + 0.5) * cell, up(-reach) - (Math.floor(n / cells) + 0.5) * cell];
      const [dx, dy] = [vx / length, -vy / length];
      const [tx, ty] = [x + 0.5 * drawn * dx, y + 0.5 * drawn * dy];
      const head = Math.min(0.45 * drawn, 5);
      context.moveTo(x - 0.5 * drawn * dx, y - 0.5 * drawn * dy);
      context.lineTo(tx, ty);
      context.moveTo(tx - head * (dx + 0.6 * dy), ty - head * (dy - 0.6 * dx));
      context.lineTo(tx, ty);
      context.lineTo(tx - head * (dx - 0.6 * dy), ty - head * (dy + 0.6 * dx));
    }
    context.stroke();
  }
}

/** The length of an arrow as a share of its cell: it grows with the vector, and stays within the cell. */
export function arrowShare(length: number, middle: number): number {
  return 0.95 * (length / (length + 0.6 * middle));
}

/** The median length of vectors [N, 2]. */
export function medianLength(vectors: Float32Array): number {
  const lengths = Float64Array.from({ length: vectors.length / 2 }, (_, n) =>
    Math.hypot(vectors[2 * n], vectors[2 * n + 1]),
  ).sort();
  return lengths[lengths.length >> 1];
}

/** Lines at whole numbers, with their numbers at the edge. */
function paintGrid(context: CanvasRenderingContext2D, side: number, half: number, palette: Palette): void {
  const scale = side / (2 * half);
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  for (let value = -Math.floor(half); value <= half; value++) {
    const place = Math.round((value + half) * scale) + 0.5;
    context.strokeStyle = palette.grid;
    context.beginPath();
    context.moveTo(place, 0);
    context.lineTo(place, side);
    context.moveTo(0, side - place);
    context.lineTo(side, side - place);
    context.stroke();
    context.fillStyle = palette.text;
    context.fillText(String(value).replace("-", "−"), place + 3, side - 2);
    if (value !== Math.floor(-half)) context.fillText(String(value).replace("-", "−"), 3, side - place - 1);
  }
}

/** The place in z of a pixel of the plane, measured from its upper left corner. */
export function placeAt(x: number, y: number, side: number, half: number): [number, number] {
  return [(x / side) * 2 * half - half, half - (y / side) * 2 * half];
}
