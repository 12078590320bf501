/**
 * The trigonometric path: x_t = cos(πt/2) x0 + sin(πt/2) eps, t in [0, 1]. It keeps the variance (alpha² + sigma² = 1)
 * and moves at constant speed on the circle. It has two names: the interpolant "GVP" of SiT, and the continuous cosine
 * schedule of progressive distillation.
 *
 * Sources: Ma et al., "SiT" (2024), §3.1 (GVP, with t = 1 for data there; its networks are fed "1-t"); Salimans and Ho,
 * "Progressive Distillation" (2022), §2. Tested against g of SiT at t = 0.25, 3.7922378.
 */
import { clockField, clocks } from "./clock.ts";
import { completePath } from "./derived.ts";
import { readOptions } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";

const fields = { networkTime: clockField("1000t") };
const QUARTER = Math.PI / 2; // of a turn

function trigonometric(name: "gvp" | "continuousCosine", options: PathOptions["gvp"]): Path {
  const { networkTime } = readOptions(name, fields, options);
  const alpha = (t: number) => Math.sin(QUARTER * (1 - t)); // cos(πt/2), and exactly 0 at t = 1
  const sigma = (t: number) => Math.sin(QUARTER * t);
  return completePath({
    name,
    span: [0, 1],
    alpha,
    sigma,
    dAlpha: (t: number) => -QUARTER * sigma(t),
    dSigma: (t: number) => QUARTER * alpha(t),
    timeOfLogSnr: (logSnr: number) => Math.atan(Math.exp(-logSnr / 2)) / QUARTER,
    networkTime: clocks[networkTime],
    toJSON: () => ({ name, networkTime }),
  });
}

/** SiT's generalised variance-preserving interpolant: alpha = cos(πt/2), sigma = sin(πt/2). */
export function gvp(options: PathOptions["gvp"] = {}): Path {
  return trigonometric("gvp", options);
}

/** The cosine schedule in continuous time, without offset or clipping: the same path as `gvp`. */
export function continuousCosine(options: PathOptions["continuousCosine"] = {}): Path {
  return trigonometric("continuousCosine", options);
}
