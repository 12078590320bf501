/**
 * The scale of an axis: its range, the round numbers on it, and how they are written.
 */
import { ConfigError } from "../core/errors.ts";

export type ScaleName = "linear" | "log";

export interface Scale {
  readonly range: readonly [number, number];
  readonly ticks: readonly number[];
  /** The place of a value: 0 at the start of the range, 1 at its end. NaN for a value that the scale has not. */
  place(value: number): number;
}

/** About how many ticks an axis has. */
const TICKS = 5;
/** Part of a range that is left free at each end. */
const MARGIN = 0.04;

/**
 * The scale of values, or of a range that is given. Values that are not finite, and on a logarithmic scale those that
 * are not positive, are passed over; where none is left the scale is that of 0 to 1, or 1 to 10.
 *
 * Raises a ConfigError for a range that is empty, not finite, or reaches 0 on a logarithmic scale.
 */
export function scaleOf(name: ScaleName, values: Iterable<number>, range?: readonly [number, number]): Scale {
  const log = name === "log";
  const [from, to] = range ? checked(range, log) : rangeOf(values, log);
  const forward = log ? Math.log10 : (value: number) => value;
  const [start, end] = [forward(from), forward(to)];
  return {
    range: [from, to],
    ticks: log ? logTicks(from, to) : linearTicks(from, to),
    place: (value) => (forward(value) - start) / (end - start),
  };
}

function checked(range: readonly [number, number], log: boolean): readonly [number, number] {
  const [from, to] = range;
  if (Number.isFinite(from) && Number.isFinite(to) && from < to && (!log || from > 0)) return range;
  throw new ConfigError(
    `the range of ${log ? "a logarithmic axis must be two rising numbers above 0" : "an axis must be two rising numbers"}, not ${from} to ${to}`,
  );
}

function rangeOf(values: Iterable<number>, log: boolean): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) return log ? [1, 10] : [0, 1];
  if (log) {
    const margin = least === most ? 10 ** 0.5 : (most / least) ** MARGIN;
    return [least / margin, most * margin];
  }
  const margin = least === most ? Math.max(0.5, Math.abs(least) / 2) : MARGIN * (most - least);
  return [least - margin, most + margin];
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function linearTicks(from: number, to: number): number[] {
  const rough = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten, thinned out where there are many; within two of them also twice and five times. */
function logTicks(from: number, to: number): number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const every = Math.ceil((last - first) / (TICKS + 2));
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = first; power <= last; power++) {
    if (power % every !== 0) continue;
    for (const factor of factors) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** A number as an axis writes it: with a true minus, as 1e5 or 1e-4 where it would be long. */
export function tickLabel(value: number): string {
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential().replace("e+", "e") : String(value);
  return text.replaceAll("-", "−");
}
