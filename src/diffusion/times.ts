/**
 * The times that a solver visits, from noise to data.
 *
 * Discrete paths, T timesteps in N steps (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed",
 * 2023, table 2), equal to diffusers, rounding (half to even) included:
 *
 *   leading   (N-1) ⌊T/N⌋ .. ⌊T/N⌋, 0, plus an offset       never visits T-1
 *   linspace  round(linspace(0, T-1, N)) reversed            visits both ends
 *   trailing  round(T - i T/N) - 1                           visits T-1, ends near T/N - 1
 *
 * Continuous paths: 1 - i/N. A step always goes to the next time of the list, never to t - T/N: the two differ for
 * linspace and wherever N does not divide T. Tested against diffusers for every N from 1 to 1000. For 62 of those (61,
 * 103, ...) diffusers' trailing list has a spurious last entry of -1, from float rounding in its range; this one always
 * has N.
 */
import { ConfigError } from "../core/errors.ts";
import type { Path } from "./path-contract.ts";

export const spacings = ["leading", "linspace", "trailing"] as const;
export type Spacing = (typeof spacings)[number];

/** Rounds half to even, as NumPy and IEEE 754 do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * `steps` falling timesteps out of 0 .. timesteps-1. `offset` is added in `leading` spacing only (Stable Diffusion
 * has 1). More steps than timesteps, and an offset that leaves the range, are ConfigErrors.
 */
export function spacedTimesteps(timesteps: number, steps: number, spacing: Spacing, offset = 0): number[] {
  if (!Number.isInteger(steps) || steps < 1 || steps > timesteps) {
    throw new ConfigError(`steps must be an integer from 1 to the path's ${timesteps} timesteps, not ${steps}`);
  }
  if (offset !== 0 && spacing !== "leading") {
    throw new ConfigError(`stepsOffset is for leading spacing; with ${spacing} it must be 0, not ${offset}`);
  }
  if (spacing === "leading") {
    const stride = Math.floor(timesteps / steps);
    const first = (steps - 1) * stride + offset;
    if (first >= timesteps) {
      throw new ConfigError(
        `leading spacing with ${steps} steps and stepsOffset ${offset} starts at t = ${first}, past the last timestep ` +
          `${timesteps - 1}; take fewer steps, or trailing spacing`,
      );
    }
    return Array.from({ length: steps }, (_, i) => first - i * stride);
  }
  if (spacing === "linspace") {
    const stride = (timesteps - 1) / (steps - 1); // NumPy's order of operations: i · stride, the last one exact
    return Array.from({ length: steps }, (_, i) => {
      const k = steps - 1 - i;
      return k === 0 ? 0 : k === steps - 1 ? timesteps - 1 : roundHalfEven(k * stride);
    });
  }
  const stride = timesteps - (timesteps - timesteps / steps); // as NumPy's arange takes it: second entry less first
  return Array.from({ length: steps }, (_, i) => roundHalfEven(timesteps - i * stride) - 1);
}

/** The `steps` times 1, 1 - 1/steps, .., 1/steps of a continuous path; the step after the last goes to 0. */
export function continuousTimes(steps: number): number[] {
  if (!Number.isInteger(steps) || steps < 1) throw new ConfigError(`steps must be an integer from 1, not ${steps}`);
  return Array.from({ length: steps }, (_, i) => (steps - i) / steps);
}

/** The falling times of a solver on a path. Continuous paths know one spacing, which is `trailing`. */
export function timesOn(path: Path, steps: number, spacing: Spacing, offset = 0): number[] {
  if (path.timesteps !== undefined) {
    if (steps === 1 && spacing !== "trailing" && path.timesteps > 1) {
      throw new ConfigError(
        `one step with ${spacing} spacing would start at t = ${offset}, where there is hardly any noise; use trailing spacing`,
      );
    }
    return spacedTimesteps(path.timesteps, steps, spacing, offset);
  }
  if (spacing !== "trailing" || offset !== 0) {
    throw new ConfigError(
      `the path ${path.name} has continuous time: its steps are even from 1 to 0, so spacing must be "trailing" and ` +
        `stepsOffset 0, not "${spacing}" and ${offset}`,
    );
  }
  checkUnitSpan(path, "even steps in time");
  return continuousTimes(steps);
}

/** Raises a ConfigError unless the times of a continuous path are those from 0 to 1. `what` is what needs them. */
export function checkUnitSpan({ name, span: [from, to] }: Path, what: string): void {
  if (from === 0 && to === 1) return;
  throw new ConfigError(
    `${what} need times from 0 to 1, and the path ${name} has ${from} to ${to}; take a solver of noise levels there, such ` +
      "as euler, heun, dpmppMultistep or unipc",
  );
}
