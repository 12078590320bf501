/**
 * Classifier-free guidance: prediction = unconditional + scale (conditional - unconditional).
 *
 * Source: Ho and Salimans, "Classifier-Free Diffusion Guidance" (2022), eq. 6, with scale = 1 + w: scale 1 is no
 * guidance, scale 0 ignores the condition. One call of twice the batch: [unconditional; conditional]. It may be rescaled
 * (rescale.ts) and held to an interval of noise (interval.ts); outside of it the condition acts alone, in one call of the
 * batch itself.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import { choice, readOptions, real, withDefault } from "../options.ts";
import type { Level } from "../path-contract.ts";
import { extrapolate } from "./combine.ts";
import { type GuidanceInterval, insideOf, intervalField } from "./interval.ts";
import { type RescaleOf, rescaled } from "./rescale.ts";

export interface GuidanceOptions {
  /** 1: no guidance; usual values are 1.5 to 8. From 0. */
  scale: number;
  /**
   * The condition that means "none", for one image, such as `{ classLabels: Int32Array.of(10) }`; it is repeated for
   * each image. Parts of the condition that it does not name (a low-resolution image, say) are fed to both halves.
   */
  nullCondition: Condition;
  /**
   * The part phi, 0 to 1, by which each image's guided prediction gets the spread of its conditional one. Default 0; 0.7
   * for models of zero terminal SNR.
   */
  rescale?: number;
  /** What is rescaled: best what the network predicts. Default "noise"; "v" has an answer at alpha = 0 too. */
  rescaleOf?: RescaleOf;
  /** The levels at which guidance acts. Default: all. */
  interval?: GuidanceInterval;
}

/** A denoiser guided towards its condition. With `scale` 1 it calls `denoiser` as it is, once. */
export function classifierFree(denoiser: Denoiser, options: GuidanceOptions): Denoiser {
  const { scale, nullCondition, rescale, rescaleOf, interval } = readOptions(
    "classifierFree",
    {
      scale: real(0),
      nullCondition: {
        expected: "an object that holds at least one array",
        accepts: (value: unknown) =>
          typeof value === "object" && value !== null && Object.values(value).some((part) => ArrayBuffer.isView(part)),
      },
      rescale: withDefault(real(0, 1), 0),
      rescaleOf: withDefault(choice("noise", "sample", "v"), "noise"),
      interval: intervalField,
    },
    options,
  ) as Required<GuidanceOptions>;
  const acts = insideOf(interval);
  const named = Object.entries(nullCondition)[0];
  return Object.freeze({
    path: denoiser.path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      if (condition === undefined) {
        throw new ConfigError(
          `classifier-free guidance needs a condition that holds ${Object.keys(nullCondition).join(", ")}; none was given`,
        );
      }
      const level = typeof at === "number" ? denoiser.path.at(at) : at;
      if (scale === 1 || !acts(level)) return denoiser.denoise(x, level, condition);
      const both = await denoiser.denoise(joined(x, x), level, doubled(condition, nullCondition)); // [2N, ...]
      const [unconditional, conditional] = [half(both, 0), half(both, 1)]; // [N, ...]
      const guided = extrapolate(unconditional, conditional, scale);
      if (rescale === 0) return guided;
      const images = condition[named[0]].length / named[1].length;
      return rescaled(x, level, guided, conditional, { images, phi: rescale, of: rescaleOf });
    },
  });
}

/** One half of a doubled batch: 0 the first, 1 the second. */
function half({ sample, noise, variance }: Denoised, which: 0 | 1): Denoised {
  const part = (values: Float32Array) =>
    values.subarray((which * values.length) / 2, ((which + 1) * values.length) / 2);
  const found = { sample: part(sample), noise: part(noise) };
  return variance === undefined ? found : { ...found, variance: part(variance) };
}

function joined<T extends Float32Array | Int32Array>(first: T, second: T): T {
  const result = (
    first instanceof Int32Array ? new Int32Array(2 * first.length) : new Float32Array(2 * first.length)
  ) as T;
  result.set(first, 0);
  result.set(second, first.length);
  return result;
}

/** Each part of the condition twice: first the null condition where it names the part, then the condition itself. */
function doubled(condition: Condition, nullCondition: Condition): Condition {
  for (const name of Object.keys(nullCondition)) {
    if (condition[name] === undefined) {
      throw new ConfigError(
        `the null condition names ${name}, which the condition lacks (it has ${Object.keys(condition).join(", ") || "nothing"})`,
      );
    }
  }
  const result: Record<string, Float32Array | Int32Array> = {};
  for (const [name, rows] of Object.entries(condition)) {
    const row = nullCondition[name];
    if (row === undefined) {
      result[name] = joined(rows, rows);
      continue;
    }
    if (row.constructor !== rows.constructor || row.length === 0 || rows.length % row.length !== 0) {
      throw new ConfigError(
        `the null condition's ${name} must be one image's row of the condition's: it is a ${row.constructor.name} of ` +
          `${row.length}, the condition's a ${rows.constructor.name} of ${rows.length}`,
      );
    }
    result[name] = joined(rows.slice().map((_, i) => row[i % row.length]) as typeof rows, rows);
  }
  return result;
}
