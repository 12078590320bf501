import { describe, expect, it } from "vitest";
import { ProgressLine, type ProgressLineOptions, renderPlainProgress, renderProgress } from "./progress.ts";
import { displayWidth } from "./width.ts";

const state = { step: 420, of: 1361, loss: 0.12344, imagesPerSecond: 512.4, elapsed: 92.7, left: 205.2 };

describe("renderProgress", () => {
  it("shows everything where there is room", () => {
    expect(renderProgress(state, 97)).toBe(
      // 68 columns of text and gaps, 29 of bar; 420/1361 of 29 is 8.9
      `  420/1,361  ${"━".repeat(8)}${"─".repeat(21)}   30 %  loss 0.1234  512 images/s  1m 32s  3m 26s left`,
    );
  });

  it("leaves out what does not fit, the least useful first", () => {
    const without = (width: number) => renderProgress(state, width).replace(/[━─]+/, "bar");
    expect(without(78)).toBe("  420/1,361  bar   30 %  loss 0.1234  512 images/s  1m 32s  3m 26s left");
    expect(without(77)).toBe("  420/1,361  bar   30 %  loss 0.1234  512 images/s  3m 26s left");
    expect(without(65)).toBe("  420/1,361  bar   30 %  loss 0.1234  3m 26s left");
    expect(without(50)).toBe("  420/1,361   30 %  loss 0.1234  3m 26s left");
    expect(without(40)).toBe("  420/1,361  loss 0.1234  3m 26s left");
    expect(without(30)).toBe("  420/1,361  3m 26s left");
    expect(without(15)).toBe("  420/1,361");
    expect(without(10)).toBe(" 30 %".padStart(5));
    expect(without(3)).toBe("30…");
    expect(without(0)).toBe("");
  });

  it("never exceeds the width, in colour either", () => {
    for (let width = 0; width < 200; width++) {
      for (const colour of [false, true]) {
        expect(displayWidth(renderProgress(state, width, { colour }))).toBeLessThanOrEqual(width);
      }
    }
  });

  it("fills the bar with the share of the steps done", () => {
    const filled = (step: number) =>
      [...renderProgress({ step, of: 10 }, 60, { unicode: false })].filter((c) => c === "#");
    expect(filled(0)).toHaveLength(0);
    expect(filled(5)).toHaveLength(20);
    expect(filled(9.99)).toHaveLength(39);
    expect(filled(10)).toHaveLength(40);
    expect(renderProgress({ step: 9.99, of: 10 }, 60)).toContain("99 %");
  });

  it("leaves out what is not known", () => {
    expect(renderProgress({ step: 0, of: 5 }, 22)).toBe("0/5  ──────────    0 %");
    expect(renderProgress({ step: 3, of: 5, loss: Number.NaN }, 20)).toBe("3/5   60 %  loss NaN");
  });

  it("colours the bar only when asked", () => {
    expect(renderProgress(state, 97)).not.toContain("\x1b");
    expect(renderProgress(state, 97, { colour: true })).toContain("\x1b[32m━━━━━━━━\x1b[39m");
  });

  it("has a form for log files", () => {
    expect(renderPlainProgress(state)).toBe("step 420/1,361  30 %  loss 0.1234  512 images/s  1m 32s  3m 26s left");
  });
});

/** A line whose clock is set by hand, and what it wrote. */
function line(options: Partial<ProgressLineOptions> & { isTTY?: boolean; columns?: number }) {
  const { isTTY = true, columns = 100, env = {}, ...rest } = options;
  const written: string[] = [];
  const stream = { isTTY, columns, write: (text: string) => written.push(text) };
  const clock = { seconds: 1000 };
  const progress = new ProgressLine({ of: 1000, stream, env, now: () => clock.seconds, ...rest });
  return { progress, written, clock, stream };
}

describe("ProgressLine on a terminal", () => {
  it("redraws in place, at most ten times a second", () => {
    const { progress, written, clock } = line({});
    for (let step = 1; step <= 100; step++) {
      clock.seconds += 0.01;
      progress.update({ step, loss: 1 });
    }
    expect(written.length).toBeGreaterThanOrEqual(9);
    expect(written.length).toBeLessThanOrEqual(11);
    for (const text of written) expect(text.replaceAll("\x1b", "␛")).toMatch(/^\r[^\n\r]+␛\[K$/);
  });

  it("finishes with the last step and a line break, once", () => {
    const { progress, written, clock } = line({});
    clock.seconds += 1;
    progress.update({ step: 999 });
    progress.update({ step: 1000 });
    expect(written).toHaveLength(1);
    progress.finish();
    progress.finish();
    progress.update({ step: 1001 });
    expect(written).toHaveLength(3);
    expect(written[1]).toContain("1,000/1,000");
    expect(written[1]).not.toContain("left");
    expect(written[2]).toBe("\n");
  });

  it("estimates speed and time left, from the steps of this run alone", () => {
    const { progress, written, clock } = line({ start: 500, imagesPerStep: 64, env: { NO_COLOR: "1" } });
    clock.seconds += 10;
    progress.update({ step: 520 }); // 2 steps a second, 480 to go
    expect(written[0]).toContain("128 images/s");
    expect(written[0]).toContain("10s  4m 00s left");
  });

  it("follows a change of speed", () => {
    const { progress, written, clock } = line({ of: 1_000_000, imagesPerStep: 10, env: { NO_COLOR: "1" } });
    let step = 0;
    for (let i = 0; i < 100; i++) {
      clock.seconds += 1;
      step += 10;
      progress.update({ step });
    }
    expect(written.at(-1)).toContain("100 images/s");
    for (let i = 0; i < 100; i++) {
      clock.seconds += 1;
      step += 2;
      progress.update({ step });
    }
    // 20 images/s, and exp(-100 / 15) of the old speed.
    expect(written.at(-1)).toContain(" 20 images/s");
  });

  it("smooths the loss without a pull to zero", () => {
    const { progress, written, clock } = line({});
    clock.seconds += 1;
    progress.update({ step: 1, loss: 2 });
    expect(written[0]).toContain("loss 2.0000");
    clock.seconds += 1;
    progress.update({ step: 2, loss: 1 });
    expect(written[1]).toContain(`loss ${((2 * 0.98 + 1) / 1.98).toFixed(4)}`);
  });

  it("follows a plan that changes", () => {
    const { progress, written, clock } = line({ of: 4000, env: { NO_COLOR: "1" } });
    clock.seconds += 10;
    progress.update({ step: 20, of: 120 }); // 2 steps a second, 100 to go
    expect(written[0]).toContain("20/120");
    expect(written[0]).toContain("50s left");
    clock.seconds += 1;
    progress.update({ step: 22 });
    expect(written[1]).toContain("22/120");
  });

  it("prints notes above itself", () => {
    const { progress, written, clock } = line({});
    progress.note("first");
    clock.seconds += 1;
    progress.update({ step: 1 });
    progress.note("saved");
    expect(written[0]).toBe("first\n");
    expect(written[2]).toBe("\r\x1b[Ksaved\n");
    expect(written[3]).toBe(written[1]);
  });

  it("follows the width of the terminal and keeps its last column free", () => {
    const { progress, written, clock, stream } = line({ columns: 70 });
    for (const columns of [70, 60]) {
      stream.columns = columns;
      clock.seconds += 1;
      progress.update({ step: 1 }); // the bar takes what the rest leaves
      expect(displayWidth(written.at(-1)!.replace("\r", ""))).toBe(columns - 1);
    }
  });

  it("respects NO_COLOR", () => {
    const drawn = (env: Record<string, string>) => {
      const { progress, written, clock } = line({ env });
      clock.seconds += 1;
      progress.update({ step: 1 });
      return written[0];
    };
    expect(drawn({})).toContain("\x1b[2m");
    expect(drawn({ NO_COLOR: "1" })).not.toContain("\x1b[2m");
    expect(drawn({ NO_COLOR: "" })).toContain("\x1b[2m"); // https://no-color.org: when not an empty string
  });
});

describe("ProgressLine elsewhere", () => {
  it.each([
    ["a file", { isTTY: false }],
    ["a dumb terminal", { env: { TERM: "dumb" } }],
  ])("prints a plain line every ten seconds to %s", (_, options) => {
    const { progress, written, clock } = line(options);
    for (let step = 1; step <= 35; step++) {
      clock.seconds += 1;
      progress.update({ step, loss: 1 });
    }
    progress.note("saved");
    progress.finish();
    expect(written).toHaveLength(6); // at 1, 11, 21, 31 s; the note; the end
    for (const text of written) expect(text.replaceAll("\x1b", "␛")).toMatch(/^[^\r␛]+\n$/);
    expect(written[5]).toContain("step 35/1,000");
  });

  it.each([{ json: true }, { quiet: true }])("prints nothing with %j", (options) => {
    const { progress, written, clock } = line(options);
    clock.seconds += 1;
    progress.update({ step: 1, loss: 1 });
    progress.note("saved");
    progress.finish();
    expect(written).toEqual([]);
  });
});
