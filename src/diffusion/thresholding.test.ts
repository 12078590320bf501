import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { readOptions } from "./options.ts";
import { limited, limitFields, quantile, thresholded } from "./thresholding.ts";

describe("quantile", () => {
  it("is linear between order statistics, as torch and NumPy", () => {
    const values = Float32Array.of(4, 1, 3, 2);
    // numpy.quantile([4, 1, 3, 2], q): position 3 q of 1 2 3 4
    expect([0, 0.25, 0.5, 0.9, 1].map((q) => quantile(values, q))).toEqual([1, 1.75, 2.5, 3.7, 4]);
    expect([...values]).toEqual([4, 1, 3, 2]);
    expect(quantile(Float32Array.of(7), 0.3)).toBe(7);
  });
});

describe("dynamic thresholding", () => {
  // DDPMScheduler(dynamic_thresholding_ratio=0.9, sample_max_value=2)._threshold_sample, diffusers 0.42.1, of two images
  // of 1 x 2 x 3: quantiles 2.75, more than max, and 0.9, less than 1
  const images = Float32Array.of(-3, 0.5, 1, -1.5, 2.5, 0, 0.1, -0.2, 0.9, 0.3, -0.9, 0.6);

  it("limits each image by its own quantile", () => {
    const found = thresholded(images, { ratio: 0.9, max: 2 }, 2);
    const expected = [-1, 0.25, 0.5, -0.75, 1, 0, 0.1, -0.2, 0.9, 0.3, -0.9, 0.6];
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
    expect(found[6]).toBe(images[6]); // within [-1, 1]: as it was
  });

  it("goes without a max, and below one", () => {
    const wide = thresholded(images, { ratio: 0.9 }, 2);
    expect(wide[0]).toBe(-1);
    expect(wide[2]).toBeCloseTo(1 / 2.75, 6);
    // max below 1, as in diffusers' test of DPM-Solver (0.5): clipped to it, and scaled to [-1, 1]
    expect([...thresholded(Float32Array.of(0.25, -3), { ratio: 0.5, max: 0.5 }, 1)]).toEqual([0.5, -1]);
  });

  it("keeps most of a saturated image's contrast, where clipping does not", () => {
    const bright = Random.from(1)
      .normals(4096)
      .map((z) => 3 * z);
    const distinct = (values: Float32Array) => values.filter((value) => Math.abs(value) < 1).length / values.length;
    expect(distinct(limited(bright, { clip: 1 }, 1))).toBeLessThan(0.3);
    expect(distinct(limited(bright, { threshold: { ratio: 0.995 } }, 1))).toBeGreaterThan(0.99);
  });
});

describe("limited", () => {
  it("takes threshold in place of clip, and is the array itself with neither", () => {
    const sample = Float32Array.of(-3, 2, 0.5);
    expect(limited(sample, {}, 1)).toBe(sample);
    expect([...limited(sample, { clip: 1 }, 1)]).toEqual([-1, 1, 0.5]);
    expect(limited(sample, { clip: 1, threshold: { ratio: 1 } }, 1)[1]).toBeCloseTo(2 / 3, 6);
    expect([...sample]).toEqual([-3, 2, 0.5]);
  });

  it.each([
    [{ threshold: { ratio: 1.5 } }, "threshold must be { ratio, max }"],
    [{ threshold: { ratio: 0.9, max: 0 } }, "max above 0"],
    [{ threshold: { ratio: 0.9, most: 2 } }, "threshold must be"],
    [{ threshold: 0.9 }, "not 0.9"],
    [{ threshold: [0.9, 1] }, "threshold must be"],
    [{ clip: 0 }, "clip must be"],
  ])("refuses %j", (options, message) => {
    const read = () => readOptions("solver", limitFields, options);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
  });

  it("refuses a batch that is not made of images of one size", () => {
    expect(() => thresholded(new Float32Array(5), { ratio: 1 }, 2)).toThrow("5 numbers are not 2 images");
  });
});
