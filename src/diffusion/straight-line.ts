/**
 * The straight line between data and noise: x_t = (1 - t) x0 + t eps, t in [0, 1], t = 1 is noise.
 *
 * Source: Liu, Gong, Liu, "Flow Straight and Fast" (2022); Lipman et al., "Flow Matching" (2022); in the direction and
 * with the sign of diffusers and Stable Diffusion 3, not of SiT (where t = 1 is data; its networks are fed "1-t").
 */
import { clockField, clocks } from "./clock.ts";
import { completePath } from "./derived.ts";
import { readOptions } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";

const fields = { networkTime: clockField("1000t") };

/** The straight line: alpha = 1 - t, sigma = t, t in [0, 1]. */
export function straightLine(options: PathOptions["straightLine"] = {}): Path {
  const { networkTime } = readOptions("straightLine", fields, options);
  return completePath({
    name: "straightLine",
    span: [0, 1],
    alpha: (t: number) => 1 - t,
    sigma: (t: number) => t,
    dAlpha: () => -1,
    dSigma: () => 1,
    timeOfLogSnr: (logSnr: number) => 1 / (1 + Math.exp(logSnr / 2)), // sigma / alpha = t / (1 - t)
    networkTime: clocks[networkTime],
    toJSON: () => ({ name: "straightLine" as const, networkTime }),
  });
}
