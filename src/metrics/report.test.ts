import { describe, expect, it } from "vitest";
import { DataError } from "../core/errors.ts";
import { frechetDistance } from "./frechet.ts";
import { kernelDistance } from "./kernel.ts";
import { compareClasses, compareFeatures, formatReport } from "./report.ts";
import { randomFeatures } from "./testing/random-features.ts";

const realA = randomFeatures(1, 80, 6);
const realB = randomFeatures(2, 40, 6);
const generated = randomFeatures(3, 40, 6, 0.4);

describe("compareFeatures", () => {
  const report = compareFeatures(realA, realB, generated, { seed: 5, subsets: 20 });

  it("holds each figure for the generated images and for real ones in their place", () => {
    expect(report.frechetDistance).toEqual({
      generated: frechetDistance(realA, generated),
      real: frechetDistance(realA, realB),
    });
    const options = { seed: 5, subsets: 20 };
    expect(report.kernelDistance.generated).toBe(kernelDistance(realA, generated, options).mean);
    expect(report.kernelDistanceStd.real).toBe(kernelDistance(realA, realB, options).std);
    expect(report).toMatchObject({ count: 40, reference: 80, dimension: 6 });
  });

  it("sees the difference that is there", () => {
    // The means differ by 0.4 in six features: |Δμ|² = 0.96.
    expect(report.frechetDistance.generated).toBeGreaterThan(0.6);
    expect(report.frechetDistance.real).toBeLessThan(0.3);
    expect(report.coverage.generated).toBeLessThan(report.coverage.real);
  });

  it("survives JSON", () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("refuses a floor at another count", () => {
    expect(() => compareFeatures(realA, realA, generated)).toThrow(DataError);
    expect(() => compareFeatures(realA, realA, generated)).toThrow(/40 generated images.*80 real/);
  });
});

describe("formatReport", () => {
  const probabilities = (rows: number[][]) => ({
    data: Float64Array.from(rows.flat()),
    count: rows.length,
    classes: 2,
  });
  const classes = compareClasses(
    probabilities([
      [1, 0],
      [0, 1],
    ]),
    probabilities([
      [0.95, 0.05],
      [0.6, 0.4],
    ]),
  );
  const figure = (generated: number, real: number) => ({ generated, real });
  const report = {
    features: "digits classifier features",
    dimension: 64,
    reference: 10000,
    count: 100,
    frechetDistance: figure(12.3456, 4.5),
    kernelDistance: figure(0.0123, -0.00002),
    kernelDistanceStd: figure(0.002, 0.001),
    precision: figure(0.71, 0.93),
    recall: figure(0.5, 0.9),
    density: figure(0.8, 1.02),
    coverage: figure(0.75, 0.96),
  };

  it("aligns the figures beside their floor and names the features", () => {
    expect(formatReport(report)).toEqual([
      "100 images against 10000 real ones                      generated                 real  better",
      "fréchet distance (digits classifier features)               12.35                4.500  lower",
      "kernel distance (digits classifier features)   0.01230 ± 0.002000  -2.00e-5 ± 0.001000  lower",
      "precision                                                   0.710                0.930  higher",
      "recall                                                      0.500                0.900  higher",
      "density                                                     0.800                1.020  higher",
      "coverage                                                    0.750                0.960  higher",
    ]);
  });

  it("adds what the classifier says", () => {
    expect(classes.confidenceShare).toEqual({ generated: 0.5, real: 1 });
    expect(classes.classesOccurring).toEqual({ generated: 1, real: 2 });
    expect(classes.histogram).toEqual({ generated: [2, 0], real: [1, 1] });
    expect(classes.classEntropy.real).toBeCloseTo(Math.LN2, 12);
    const lines = formatReport(report, classes);
    expect(lines).toHaveLength(11);
    expect(lines[7]).toMatch(/^classifier over 0.9 sure +0\.500 +1\.000 {2}higher$/);
    expect(lines[8]).toMatch(/^classes that occur, of 2 +1 +2 {2}higher$/);
  });

  it("never says FID", () => {
    expect(formatReport(report, classes).join("\n")).not.toMatch(/\b(s?fid|kid)\b|inception/i);
    expect(JSON.stringify([report, classes])).not.toMatch(/fid\b|inception/i);
  });
});
