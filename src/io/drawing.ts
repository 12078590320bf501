/**
 * Drawings: lines, dots, boxes and words in a plane of pixels, and their form as SVG. `raster.ts` paints the same drawing
 * without a renderer and without fonts.
 */
import { ConfigError } from "../core/errors.ts";

/** `#rrggbb` */
export type Colour = `#${string}`;

export interface Line {
  readonly kind: "line";
  /** x0, y0, x1, y1 … in px, y downwards. */
  readonly points: ArrayLike<number>;
  readonly colour: Colour;
  /** px */
  readonly width: number;
  /** Lengths of ink and gap in turn, px. */
  readonly dash?: readonly number[];
}

export interface Dots {
  readonly kind: "dots";
  /** Centres: x0, y0, x1, y1 … in px. */
  readonly points: ArrayLike<number>;
  readonly colour: Colour;
  readonly radius: number;
  /** Of each dot, 0 to 1; where dots overlap it adds up. Default 1. */
  readonly opacity?: number;
}

export interface Box {
  readonly kind: "box";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly colour: Colour;
}

export interface Words {
  readonly kind: "words";
  /** Of the baseline, at the side that `anchor` names. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
  /** Height of a line of text, px; capitals have 0.7 of it. */
  readonly size: number;
  readonly colour: Colour;
  readonly anchor?: "start" | "middle" | "end";
  /** Read upwards. */
  readonly upwards?: boolean;
}

export type Item = Line | Dots | Box | Words;

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly background: Colour;
  readonly items: readonly Item[];
}

/** Red, green and blue, 0 to 255. Raises a ConfigError for anything but `#rrggbb`. */
export function levelsOf(colour: string): [number, number, number] {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (!match) throw new ConfigError(`a colour must be written as #rrggbb, not ${JSON.stringify(colour)}`);
  return [1, 2, 3].map((i) => Number.parseInt(match[i], 16)) as [number, number, number];
}

/** The drawing as an SVG file. */
export function toSvg({ width, height, background, items }: Drawing): string {
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${px(width)}" height="${px(height)}" viewBox="0 0 ${px(width)} ${px(height)}" font-family="Helvetica, Arial, sans-serif">`,
    `<rect width="100%" height="100%" fill="${background}"/>`,
    ...items.map(element),
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

function element(item: Item): string {
  switch (item.kind) {
    case "line": {
      const points = Array.from({ length: item.points.length / 2 }, (_, i) => pair(item.points, i)).join(" ");
      const dash = item.dash ? ` stroke-dasharray="${item.dash.map(px).join(" ")}"` : "";
      return `<polyline points="${points}" fill="none" stroke="${item.colour}" stroke-width="${px(item.width)}" stroke-linejoin="round" stroke-linecap="round"${dash}/>`;
    }
    case "dots": {
      const dots = Array.from({ length: item.points.length / 2 }, (_, i) => {
        const [x, y] = pair(item.points, i).split(",");
        return `<circle cx="${x}" cy="${y}" r="${px(item.radius)}"/>`;
      });
      const opacity = item.opacity === undefined ? "" : ` fill-opacity="${px(item.opacity)}"`;
      return `<g fill="${item.colour}"${opacity}>${dots.join("")}</g>`;
    }
    case "box":
      return `<rect x="${px(item.x)}" y="${px(item.y)}" width="${px(item.width)}" height="${px(item.height)}" fill="${item.colour}"/>`;
    case "words": {
      const [x, y] = [px(item.x), px(item.y)];
      const turn = item.upwards ? ` transform="rotate(-90 ${x} ${y})"` : "";
      return `<text x="${x}" y="${y}" font-size="${px(item.size)}" fill="${item.colour}" text-anchor="${item.anchor ?? "start"}"${turn}>${escaped(item.text)}</text>`;
    }
  }
}

function pair(points: ArrayLike<number>, i: number): string {
  return `${px(points[2 * i])},${px(points[2 * i + 1])}`;
}

/** To a hundredth of a pixel. */
function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
