import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import {
  encodeHalfBlocks,
  encodeITerm2,
  encodeKitty,
  fitPicture,
  type Picture,
  pictureProtocol,
  showPicture,
} from "./picture.ts";

const grey = (width: number, height: number, ...data: number[]): Picture => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from(data),
});
const rgb = (width: number, height: number, ...data: number[]): Picture => ({
  ...grey(width, height, ...data),
  channels: 3,
});

describe("encodeHalfBlocks", () => {
  it("puts the upper pixel in front and the lower one behind", () => {
    expect(encodeHalfBlocks(rgb(1, 2, 255, 0, 0, 0, 0, 255))).toBe("\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m\n");
  });

  it("says a colour again only where it changes", () => {
    expect(encodeHalfBlocks(grey(3, 2, 9, 9, 9, 0, 0, 5))).toBe(
      "\x1b[38;2;9;9;9;48;2;0;0;0m▀▀\x1b[48;2;5;5;5m▀\x1b[0m\n",
    );
  });

  it("leaves the background alone below an odd last row", () => {
    expect(encodeHalfBlocks(grey(1, 3, 1, 2, 3))).toBe(
      "\x1b[38;2;1;1;1;48;2;2;2;2m▀\x1b[0m\n\x1b[38;2;3;3;3m▀\x1b[0m\n",
    );
  });

  it("chooses the nearest of 256 colours: cube corners, cube levels, greys", () => {
    // xterm's palette: 16 black, 231 white, 196 pure red, 67 = (95, 135, 175), 244 = grey 128, 232 = grey 8.
    const codes = (...pixels: number[]) =>
      [...encodeHalfBlocks(rgb(pixels.length / 3, 1, ...pixels), "256").matchAll(/38;5;(\d+)m/g)].map(([, n]) => +n);
    expect(codes(0, 0, 0, 255, 255, 255, 255, 0, 0, 95, 135, 175, 128, 128, 128, 9, 8, 7)).toEqual([
      16, 231, 196, 67, 244, 232,
    ]);
  });

  it("refuses bytes that do not fill the picture", () => {
    expect(() => encodeHalfBlocks(grey(2, 2, 1, 2, 3))).toThrow(ConfigError);
    expect(() => encodeHalfBlocks(grey(0, 0))).toThrow(/0×0/);
  });
});

describe("the graphics protocols", () => {
  it("Kitty: one chunk", () => {
    expect(encodeKitty(Uint8Array.of(1, 2, 3, 4), 28)).toBe("\x1b_Ga=T,f=100,q=2,c=28,m=0;AQIDBA==\x1b\\\n");
  });

  it("Kitty: chunks of 4096 characters, the keys in the first one", () => {
    const bytes = Uint8Array.from({ length: 6145 }, (_, i) => i % 251); // 8196 characters of base64
    const chunks = [
      ...encodeKitty(bytes, 5)
        .replaceAll("\x1b", "␛")
        .matchAll(/␛_G([^;]*);([^␛]*)␛\\/g),
    ];
    expect(chunks.map(([, keys]) => keys)).toEqual(["a=T,f=100,q=2,c=5,m=1", "m=1", "m=0"]);
    expect(chunks.map(([, , payload]) => payload.length)).toEqual([4096, 4096, 4]);
    expect(Uint8Array.from(atob(chunks.map(([, , payload]) => payload).join("")), (c) => c.charCodeAt(0))).toEqual(
      bytes,
    );
  });

  it("Kitty: exactly one full chunk is not continued", () => {
    expect(encodeKitty(new Uint8Array(3072), 5)).toBe(`\x1b_Ga=T,f=100,q=2,c=5,m=0;${"A".repeat(4096)}\x1b\\\n`);
  });

  it("iTerm2, from a view into a larger buffer", () => {
    const view = Uint8Array.of(9, 9, 1, 2, 3, 4, 9).subarray(2, 6);
    expect(encodeITerm2(view, 28)).toBe(
      "\x1b]1337;File=inline=1;size=4;width=28;height=auto;preserveAspectRatio=1:AQIDBA==\x07\n",
    );
  });
});

describe("pictureProtocol", () => {
  it.each([
    [{ TERM: "xterm-kitty", COLORTERM: "truecolor" }, "kitty"],
    [{ TERM: "xterm-ghostty" }, "kitty"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" }, "iterm2"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }, "iterm2"],
    [{ TERM: "xterm-256color", LC_TERMINAL: "iTerm2" }, "iterm2"],
    [{ TERM: "screen-256color", LC_TERMINAL: "iTerm2" }, "256"],
    [{ TERM: "xterm-kitty", TMUX: "/tmp/tmux", COLORTERM: "truecolor" }, "truecolour"],
    [{ TERM: "xterm-256color", COLORTERM: "truecolor" }, "truecolour"],
    [{ TERM: "xterm", COLORTERM: "24bit" }, "truecolour"],
    [{ WT_SESSION: "1" }, "truecolour"],
    [{ TERM: "xterm-256color" }, "256"],
    [{ TERM: "xterm-256color", NO_COLOR: "1" }, "none"],
    [{ TERM: "xterm" }, "none"],
    [{ TERM: "dumb", COLORTERM: "truecolor" }, "none"],
    [{}, "none"],
  ])("%j → %s", (env, protocol) => {
    expect(pictureProtocol(env, true)).toBe(protocol);
    expect(pictureProtocol(env, false)).toBe("none");
  });
});

describe("fitPicture", () => {
  it("returns what fits as it is", () => {
    const picture = grey(2, 4, 1, 2, 3, 4, 5, 6, 7, 8);
    expect(fitPicture(picture, 2, 2)).toBe(picture);
  });

  it("averages areas, in proportion", () => {
    const picture = grey(4, 2, 0, 10, 100, 200, 20, 30, 100, 200);
    expect(fitPicture(picture, 2, 5)).toEqual(grey(2, 1, 15, 150));
  });

  it("shares out pixels that lie across a border", () => {
    // 3 pixels to 2: (1 + 2/2) / 1.5 of each side; the height 3 becomes 2 as well.
    const column = [0, 90, 240];
    const fitted = fitPicture(grey(3, 3, ...column, ...column, ...column), 2, 5);
    expect(fitted).toEqual(grey(2, 2, 30, 190, 30, 190));
  });

  it("keeps the channels apart and bounds the height by rows of two pixels", () => {
    const picture = rgb(1, 4, 0, 100, 255, 10, 100, 255, 50, 100, 255, 70, 100, 255);
    expect(fitPicture(picture, 80, 1)).toEqual(rgb(1, 2, 5, 100, 255, 60, 100, 255));
  });
});

describe("showPicture", () => {
  const run = (env: Record<string, string>, isTTY: boolean, png?: Uint8Array) => {
    const written: string[] = [];
    const stream = { isTTY, columns: 2, rows: 24, write: (text: string) => written.push(text) };
    const picture = grey(4, 2, 0, 0, 7, 7, 0, 0, 7, 7);
    return { shown: showPicture(picture, png, { stream, env }), text: written.join("") };
  };

  it("fits the terminal and says that it showed something", () => {
    expect(run({ COLORTERM: "truecolor" }, true)).toEqual({
      shown: true,
      text: "\x1b[38;2;0;0;0m▀\x1b[38;2;7;7;7m▀\x1b[0m\n",
    });
  });

  it("sends the PNG at the same width where a protocol takes it, and characters where there is none", () => {
    expect(run({ TERM: "xterm-kitty" }, true, Uint8Array.of(0)).text).toBe("\x1b_Ga=T,f=100,q=2,c=2,m=0;AA==\x1b\\\n");
    expect(run({ TERM_PROGRAM: "iTerm.app" }, true, Uint8Array.of(0)).text).toContain("width=2;");
    expect(run({ TERM: "xterm-kitty" }, true).text).toContain("▀");
    expect(run({ TERM: "xterm-kitty", NO_COLOR: "1" }, true)).toEqual({ shown: false, text: "" });
  });

  it("writes nothing where the output is no terminal or cannot", () => {
    expect(run({ COLORTERM: "truecolor", TERM: "xterm-kitty" }, false, Uint8Array.of(0))).toEqual({
      shown: false,
      text: "",
    });
    expect(run({ TERM: "xterm" }, true)).toEqual({ shown: false, text: "" });
  });
});
