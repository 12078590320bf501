/**
 * Autoguidance: a model guided by a worse version of itself (smaller, or trained less), away from the errors that both make,
 *
 *   D = D_weak + scale (D_strong - D_weak)
 *
 * with the condition, if any, fed to both. It needs no condition and, unlike classifier-free guidance, does not trade
 * variety for likeness to the class.
 *
 * Source: Karras et al., "Guiding a Diffusion Model with a Bad Version of Itself" (2024), eq. 3. Tested in closed form on
 * Gaussians.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { readOptions, real } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { extrapolate } from "./combine.ts";
import { type GuidanceInterval, insideOf, intervalField } from "./interval.ts";

export interface AutoguidanceOptions {
  /** 1: no guidance; usual values are 1.5 to 3. From 0, which is the weak model alone. */
  scale: number;
  /** The levels at which it acts. Default: all. */
  interval?: GuidanceInterval;
}

/** `denoiser` guided by `weak`, which must have the same path. Outside of the interval, and at scale 1, `denoiser` as it is. */
export function autoguided(denoiser: Denoiser, weak: Denoiser, options: AutoguidanceOptions): Denoiser {
  const { scale, interval } = readOptions("autoguided", { scale: real(0), interval: intervalField }, options);
  const acts = insideOf(interval);
  const [own, other] = [denoiser, weak].map(({ path }) => JSON.stringify(path.toJSON()));
  if (own !== other) {
    throw new ConfigError(`autoguidance needs two models of one path; the model has ${own} and the weak one ${other}`);
  }
  return Object.freeze({
    path: denoiser.path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      const level = typeof at === "number" ? denoiser.path.at(at) : at;
      const strong = await denoiser.denoise(x, level, condition);
      if (scale === 1 || !acts(level)) return strong;
      return extrapolate(await weak.denoise(x, level, condition), strong, scale);
    },
  });
}
