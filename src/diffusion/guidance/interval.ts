/**
 * Where guidance acts: the levels of noise in an interval, open below and closed above, (low, high]; elsewhere it is left
 * out. Guidance at high noise throws samples together and at low noise does little.
 *
 * Source: Kynkäänniemi et al., "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality in
 * Diffusion Models" (2024), eq. 6.
 */
import { ConfigError } from "../../core/errors.ts";
import { type Field, real, show } from "../options.ts";
import type { Level } from "../path-contract.ts";

/** By the noise level sigma / alpha, or by time in the path's units. */
export type GuidanceInterval = { sigma: readonly [number, number] } | { t: readonly [number, number] };

const bound = (value: unknown) => value === Infinity || real().accepts(value);

/** The option of a guidance. Its ends are checked by `insideOf`. */
export const intervalField: Field<GuidanceInterval | undefined> = {
  expected: "{ sigma: [low, high] } or { t: [low, high] }",
  optional: true,
  accepts: (value) => {
    if (typeof value !== "object" || value === null) return false;
    const [[name, ends], ...others] = Object.entries(value);
    return (
      others.length === 0 &&
      (name === "sigma" || name === "t") &&
      Array.isArray(ends) &&
      ends.length === 2 &&
      ends.every(bound)
    );
  },
};

/** Whether guidance acts at a level; always, without an interval. An empty interval is a ConfigError. */
export function insideOf(interval: GuidanceInterval | undefined): (level: Level) => boolean {
  if (interval === undefined) return () => true;
  const [low, high] = "sigma" in interval ? interval.sigma : interval.t;
  if (!(low < high)) {
    throw new ConfigError(
      `the guidance interval ${show(interval)} is empty: the first number must be below the second; leave interval away ` +
        `to guide everywhere, or take scale 1 for no guidance`,
    );
  }
  const measured = "sigma" in interval ? ({ alpha, sigma }: Level) => sigma / alpha : ({ t }: Level) => t;
  return (level) => measured(level) > low && measured(level) <= high;
}
