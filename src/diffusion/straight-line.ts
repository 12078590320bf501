/**
 * The straight line between data and noise: x_t = (1 - t) x0 + t eps, t in [0, 1], t = 1 is noise.
 *
 * Source: Liu, Gong, Liu, "Flow Straight and Fast" (2022); Lipman et al., "Flow Matching" (2022); in the direction and
 * with the sign of diffusers and Stable Diffusion 3, not of SiT (where t = 1 is data). The network sees 1000 t.
 */
import { ConfigError } from "../core/errors.ts";
import { completePath } from "./derived.ts";
import { readOptions, show } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";

function inUnitInterval(t: number): number {
  if (t >= 0 && t <= 1) return t;
  throw new ConfigError(`the straight line has the times 0 (data) to 1 (noise); it was asked for t = ${show(t)}`);
}

/** The straight line: alpha = 1 - t, sigma = t, t in [0, 1]. */
export function straightLine(options: PathOptions["straightLine"] = {}): Path {
  readOptions("straightLine", {}, options);
  return completePath({
    name: "straightLine",
    span: [0, 1],
    alpha: (t: number) => 1 - inUnitInterval(t),
    sigma: inUnitInterval,
    dAlpha: () => -1,
    dSigma: () => 1,
    timeOfLogSnr: (logSnr: number) => 1 / (1 + Math.exp(logSnr / 2)), // sigma / alpha = t / (1 - t)
    networkTime: (t: number) => 1000 * inUnitInterval(t),
    toJSON: () => ({ name: "straightLine" as const }),
  });
}
