/**
 * Aligned tables of plain text: a line of headings, a row a line, numbers to the right.
 *
 *   module       shape        parameters
 *   conv_in      32×4×3×3          1,184
 *
 * A column is right-aligned where every cell that says something is a number, with or without a unit ("6.5 M", "12 %",
 * "4m 05s"); an empty cell, "-" and "–" say nothing. Widths are those on screen, so colours and wide characters line up.
 */
import { stripVTControlCharacters } from "node:util";
import { ConfigError } from "../../core/errors.ts";
import { formatInteger } from "./format.ts";
import { displayWidth, fitWidth, padLeft, padRight } from "./width.ts";

/** Integers print with thousands apart, other numbers as JavaScript prints them; null and undefined are empty. */
export type Cell = string | number | bigint | null | undefined;

export type Align = "left" | "right";

export interface TableOptions {
  /** Headings, one a column. Default: none. */
  header?: readonly string[];
  /** Alignment by column; undefined leaves it to the cells. */
  align?: readonly (Align | undefined)[];
  /** Spaces between two columns. Default 2. */
  gap?: number;
  /** Spaces before the first column. Default 0. */
  indent?: number;
  /** Most columns of the terminal that a line may take; the widest left-aligned column is cut to fit. Default: any. */
  maxWidth?: number;
  /** Styles a heading after it is padded, e.g. `pc.bold`. Default: as it is. */
  styleHeader?: (text: string) => string;
}

/** No column is cut to less than this. */
const LEAST_WIDTH = 8;

const NUMBER = /^[-+−]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?( ?[×x%])?( ?([kKMGTPB]i?B?|ns|µs|ms|s|m|h|d)\b)?$/;
const DURATION = /^\d+[mhd] \d\d[smh]$/;
const EMPTY = /^[-–—]?$/;

/**
 * The table as lines without trailing spaces. `rows`: cells row by row, as many in each as there are columns; a
 * ConfigError otherwise.
 */
export function tableLines(rows: readonly (readonly Cell[])[], options: TableOptions = {}): string[] {
  const { header, gap = 2, indent = 0, styleHeader = (text: string) => text } = options;
  const columns = header?.length ?? rows[0]?.length ?? 0;
  rows.forEach((row, i) => {
    if (row.length === columns) return;
    throw new ConfigError(`row ${i} of the table has ${row.length} cells, and the table has ${columns} columns`);
  });
  const texts = rows.map((row) => row.map(cellText));
  const alignments = Array.from({ length: columns }, (_, column) => {
    return options.align?.[column] ?? alignmentOf(texts.map((row) => row[column]));
  });
  const lines = header === undefined ? texts : [[...header], ...texts];
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...lines.map((line) => displayWidth(line[column]))),
  );
  if (options.maxWidth !== undefined) narrow(widths, alignments, options.maxWidth - indent - gap * (columns - 1));

  return lines.map((line, i) => {
    const cells = line.map((text, column) => {
      const pad = alignments[column] === "right" ? padLeft : padRight;
      const last = column === columns - 1 && alignments[column] === "left";
      const fitted = fitWidth(text, widths[column]);
      const padded = last ? fitted : pad(fitted, widths[column]);
      return i === 0 && header !== undefined ? styleHeader(padded) : padded;
    });
    return (" ".repeat(indent) + cells.join(" ".repeat(gap))).trimEnd();
  });
}

/** `tableLines` as one text that ends with a line break; the empty text where there is nothing to show. */
export function formatTable(rows: readonly (readonly Cell[])[], options: TableOptions = {}): string {
  return tableLines(rows, options)
    .map((line) => `${line}\n`)
    .join("");
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number" && Number.isInteger(cell)) return formatInteger(cell);
  if (typeof cell === "bigint") return cell.toLocaleString("en");
  return String(cell);
}

function alignmentOf(texts: string[]): Align {
  const said = texts.map(stripVTControlCharacters).filter((text) => !EMPTY.test(text));
  const numeric = said.every((text) => NUMBER.test(text) || DURATION.test(text) || text === "NaN");
  return said.length > 0 && numeric ? "right" : "left";
}

/** Takes columns away from the widest left-aligned column until the sum of the widths is at most `room`. */
function narrow(widths: number[], alignments: readonly Align[], room: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const candidates = [...widths.keys()].filter((i) => alignments[i] === "left" && widths[i] > LEAST_WIDTH);
    if (candidates.length === 0) return;
    const widest = candidates.reduce((best, i) => (widths[i] > widths[best] ? i : best));
    widths[widest]--;
    excess--;
  }
}
