/**
 * The progress line of a training run: step, bar, loss, images a second, time gone and time left.
 *
 *     420/1,361  ━━━━━━━━━──────────────────   31 %  loss 0.1234  512 images/s  1m 32s  3m 26s left
 *
 * `renderProgress` is pure: what does not fit a narrow terminal is left out, the least useful first. `ProgressLine`
 * writes: on a terminal it redraws in place at most ten times a second; elsewhere it prints a plain line every ten
 * seconds; with `json` or `quiet` nothing.
 *
 * The loss shown is an exponential average over steps with decay 0.98, freed of its start at zero; the speed is an
 * average over the last 15 seconds or so, so that the time left follows a machine that slows down.
 */
import pc from "picocolors";
import { formatDuration, formatInteger, formatLoss, formatRate } from "./format.ts";
import { displayWidth, fitWidth } from "./width.ts";

/** What a progress line shows; a part that is undefined is left out. */
export interface ProgressState {
  /** Steps done. */
  step: number;
  /** Steps in all. */
  of: number;
  loss?: number;
  imagesPerSecond?: number;
  /** Seconds since the start. */
  elapsed?: number;
  /** Seconds to the end; unknown before the first step, and of no interest after the last. */
  left?: number;
}

export interface ProgressStyle {
  /** Default false. */
  colour?: boolean;
  /** Line-drawing characters in the bar; otherwise "#" and "-". Default true. */
  unicode?: boolean;
}

type Part = "count" | "bar" | "percent" | "loss" | "rate" | "elapsed" | "left";

const SHORTEST_BAR = 10;
const LONGEST_BAR = 40;

/** From the fullest line to the barest; the first that fits is drawn. */
const LAYOUTS: readonly (readonly Part[])[] = [
  ["count", "bar", "percent", "loss", "rate", "elapsed", "left"],
  ["count", "bar", "percent", "loss", "rate", "left"],
  ["count", "bar", "percent", "loss", "left"],
  ["count", "percent", "loss", "left"],
  ["count", "loss", "left"],
  ["count", "left"],
  ["count"],
  ["percent"],
];

/** One line of at most `width` columns, without a line break. */
export function renderProgress(state: ProgressState, width: number, style: ProgressStyle = {}): string {
  const { colour = false, unicode = true } = style;
  const colours = pc.createColors(colour);
  const texts = partsOf(state);
  const shown = (layout: readonly Part[]) => layout.filter((part) => part === "bar" || texts[part] !== undefined);
  const lengthWithoutBar = (parts: readonly Part[]) =>
    parts.reduce((sum, part) => sum + (part === "bar" ? 0 : displayWidth(texts[part] ?? "")), 2 * (parts.length - 1));

  for (const layout of LAYOUTS) {
    const parts = shown(layout);
    const room = width - lengthWithoutBar(parts);
    if (room < (parts.includes("bar") ? SHORTEST_BAR : 0)) continue;
    return parts
      .map((part) => {
        if (part === "bar") return bar(fractionOf(state), Math.min(room, LONGEST_BAR), unicode, colours);
        const text = texts[part] ?? "";
        return part === "elapsed" || part === "rate" ? colours.dim(text) : text;
      })
      .join("  ");
  }
  return fitWidth((texts.percent ?? "").trim(), width);
}

/** The same as a line for a log file: no bar, no padding, no colour. */
export function renderPlainProgress(state: ProgressState): string {
  const { elapsed, ...texts } = partsOf(state);
  return [`step ${texts.count?.trim()}`, texts.percent?.trim(), texts.loss, texts.rate?.trim(), elapsed, texts.left]
    .filter((text) => text !== undefined)
    .join("  ");
}

function fractionOf({ step, of }: ProgressState): number {
  return of > 0 ? Math.min(1, Math.max(0, step / of)) : 0;
}

function partsOf(state: ProgressState): Partial<Record<Part, string>> {
  const { loss, imagesPerSecond, elapsed, left } = state;
  const of = formatInteger(state.of);
  return {
    count: `${formatInteger(state.step).padStart(of.length)}/${of}`,
    percent: `${Math.floor(fractionOf(state) * 100)} %`.padStart(5),
    loss: loss === undefined ? undefined : `loss ${formatLoss(loss)}`,
    rate: imagesPerSecond === undefined ? undefined : formatRate(imagesPerSecond, "images"),
    elapsed: elapsed === undefined ? undefined : formatDuration(Math.floor(elapsed)),
    left: left === undefined ? undefined : `${formatDuration(Math.ceil(left))} left`,
  };
}

function bar(fraction: number, length: number, unicode: boolean, colours: ReturnType<typeof pc.createColors>): string {
  const full = Math.floor(fraction * length);
  const [done, rest] = unicode ? ["━", "─"] : ["#", "-"];
  return colours.green(done.repeat(full)) + colours.dim(rest.repeat(length - full));
}

/** The part of a writable stream that is needed here. */
export interface TerminalStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface ProgressLineOptions {
  /** Steps in all. */
  of: number;
  /** Steps that were done before this run, when it resumes. Default 0. */
  start?: number;
  /** Images in a step; gives images/s where the updates do not say. */
  imagesPerStep?: number;
  /** The output of the command is JSON: print nothing. */
  json?: boolean;
  /** Print nothing. */
  quiet?: boolean;
  /** Default: standard error, so that standard output stays free for results. */
  stream?: TerminalStream;
  /** Default: `process.env`. NO_COLOR, TERM. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The time in seconds. Default: a monotonic clock. */
  now?: () => number;
}

export interface ProgressUpdate {
  /** Steps done. */
  step: number;
  /** Steps in all, where the plan has changed. */
  of?: number;
  /** The loss of this step, not smoothed. */
  loss?: number;
  imagesPerSecond?: number;
}

const REDRAW_SECONDS = 0.1;
const PLAIN_SECONDS = 10;
const LOSS_DECAY = 0.98;
const SPEED_SECONDS = 15;

/** Draws the progress of one run; the time counts from its construction. */
export class ProgressLine {
  readonly #options: ProgressLineOptions;
  readonly #stream: TerminalStream;
  readonly #now: () => number;
  readonly #mode: "live" | "plain" | "silent";
  readonly #style: ProgressStyle;
  readonly #began: number;
  #state: ProgressState;
  #updated: number;
  /** The last time that something was written. */
  #drawn = Number.NEGATIVE_INFINITY;
  /** A line stands unfinished on the terminal. */
  #open = false;
  #closed = false;
  #pending = false;
  #lossSum = 0;
  #lossWeight = 0;
  #steps = 0;
  #seconds = 0;

  constructor(options: ProgressLineOptions) {
    const env = options.env ?? process.env;
    this.#options = options;
    this.#stream = options.stream ?? process.stderr;
    this.#now = options.now ?? (() => performance.now() / 1000);
    const live = this.#stream.isTTY === true && env.TERM !== "dumb";
    this.#mode = options.json || options.quiet ? "silent" : live ? "live" : "plain";
    this.#style = { colour: live && !env.NO_COLOR, unicode: env.TERM !== "linux" };
    this.#began = this.#now();
    this.#updated = this.#began;
    this.#state = { step: options.start ?? 0, of: options.of };
  }

  /** Takes the figures of a step, and draws them when it is time to. */
  update({ step, of = this.#state.of, loss, imagesPerSecond }: ProgressUpdate): void {
    if (this.#mode === "silent" || this.#closed) return;
    const now = this.#now();
    const steps = Math.max(0, step - this.#state.step);
    const seconds = now - this.#updated;
    this.#updated = now;

    const speedDecay = Math.exp(-seconds / SPEED_SECONDS);
    this.#steps = this.#steps * speedDecay + steps;
    this.#seconds = this.#seconds * speedDecay + seconds;
    const speed = this.#seconds > 0 ? this.#steps / this.#seconds : 0; // steps a second

    if (loss !== undefined) {
      this.#lossSum = this.#lossSum * LOSS_DECAY + loss;
      this.#lossWeight = this.#lossWeight * LOSS_DECAY + 1;
    }
    const { imagesPerStep } = this.#options;
    const measured = speed > 0 && imagesPerStep !== undefined ? speed * imagesPerStep : undefined;
    this.#state = {
      step,
      of,
      loss: this.#lossWeight > 0 ? this.#lossSum / this.#lossWeight : undefined,
      imagesPerSecond: imagesPerSecond ?? measured,
      elapsed: now - this.#began,
      left: speed > 0 && step < of ? (of - step) / speed : undefined,
    };
    this.#pending = true;
    if (now - this.#drawn >= (this.#mode === "live" ? REDRAW_SECONDS : PLAIN_SECONDS)) this.#draw();
  }

  /** Prints a line of text above the progress line. `text`: without the line break. */
  note(text: string): void {
    if (this.#mode === "silent") return;
    this.#stream.write(`${this.#open ? "\r\x1b[K" : ""}${text}\n`);
    if (!this.#open) return;
    this.#open = false;
    this.#draw();
  }

  /** Draws the last state and ends the line; nothing is drawn afterwards. */
  finish(): void {
    if (this.#closed) return;
    if (this.#pending) this.#draw();
    if (this.#open) this.#stream.write("\n");
    this.#open = false;
    this.#closed = true;
  }

  #draw(): void {
    this.#drawn = this.#now();
    this.#pending = false;
    if (this.#mode === "plain") {
      this.#stream.write(`${renderPlainProgress(this.#state)}\n`);
      return;
    }
    // The last column stays free: many terminals wrap as soon as it is written.
    const width = Math.max(1, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r${renderProgress(this.#state, width, this.#style)}\x1b[K`);
    this.#open = true;
  }
}
