/**
 * How many columns a text takes in a terminal, and cutting it to a number of them.
 *
 * Colour sequences take none; characters of East Asian width W and F and emoji take two (Unicode Standard Annex 11, by
 * script rather than by table); combining marks take none; everything else one.
 */
import { stripVTControlCharacters } from "node:util";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u{3000}-\u{303e}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}]/u;
const HALF_WIDTH = /^[\u{ff61}-\u{ffdc}]/u;
const EMOJI = /^\p{Emoji_Presentation}|\u{fe0f}/u;
const NOTHING = /^[\p{Mark}\p{Control}\p{Format}]+$/u;

/** Columns that one grapheme takes: 0, 1 or 2. */
function graphemeWidth(grapheme: string): number {
  if (NOTHING.test(grapheme)) return 0;
  return (WIDE.test(grapheme) && !HALF_WIDTH.test(grapheme)) || EMOJI.test(grapheme) ? 2 : 1;
}

/** Columns that a text of one line takes; escape sequences count as nothing. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(stripVTControlCharacters(text))) width += graphemeWidth(segment);
  return width;
}

/** The text cut to at most `width` columns, with "…" in place of what is gone. Texts that are cut lose their colours. */
export function fitWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return "";
  let fitted = "";
  let used = 0;
  for (const { segment } of segmenter.segment(stripVTControlCharacters(text))) {
    const more = graphemeWidth(segment);
    if (used + more > width - 1) break;
    fitted += segment;
    used += more;
  }
  return `${fitted}…`;
}

/** Spaces on the right up to `width` columns. */
export function padRight(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/** Spaces on the left up to `width` columns. */
export function padLeft(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}
