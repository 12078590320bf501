/**
 * Classifier-free guidance: prediction = unconditional + scale (conditional - unconditional).
 *
 * Source: Ho and Salimans, "Classifier-Free Diffusion Guidance" (2022), eq. 6, with scale = 1 + w: scale 1 is no
 * guidance, scale 0 ignores the condition. It is linear, and x is the same in both halves, so it may be applied to
 * sample and noise alike and they keep x = alpha sample + sigma noise. One call of twice the batch: [unconditional;
 * conditional].
 */
import { ConfigError } from "../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "./denoiser.ts";
import { readOptions, real } from "./options.ts";
import type { Level } from "./path-contract.ts";

export interface GuidanceOptions {
  /** 1: no guidance; usual values are 1.5 to 8. From 0. */
  scale: number;
  /**
   * The condition that means "none", for one image, such as `{ classLabels: Int32Array.of(10) }`; it is repeated for
   * each image. Parts of the condition that it does not name (a low-resolution image, say) are fed to both halves.
   */
  nullCondition: Condition;
}

/** A denoiser guided towards its condition. With `scale` 1 it calls `denoiser` as it is, once. */
export function classifierFree(denoiser: Denoiser, options: GuidanceOptions): Denoiser {
  const { scale, nullCondition } = readOptions(
    "classifierFree",
    {
      scale: real(0),
      nullCondition: {
        expected: "an object that holds at least one array",
        accepts: (value: unknown) =>
          typeof value === "object" && value !== null && Object.values(value).some((part) => ArrayBuffer.isView(part)),
      },
    },
    options,
  ) as GuidanceOptions;
  return Object.freeze({
    path: denoiser.path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      if (condition === undefined) {
        throw new ConfigError(
          `classifier-free guidance needs a condition that holds ${Object.keys(nullCondition).join(", ")}; none was given`,
        );
      }
      if (scale === 1) return denoiser.denoise(x, at, condition);
      const both = await denoiser.denoise(joined(x, x), at, doubled(condition, nullCondition)); // [2N, ...]
      return {
        sample: combined(both.sample, scale), // [N, ...]
        noise: combined(both.noise, scale), // [N, ...]
      };
    },
  });
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

function combined(halves: Float32Array, scale: number): Float32Array {
  const size = halves.length / 2;
  const result = new Float32Array(size);
  for (let i = 0; i < size; i++) result[i] = halves[i] + scale * (halves[size + i] - halves[i]);
  return result;
}
