/**
 * Paints a drawing into pixels, with soft edges, by itself: the same picture on every machine, with or without fonts, in Node and
 * in a browser.
 *
 * A pixel's share of a line or dot is taken from the distance d of its middle to the line's axis or the dot's centre:
 * coverage = clip(halfWidth + 1/2 - d, 0, 1). A line is painted once over its whole length, so it does not darken where it
 * crosses itself; dots are painted one after the other.
 */
import { ConfigError } from "../core/errors.ts";
import { type Colour, type Drawing, type Item, levelsOf, type Words } from "./drawing.ts";
import type { Picture } from "./picture.ts";
import { textStrokes, textWidth } from "./stroke-font.ts";

/** The drawing as a picture of `scale` pixels per px of the drawing. Default 2. */
export function rasterise(drawing: Drawing, { scale = 2 }: { scale?: number } = {}): Picture {
  if (!(scale > 0 && scale <= 16)) throw new ConfigError(`scale must be above 0 and at most 16, not ${scale}`);
  const canvas = new Canvas(Math.round(drawing.width * scale), Math.round(drawing.height * scale), drawing.background);
  for (const item of drawing.items) paint(canvas, item, scale);
  return canvas.picture();
}

function paint(canvas: Canvas, item: Item, scale: number): void {
  if (item.kind === "line") {
    const points = Array.from(item.points, (value) => value * scale);
    const pattern = item.dash?.map((length) => length * scale);
    canvas.strokes(pattern ? dashes(points, pattern) : [points], (item.width * scale) / 2, item.colour);
  } else if (item.kind === "dots") {
    const { points, radius, opacity = 1, colour } = item;
    for (let i = 0; i + 1 < points.length; i += 2) {
      const centre = [points[i] * scale, points[i + 1] * scale];
      canvas.strokes([[...centre, ...centre]], radius * scale, colour, opacity);
    }
  } else if (item.kind === "box") {
    canvas.box(item.x * scale, item.y * scale, item.width * scale, item.height * scale, item.colour);
  } else canvas.strokes(placed(item, scale), Math.max(0.45, item.size * scale * 0.042), item.colour);
}

/** The strokes of words, where they stand. */
function placed({ text, size, x, y, anchor = "start", upwards }: Words, scale: number): number[][] {
  const shift = { start: 0, middle: 0.5, end: 1 }[anchor] * textWidth(text, size);
  return textStrokes(text, size).map((stroke) => {
    const points: number[] = [];
    for (let i = 0; i < stroke.length; i += 2) {
      const [along, up] = [stroke[i] - shift, stroke[i + 1]];
      points.push(scale * (upwards ? x - up : x + along), scale * (upwards ? y - along : y - up));
    }
    return points;
  });
}

/** The inked pieces of a polyline. */
function dashes(points: readonly number[], pattern: readonly number[]): number[][] {
  const pieces: number[][] = [];
  let [part, left] = [0, pattern[0]];
  let piece: number[] = [points[0], points[1]];
  for (let i = 2; i + 1 < points.length; i += 2) {
    let [x, y] = [points[i - 2], points[i - 1]];
    let rest = Math.hypot(points[i] - x, points[i + 1] - y);
    while (rest > left) {
      [x, y] = [x + ((points[i] - x) * left) / rest, y + ((points[i + 1] - y) * left) / rest];
      rest -= left;
      if (part % 2 === 0) pieces.push([...piece, x, y]);
      piece = [x, y];
      part++;
      left = pattern[part % pattern.length];
    }
    left -= rest;
    piece.push(points[i], points[i + 1]);
  }
  if (part % 2 === 0) pieces.push(piece);
  return pieces;
}

class Canvas {
  readonly #width: number;
  readonly #height: number;
  readonly #pixels: Float32Array; // [height, width, 3]
  /** Coverage of the item that is being painted, and where it is not 0. */
  readonly #mask: Float32Array;
  #touched: number[] = [];

  constructor(width: number, height: number, background: Colour) {
    this.#width = width;
    this.#height = height;
    this.#pixels = new Float32Array(width * height * 3);
    this.#mask = new Float32Array(width * height);
    const levels = levelsOf(background);
    for (let i = 0; i < this.#pixels.length; i++) this.#pixels[i] = levels[i % 3];
  }

  /** Polylines of one colour, painted as one. */
  strokes(lines: readonly (readonly number[])[], halfWidth: number, colour: Colour, opacity = 1): void {
    for (const points of lines) {
      for (let i = 0; i + 3 < points.length; i += 2) {
        this.#segment(points[i], points[i + 1], points[i + 2], points[i + 3], halfWidth);
      }
    }
    const levels = levelsOf(colour);
    for (const at of this.#touched) {
      this.#blend(at, levels, this.#mask[at] * opacity);
      this.#mask[at] = 0;
    }
    this.#touched = [];
  }

  box(x: number, y: number, width: number, height: number, colour: Colour): void {
    const levels = levelsOf(colour);
    const overlap = (at: number, from: number, length: number) =>
      Math.max(0, Math.min(at + 1, from + length) - Math.max(at, from));
    for (let row = Math.max(0, Math.floor(y)); row < Math.min(this.#height, y + height); row++) {
      for (let column = Math.max(0, Math.floor(x)); column < Math.min(this.#width, x + width); column++) {
        const share = overlap(row, y, height) * overlap(column, x, width);
        this.#blend(row * this.#width + column, levels, share);
      }
    }
  }

  #segment(x0: number, y0: number, x1: number, y1: number, halfWidth: number): void {
    const reach = halfWidth + 0.5;
    const [left, right] = [Math.floor(Math.min(x0, x1) - reach), Math.ceil(Math.max(x0, x1) + reach)];
    const [top, bottom] = [Math.floor(Math.min(y0, y1) - reach), Math.ceil(Math.max(y0, y1) + reach)];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const square = dx * dx + dy * dy;
    for (let row = Math.max(0, top); row <= Math.min(this.#height - 1, bottom); row++) {
      for (let column = Math.max(0, left); column <= Math.min(this.#width - 1, right); column++) {
        const x = column + 0.5 - x0;
        const y = row + 0.5 - y0;
        const along = square > 0 ? Math.min(1, Math.max(0, (x * dx + y * dy) / square)) : 0;
        const coverage = Math.min(1, reach - Math.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2));
        if (coverage <= 0) continue;
        const at = row * this.#width + column;
        if (this.#mask[at] === 0) this.#touched.push(at);
        if (coverage > this.#mask[at]) this.#mask[at] = coverage;
      }
    }
  }

  #blend(at: number, levels: readonly number[], share: number): void {
    for (let c = 0; c < 3; c++) this.#pixels[3 * at + c] += share * (levels[c] - this.#pixels[3 * at + c]);
  }

  picture(): Picture {
    const data = new Uint8Array(this.#pixels.length);
    for (let i = 0; i < data.length; i++) data[i] = Math.round(this.#pixels[i]);
    return { width: this.#width, height: this.#height, channels: 3, data };
  }
}
