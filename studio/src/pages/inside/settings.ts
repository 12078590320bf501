/**
 * The settings of the page in its address: `#/inside?show=attention&model=shipped:digits&class=3&seed=0&guidance=1.5&steps=20`.
 * What cannot be read is said in a note, and the default stands.
 */
export const sections = {
  attention: "Attention",
  maps: "Feature maps",
  swap: "Which noise decides what",
  errors: "Error by noise",
  parts: "Parts and their cost",
} as const;

export type Section = keyof typeof sections;

export interface PageSettings {
  readonly show: Section;
  readonly classLabel?: number;
  readonly seed?: number;
  readonly guidance?: number;
  readonly steps?: number;
}

export function readSettings(query: URLSearchParams): { settings: PageSettings; notes: string[] } {
  const notes: string[] = [];
  const number = (name: string, least: number, most: number, whole = true): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
    notes.push(`The address says ${name}=${text}, which is no number from ${least} to ${most}; the default is shown.`);
    return undefined;
  };
  const asked = query.get("show") ?? "attention";
  const known = Object.hasOwn(sections, asked);
  if (!known) notes.push(`The address says show=${asked}, which this page has not; shown is ${sections.attention}.`);
  return {
    settings: {
      show: known ? (asked as Section) : "attention",
      classLabel: number("class", 0, 1e6),
      seed: number("seed", 0, Number.MAX_SAFE_INTEGER),
      guidance: number("guidance", 0, 10, false),
      steps: number("steps", 1, 100),
    },
    notes,
  };
}
