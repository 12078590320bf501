/**
 * A small picture in the terminal, in the best of four ways that the terminal says it can do:
 *
 *   kitty       the PNG itself, in the Kitty graphics protocol: ESC _ G keys ; base64 ESC \ in chunks of 4096
 *               (https://sw.kovidgoyal.net/kitty/graphics-protocol/)
 *   iterm2      the PNG itself, as an inline image: ESC ] 1337 ; File = keys : base64 BEL
 *               (https://iterm2.com/documentation-images.html)
 *   truecolour  two pixels a character: "▀" with the upper pixel in front and the lower one behind, 24-bit colours
 *   256         the same with the 6×6×6 cube and the 24 greys of the 256-colour palette
 *
 * The encoders are pure; `showPicture` is the thin writer. Nothing is shown where the output is no terminal.
 */
import { ConfigError } from "../../core/errors.ts";
import type { TerminalStream } from "./progress.ts";

/** Bytes of one picture, row by row, the channels of a pixel side by side. */
export interface Picture {
  width: number;
  height: number;
  /** 1: grey. 3: red, green, blue. */
  channels: 1 | 3;
  data: Uint8Array; // [height, width, channels]
}

export type PictureProtocol = "kitty" | "iterm2" | "truecolour" | "256" | "none";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a terminal can show, from its environment variables. Inside of tmux and screen the graphics protocols would need
 * a passage through, so only characters are used there. NO_COLOR rules out pictures made of coloured characters.
 */
export function pictureProtocol(env: Environment, isTTY: boolean): PictureProtocol {
  const { TERM = "", TERM_PROGRAM = "", COLORTERM = "" } = env;
  if (!isTTY || TERM === "dumb") return "none";
  const multiplexed = Boolean(env.TMUX) || /^(tmux|screen)/.test(TERM);
  if (!multiplexed) {
    if (TERM === "xterm-kitty" || TERM === "xterm-ghostty" || TERM_PROGRAM === "ghostty") return "kitty";
    if (/^(iTerm\.app|WezTerm|mintty)$/.test(TERM_PROGRAM) || env.LC_TERMINAL === "iTerm2") return "iterm2";
  }
  if (env.NO_COLOR) return "none";
  if (/^(truecolor|24bit)$/.test(COLORTERM) || /-direct$/.test(TERM) || env.WT_SESSION) return "truecolour";
  return /256/.test(TERM) ? "256" : "none";
}

/**
 * Half-block characters, a line for two rows of pixels, each line reset and ended by a line break. Below the last row of
 * an odd height the terminal's own background shows.
 */
export function encodeHalfBlocks(picture: Picture, colours: "truecolour" | "256" = "truecolour"): string {
  checkPicture(picture);
  const { width, height } = picture;
  const code = colours === "256" ? paletteCode : directCode;
  let text = "";
  for (let y = 0; y < height; y += 2) {
    let front = "";
    let back = "";
    for (let x = 0; x < width; x++) {
      const upper = `38;${code(...pixelAt(picture, x, y))}`;
      const lower = y + 1 < height ? `48;${code(...pixelAt(picture, x, y + 1))}` : "";
      const changes = [upper === front ? "" : upper, lower === back ? "" : lower].filter((change) => change !== "");
      if (changes.length > 0) text += `\x1b[${changes.join(";")}m`;
      text += "▀";
      front = upper;
      back = lower;
    }
    text += "\x1b[0m\n";
  }
  return text;
}

/** Base64 characters in a chunk of the Kitty protocol: at most 4096, and a multiple of 4 in all but the last. */
const KITTY_CHUNK = 4096;

/** A PNG in the Kitty graphics protocol. `columns`: character cells across; the height follows. Ends with a line break. */
export function encodeKitty(png: Uint8Array, columns: number): string {
  const payload = base64(png);
  let text = "";
  for (let at = 0; at < payload.length; at += KITTY_CHUNK) {
    const more = at + KITTY_CHUNK < payload.length ? 1 : 0;
    // Transmit and display (a=T) a PNG (f=100) without an answer from the terminal (q=2).
    const keys = at === 0 ? `a=T,f=100,q=2,c=${columns},m=${more}` : `m=${more}`;
    text += `\x1b_G${keys};${payload.slice(at, at + KITTY_CHUNK)}\x1b\\`;
  }
  return `${text}\n`;
}

/** A PNG as an iTerm2 inline image. `columns`: character cells across; the height follows. Ends with a line break. */
export function encodeITerm2(png: Uint8Array, columns: number): string {
  const keys = `inline=1;size=${png.length};width=${columns};height=auto;preserveAspectRatio=1`;
  return `\x1b]1337;File=${keys}:${base64(png)}\x07\n`;
}

/**
 * The picture made small enough for `columns` by `rows` character cells of two pixels each, in proportion; each pixel is
 * the mean of the area that it covers, in byte values. A picture that fits is returned as it is.
 */
export function fitPicture(picture: Picture, columns: number, rows: number): Picture {
  checkPicture(picture);
  const factor = Math.max(picture.width / columns, picture.height / (2 * rows));
  if (factor <= 1) return picture;
  const width = Math.max(1, Math.floor(picture.width / factor));
  const height = Math.max(1, Math.floor(picture.height / factor));
  const { channels } = picture;
  const data = new Uint8Array(width * height * channels);
  const across = shares(picture.width, width);
  const down = shares(picture.height, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (const [row, weightY] of down[y]) {
          for (const [column, weightX] of across[x]) {
            sum += weightX * weightY * picture.data[(row * picture.width + column) * channels + channel];
          }
        }
        data[(y * width + x) * channels + channel] = Math.round(sum);
      }
    }
  }
  return { width, height, channels, data };
}

/** For each of `to` equal intervals over `from` pixels: the pixels that it covers, with shares that sum to 1. */
function shares(from: number, to: number): [pixel: number, share: number][][] {
  const size = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * size, (i + 1) * size];
    const covered: [number, number][] = [];
    for (let pixel = Math.floor(start); pixel < Math.min(from, end); pixel++) {
      const overlap = Math.min(end, pixel + 1) - Math.max(start, pixel);
      if (overlap > 0) covered.push([pixel, overlap / size]);
    }
    return covered;
  });
}

export interface ShowPictureOptions {
  /** Default: standard output. */
  stream?: TerminalStream & { rows?: number };
  /** Default: `process.env`. */
  env?: Environment;
  /** Most character cells across. Default: all that the terminal has. */
  columns?: number;
}

/**
 * Shows a picture where the terminal can, and says whether it did. A picture takes one cell a pixel across, or as many
 * as the terminal has. `png`: the same picture as a PNG file, for the protocols that send one; without it they are not
 * used.
 */
export function showPicture(picture: Picture, png?: Uint8Array, options: ShowPictureOptions = {}): boolean {
  checkPicture(picture);
  const { stream = process.stdout, env = process.env } = options;
  const columns = Math.min(stream.columns || 80, options.columns ?? Number.POSITIVE_INFINITY);
  const rows = Math.max(1, (stream.rows || 24) - 2); // the prompt below stays in sight
  const fitted = fitPicture(picture, columns, rows);
  const protocol = pictureProtocol(env, stream.isTTY === true);
  const text = encode(protocol, fitted, png, env);
  if (text === "") return false;
  stream.write(text);
  return true;
}

function encode(protocol: PictureProtocol, picture: Picture, png: Uint8Array | undefined, env: Environment): string {
  switch (protocol) {
    case "kitty":
      return png ? encodeKitty(png, picture.width) : blocksUnlessPlain(picture, env);
    case "iterm2":
      return png ? encodeITerm2(png, picture.width) : blocksUnlessPlain(picture, env);
    case "truecolour":
    case "256":
      return encodeHalfBlocks(picture, protocol);
    case "none":
      return "";
  }
}

/** Every terminal with a graphics protocol shows 24-bit colours too. */
function blocksUnlessPlain(picture: Picture, env: Environment): string {
  return env.NO_COLOR ? "" : encodeHalfBlocks(picture, "truecolour");
}

function pixelAt({ width, channels, data }: Picture, x: number, y: number): [number, number, number] {
  const at = (y * width + x) * channels;
  return channels === 1 ? [data[at], data[at], data[at]] : [data[at], data[at + 1], data[at + 2]];
}

function directCode(red: number, green: number, blue: number): string {
  return `2;${red};${green};${blue}`;
}

const CUBE_LEVELS = [0, 95, 135, 175, 215, 255];

/** The nearest of the palette's cube (16 to 231) and greys (232 to 255: 8, 18, … 238); its first 16 differ by theme. */
function paletteCode(red: number, green: number, blue: number): string {
  const level = (value: number) =>
    CUBE_LEVELS.reduce((best, at, i) => (Math.abs(at - value) < Math.abs(CUBE_LEVELS[best] - value) ? i : best), 0);
  const [r, g, b] = [level(red), level(green), level(blue)];
  const grey = Math.min(23, Math.max(0, Math.round(((red + green + blue) / 3 - 8) / 10)));
  const distance = (x: number, y: number, z: number) => (x - red) ** 2 + (y - green) ** 2 + (z - blue) ** 2;
  const shade = 8 + 10 * grey;
  const byCube = distance(CUBE_LEVELS[r], CUBE_LEVELS[g], CUBE_LEVELS[b]);
  return `5;${distance(shade, shade, shade) < byCube ? 232 + grey : 16 + 36 * r + 6 * g + b}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function checkPicture({ width, height, channels, data }: Picture): void {
  const sized = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (sized && (channels === 1 || channels === 3) && data.length === width * height * channels) return;
  throw new ConfigError(
    `a picture of ${width}×${height} with ${channels} channels does not fit ${data.length} bytes; expected width × height × 1 or 3`,
  );
}
