/**
 * The settings of the page in its address: `#/noise?first=linear&second=cosine&u=0.4&seed=0&steps=10&picture=0`. What the
 * address asks for and the page has not is said in a note, and the default stands.
 */
import { isSchedule, type ScheduleName } from "./schedules.ts";

export interface Settings {
  readonly first: ScheduleName;
  readonly second: ScheduleName;
  readonly u: number;
  readonly seed: number;
  readonly steps: number;
  readonly picture: number;
}

/** `pictures`: how many pictures the page has. */
export function readSettings(query: URLSearchParams, pictures: number): { settings: Settings; notes: string[] } {
  const notes: string[] = [];
  const read = <T>(name: string, fallback: T, parse: (text: string) => T | undefined): T => {
    const text = query.get(name);
    if (text === null) return fallback;
    const value = parse(text);
    if (value === undefined)
      notes.push(`The address says ${name}=${text}, which this page has not; shown is ${fallback}.`);
    return value ?? fallback;
  };
  const number = (least: number, most: number, whole: boolean) => (text: string) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : undefined;
  };
  const schedule = (text: string) => (isSchedule(text) ? text : undefined);
  return {
    settings: {
      first: read<ScheduleName>("first", "linear", schedule),
      second: read<ScheduleName>("second", "cosine", schedule),
      u: read("u", 0.3, number(0, 1, false)),
      seed: read("seed", 0, number(0, Number.MAX_SAFE_INTEGER, true)),
      steps: read("steps", 10, number(1, 50, true)),
      picture: read("picture", 0, number(0, pictures - 1, true)),
    },
    notes,
  };
}
