/**
 * Filling in: a part of each image is known, the denoiser draws the rest to go with it, with any solver. Wherever an image
 * is known, x is replaced by the known part at the level of the step, and the answer by the truth,
 *
 *   x ← alpha known + sigma eps,   sample ← known,   noise ← eps      with one eps for the whole run,
 *
 * so that the state of a deterministic solver moves along that line, to the known image itself.
 *
 * Source: Song et al., "Score-Based Generative Modeling through SDEs" (2021), appendix I.2 (imputation), there with fresh
 * noise in each step. It is an approximation: the noise of the known part is drawn without looking at the rest. The test
 * compares with the probability-flow equation of a correlated Gaussian, integrated by itself.
 */
import { ConfigError, ShapeError } from "../../core/errors.ts";
import type { Condition, Denoised, Denoiser } from "../denoiser.ts";
import type { Level } from "../path-contract.ts";

export interface KnownPart {
  /** The images, [N, ...]; what they hold where nothing is known does not matter. */
  known: Float32Array;
  /** What is to be drawn, [N, ...]: 1; and what is known: 0. */
  drawn: ArrayLike<number>;
  /** Standard normal numbers, [N, ...]. */
  noise: Float32Array;
}

/**
 * The denoiser of images of which a part is known. It is asked with x of exactly the length of `known`. Raises a ShapeError
 * for arrays of different lengths, a ConfigError for a mask of other numbers than 0 and 1.
 */
export function knowing(denoiser: Denoiser, { known, drawn, noise }: KnownPart): Denoiser {
  if (drawn.length !== known.length || noise.length !== known.length) {
    throw new ShapeError(
      `the known images hold ${known.length} values, the mask ${drawn.length} and the noise ${noise.length}; they must be ` +
        "of one shape",
    );
  }
  const open = openMask(drawn);
  return Object.freeze({
    path: denoiser.path,
    async denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
      if (x.length !== known.length) {
        throw new ShapeError(`x holds ${x.length} values, but the known images hold ${known.length}`);
      }
      const level = typeof at === "number" ? denoiser.path.at(at) : at;
      const { alpha, sigma } = level;
      const asked = x.map((value, i) => (open[i] ? value : alpha * known[i] + sigma * noise[i]));
      const found = await denoiser.denoise(asked, level, condition);
      return {
        ...found,
        sample: found.sample.map((value, i) => (open[i] ? value : known[i])),
        noise: found.noise.map((value, i) => (open[i] ? value : noise[i])),
      };
    },
  });
}

function openMask(drawn: ArrayLike<number>): Uint8Array {
  const mask = new Uint8Array(drawn.length);
  for (let i = 0; i < drawn.length; i++) {
    if (drawn[i] !== 0 && drawn[i] !== 1) {
      throw new ConfigError(
        `the mask holds ${drawn[i]} at ${i}; it must be 1 where the image is to be drawn, 0 where it is known`,
      );
    }
    mask[i] = drawn[i];
  }
  return mask;
}
