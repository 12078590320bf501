/**
 * The path of EDM, whose time is the noise level itself: x = x0 + t eps, alpha = 1, sigma = t, t in [sigmaMin, sigmaMax].
 * Its SDE is dx = sqrt(2 t) dw. Networks on it usually have the prediction "edm", which feeds them ln(sigma) / 4.
 *
 * Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), §3 and table 1;
 * defaults 0.002 and 80.
 */
import { completePath } from "./derived.ts";
import { readOptions, real, withDefault } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";
import { checkSigmaRange } from "./ve.ts";

const positive = real(0, Infinity, true);
const fields = { sigmaMin: withDefault(positive, 0.002), sigmaMax: withDefault(positive, 80) };

/** The path of EDM: alpha = 1, sigma = t. */
export function edm(options: PathOptions["edm"] = {}): Path {
  const { sigmaMin, sigmaMax } = readOptions("edm", fields, options);
  checkSigmaRange("edm", { sigmaMin, sigmaMax });
  return completePath({
    name: "edm",
    span: [sigmaMin, sigmaMax],
    alpha: () => 1,
    sigma: (t: number) => t,
    dAlpha: () => 0,
    dSigma: () => 1,
    timeOfLogSnr: (logSnr: number) => Math.exp(-logSnr / 2),
    networkTime: (t: number) => t,
    toJSON: () => ({ name: "edm" as const, sigmaMin, sigmaMax }),
  });
}
