/**
 * A font of pen strokes, so that pictures have words on machines without fonts and in workers without a canvas.
 *
 * A glyph is a few polylines on a grid of 10 rows: the baseline is row 2, small letters reach row 7, capitals row 9, tails row 0.
 * Each pair of digits is a point, column and row; strokes are separated by spaces, and a point twice is a dot. A row is
 * a tenth of the text's size.
 */

const glyphs: Readonly<Record<string, string>> = {
  "0": "120407193947443212",
  "1": "072922 0242",
  "2": "08193948460242",
  "3": "08193948473616 364543321203",
  "4": "32390444",
  "5": "490906364543321203",
  "6": "483919070412324345361605",
  "7": "094912",
  "8": "16070819394847361605031232434536",
  "9": "031232444739190806153546",
  A: "022942 1535",
  B: "02093948473606 3645433202",
  C: "4839190704123243",
  D: "02093947443202",
  E: "49090242 0636",
  F: "490902 0636",
  G: "48391907041232434525",
  H: "0902 4942 0646",
  I: "0902",
  J: "3933221203",
  K: "0902 4905 1642",
  L: "090242",
  M: "0209254942",
  N: "02094249",
  O: "120407193947443212",
  P: "02093948463505",
  Q: "120407193947443212 2441",
  R: "02093948463505 2542",
  S: "48391908074443321203",
  T: "0949 2922",
  U: "090412324449",
  V: "092249",
  W: "0912375269",
  X: "0942 0249",
  Y: "092549 2522",
  Z: "09490242",
  a: "3732 3627170603122233",
  b: "0902 0617273633221203",
  c: "3627170603122233",
  d: "3932 3627170603122233",
  e: "05353627170603122233",
  f: "291812 0727",
  g: "3731201001 3627170603122233",
  h: "0902 0617273632",
  i: "0702 0909",
  j: "171100 1919",
  k: "0902 3704 1532",
  l: "0902",
  m: "0702 06172622 26374642",
  n: "0702 0617273632",
  o: "120306172736332212",
  p: "0700 0617273633221203",
  q: "3730 3627170603122233",
  r: "0702 061727",
  s: "3627170633221203",
  t: "191322 0727",
  u: "07031222333732",
  v: "072247",
  w: "0712263247",
  x: "0732 0237",
  y: "0722 4710",
  z: "07370232",
  α: "4723120306172642",
  β: "0008192938372616 263533221202",
  σ: "471706031222333627",
  ε: "362717061525 1503122233",
  λ: "091942 2602",
  γ: "06172247 2220",
  "²": "0819280626",
  "°": "0809191808",
  ".": "0202",
  ",": "1200",
  ":": "0303 0606",
  ";": "1300 1616",
  "!": "0904 0202",
  "?": "08193948463524 2222",
  "'": "0907",
  '"': "0907 1917",
  "-": "0535",
  "–": "0545",
  "−": "0545",
  "+": "0545 2327",
  "×": "0347 0743",
  "·": "0505",
  "*": "2428 0537 0735",
  "/": "0139",
  "%": "0249 0919180809 3343423233",
  "=": "0444 0646",
  "<": "470543",
  ">": "074503",
  "(": "20040729",
  ")": "00242709",
  "[": "29090020",
  "]": "09292000",
  "{": "29180615041020",
  "}": "09181625140100",
  "|": "0009",
  _: "0141",
  "→": "0555 375533",
  "≤": "490745 0343",
};

/** What stands for a character that the font has not: an empty box. */
const UNKNOWN = "0209494202";
const BASELINE = 2;
const SPACE = 2;
/** Between two glyphs. */
const GAP = 2;

interface Glyph {
  /** In grid units. */
  readonly width: number;
  /** Polylines: x, y (upwards from the baseline), in grid units. */
  readonly strokes: readonly (readonly number[])[];
}

const parsed = new Map<string, Glyph>();

function glyphOf(character: string): Glyph {
  let glyph = parsed.get(character);
  if (!glyph) {
    const text = Object.hasOwn(glyphs, character) ? glyphs[character] : UNKNOWN;
    const strokes = text
      .split(" ")
      .map((stroke) => Array.from(stroke, (digit, i) => Number(digit) - (i % 2) * BASELINE));
    const width = Math.max(...strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 0)));
    glyph = { width, strokes };
    parsed.set(character, glyph);
  }
  return glyph;
}

/** Characters that the font can draw, beside the space. */
export const strokeCharacters: readonly string[] = Object.keys(glyphs);

/** Width of a line of text, px; close to that of a sans-serif font of the same size. */
export function textWidth(text: string, size: number): number {
  let units = 0;
  for (const character of text) units += (character === " " ? SPACE : glyphOf(character).width) + GAP;
  return (Math.max(0, units - GAP) * size) / 10;
}

/** The pen strokes of a line of text: polylines x, y in px from the start of the baseline, y upwards. */
export function textStrokes(text: string, size: number): number[][] {
  const unit = size / 10;
  const strokes: number[][] = [];
  let left = 0;
  for (const character of text) {
    if (character === " ") {
      left += SPACE + GAP;
      continue;
    }
    const glyph = glyphOf(character);
    for (const stroke of glyph.strokes) {
      strokes.push(stroke.map((value, i) => (i % 2 === 0 ? left + value : value) * unit));
    }
    left += glyph.width + GAP;
  }
  return strokes;
}
