/**
 * Times, sizes and rates as a person reads them.
 */

/** "40 s", "3 min 20 s", "1 h 5 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10) return `${minutes} min ${whole % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds that are left: the steps that are left at the pace of the last ones. */
export function secondsLeft(run: { step: number; steps: number; imagesPerSecond: number; batch: number }): number {
  return ((run.steps - run.step) * run.batch) / run.imagesPerSecond;
}

/** "3.1 MB" */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(2)} ${units[unit]}`;
}

export const count = (value: number) => value.toLocaleString("en");
