/**
 * Quantities as people read them: durations, bytes, counts, rates. Three significant digits are enough for all of them.
 *
 * Bytes are decimal, as on disks and in package registries: 1 kB = 1000 bytes, 1 MB = 10⁶ bytes. Counts use k, M, B.
 * A quantity that is not finite prints as "?": a display has nothing better to say of it.
 */

const UNKNOWN = "?";

/**
 * A duration given in seconds: "350ms", "3.2s", "42s", "4m 05s", "1h 02m", "3d 04h". Each is rounded to its last unit,
 * and carries: 59.7 is "1m 00s".
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  if (seconds === 0) return "0s";
  const milliseconds = Math.round(seconds * 1000);
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const tenths = Math.round(seconds * 10);
  if (tenths < 100) return tenths % 10 === 0 ? `${tenths / 10}s` : `${(tenths / 10).toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return pair(whole, 60, "m", "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return pair(minutes, 60, "h", "m");
  return pair(Math.round(seconds / 3600), 24, "d", "h");
}

function pair(value: number, base: number, large: string, small: string): string {
  return `${Math.floor(value / base)}${large} ${String(value % base).padStart(2, "0")}${small}`;
}

/** Bytes in decimal units: "812 B", "4.7 kB", "1.33 GB". */
export function formatBytes(bytes: number): string {
  return scaled(bytes, [" B", " kB", " MB", " GB", " TB", " PB"], 3);
}

/** A count in short: "999", "1.2 k", "6.5 M", "860 M", "1.3 B". */
export function formatCount(count: number): string {
  return scaled(count, ["", " k", " M", " B", " T"], 2);
}

/** A count to the last one, with thousands apart: "1,361". */
export function formatInteger(count: number): string {
  if (!Number.isFinite(count)) return UNKNOWN;
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A rate: "512 images/s", "8.4 images/s", "0.042 images/s". `perSecond`: units in a second. */
export function formatRate(perSecond: number, unit: string): string {
  const size = Math.abs(perSecond);
  let number = UNKNOWN;
  if (size >= 10_000) number = formatCount(perSecond);
  else if (Number.isFinite(size)) number = size >= 99.5 ? formatInteger(perSecond) : significant(perSecond, 2);
  return `${number} ${unit}/s`;
}

/** A loss in a width that does not jump about: "0.1234", "12.3456", or "1.23e-5" outside of [0.001, 1000). */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  const size = Math.abs(loss);
  return size === 0 || (size >= 1e-3 && size < 1e3) ? loss.toFixed(4) : loss.toExponential(2);
}

/** The value over the largest power of 1000 that leaves at least 1, after rounding: 999,950 is "1 M", not "1000 k". */
function scaled(value: number, units: readonly string[], digits: number): string {
  if (!Number.isFinite(value)) return UNKNOWN + units[0];
  let power = 0;
  let scaledValue = value;
  while (power < units.length - 1 && Math.abs(roundTo(scaledValue, digits)) >= 1000) {
    scaledValue /= 1000;
    power++;
  }
  const text = power === 0 && Number.isInteger(value) ? String(value) : significant(scaledValue, digits);
  return text + units[power];
}

/** What `significant` would print, as a number. */
function roundTo(value: number, digits: number): number {
  return Number(significant(value, digits));
}

/** At least `digits` significant digits, whole numbers never cut short, no trailing zeros after the point. */
function significant(value: number, digits: number): string {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(20, Math.max(0, digits - 1 - magnitude));
  const text = value.toFixed(decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
