/** When a side of the benchmark does not compute what we do. */

/** Differences from which its figures would mean nothing. */
const SAME = 1e-3;

/** What differs, as a sentence; undefined where all is the same. */
export function differenceOf(differences: Readonly<Record<string, number>>): string | undefined {
  const large = Object.entries(differences).filter(([, value]) => !(value < SAME));
  if (large.length === 0) return undefined;
  return `its results differ from ours: ${large.map(([what, value]) => `${what} by ${value.toPrecision(2)}`).join(", ")}`;
}
