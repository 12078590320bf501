/**
 * The report on a set of samples: every figure beside the same figure for real against real images at the same count.
 *
 * A Fréchet distance of 12 says nothing alone: with 100 images even real digits are at a distance from other real
 * digits. So the generated images and as many real ones (B) are both compared with the same real images (A), and the
 * second comparison is the floor (or, where higher is better, the ceiling) of what a perfect model would get.
 *
 * The features are those of our own classifier; the names in print say so, and none of them is an FID or a KID.
 */
import { DataError } from "../core/errors.ts";
import { type ClassProbabilities, classCoverage, classifierScore, confidenceShare } from "./classes.ts";
import type { Features } from "./features.ts";
import { frechetDistance } from "./frechet.ts";
import { densityCoverage, type KernelDistanceOptions, kernelDistance, precisionRecall } from "./kernel.ts";

/** One figure of the generated images, and of real images in their place. */
export interface Figure {
  generated: number;
  /** The same figure for real against real at the same count. */
  real: number;
}

export interface FeatureReport {
  /** Which network's features, as printed. */
  features: string;
  dimension: number;
  /** Images in the reference set A. */
  reference: number;
  /** Images in the generated set, and in the real set B beside it. */
  count: number;
  /** Squared distance; lower is better. */
  frechetDistance: Figure;
  /** Mean over subsets; lower is better, about 0 for equal distributions. */
  kernelDistance: Figure;
  /** Standard deviation over the subsets. */
  kernelDistanceStd: Figure;
  /** k = 3; higher is better. */
  precision: Figure;
  recall: Figure;
  /** k = 5; higher is better. */
  density: Figure;
  coverage: Figure;
}

export interface CompareOptions extends KernelDistanceOptions {
  /** How the features are called in print. Default "digits classifier features". */
  features?: string;
}

/**
 * Compares generated images, and as many real ones, with a reference set.
 *
 * `realA`: features of the reference images. `realB`: features of other real images, as many as there are generated
 * ones; the two sets must not share images. `generated`: at least 6 images. A DataError where the counts differ.
 */
export function compareFeatures(
  realA: Features,
  realB: Features,
  generated: Features,
  options: CompareOptions = {},
): FeatureReport {
  checkCounts(realB.count, generated.count);
  const { features = "digits classifier features", ...kernelOptions } = options;
  const figuresOf = (images: Features) => ({
    frechet: frechetDistance(realA, images),
    kernel: kernelDistance(realA, images, kernelOptions),
    ...precisionRecall(realA, images, 3),
    ...densityCoverage(realA, images, 5),
  });
  const ours = figuresOf(generated);
  const floor = figuresOf(realB);
  const figure = (of: (figures: ReturnType<typeof figuresOf>) => number): Figure => ({
    generated: of(ours),
    real: of(floor),
  });
  return {
    features,
    dimension: generated.dimension,
    reference: realA.count,
    count: generated.count,
    frechetDistance: figure(({ frechet }) => frechet),
    kernelDistance: figure(({ kernel }) => kernel.mean),
    kernelDistanceStd: figure(({ kernel }) => kernel.std),
    precision: figure(({ precision }) => precision),
    recall: figure(({ recall }) => recall),
    density: figure(({ density }) => density),
    coverage: figure(({ coverage }) => coverage),
  };
}

export interface ClassReport {
  count: number;
  classes: number;
  /** The probability that counts as sure. */
  threshold: number;
  /** Share of images over the threshold. */
  confidenceShare: Figure;
  /** Number of classes that occur. */
  classesOccurring: Figure;
  /** Entropy of the class histogram, nats. */
  classEntropy: Figure;
  /** exp E KL(p(k|x) ‖ p(k)) with our own classifier: not the Inception score. */
  classifierScore: Figure;
  /** Images of each class. */
  histogram: { generated: number[]; real: number[] };
}

/** What the classifier says of generated images, and of as many real ones. A DataError where the counts differ. */
export function compareClasses(
  real: ClassProbabilities,
  generated: ClassProbabilities,
  { threshold = 0.9 }: { threshold?: number } = {},
): ClassReport {
  checkCounts(real.count, generated.count);
  if (real.classes !== generated.classes) {
    throw new DataError(
      `the real images have ${real.classes} classes and the generated ones ${generated.classes}; use one classifier for both`,
    );
  }
  const figure = (of: (probabilities: ClassProbabilities) => number): Figure => ({
    generated: of(generated),
    real: of(real),
  });
  return {
    count: generated.count,
    classes: generated.classes,
    threshold,
    confidenceShare: figure((p) => confidenceShare(p, threshold)),
    classesOccurring: figure((p) => classCoverage(p).occurring),
    classEntropy: figure((p) => classCoverage(p).entropy),
    classifierScore: figure((p) => classifierScore(p).mean),
    histogram: { generated: classCoverage(generated).histogram, real: classCoverage(real).histogram },
  };
}

function checkCounts(real: number, generated: number): void {
  if (real === generated) return;
  throw new DataError(
    `${generated} generated images cannot stand beside ${real} real ones: the figures depend on the count; give as many real images as generated ones`,
  );
}

/** The report as aligned lines of text, without colour or trailing spaces. */
export function formatReport(report: FeatureReport, classes?: ClassReport): string[] {
  const decimals = (digits: number) => (value: number) => value.toFixed(digits);
  const spread = (mean: number, std: number) => `${significant(mean)} ± ${significant(std)}`;
  const row = (name: string, figure: Figure, format: (value: number) => string, better: string) => [
    name,
    format(figure.generated),
    format(figure.real),
    better,
  ];
  const { kernelDistance: kernel, kernelDistanceStd: std } = report;
  const rows = [
    [`${report.count} images against ${report.reference} real ones`, "generated", "real", "better"],
    row(`fréchet distance (${report.features})`, report.frechetDistance, significant, "lower"),
    [
      `kernel distance (${report.features})`,
      spread(kernel.generated, std.generated),
      spread(kernel.real, std.real),
      "lower",
    ],
    row("precision", report.precision, decimals(3), "higher"),
    row("recall", report.recall, decimals(3), "higher"),
    row("density", report.density, decimals(3), "higher"),
    row("coverage", report.coverage, decimals(3), "higher"),
  ];
  if (classes !== undefined) {
    rows.push(
      row(`classifier over ${classes.threshold} sure`, classes.confidenceShare, decimals(3), "higher"),
      row(`classes that occur, of ${classes.classes}`, classes.classesOccurring, decimals(0), "higher"),
      row("entropy of the classes (nats)", classes.classEntropy, decimals(3), "higher"),
      row("classifier score", classes.classifierScore, significant, "higher"),
    );
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map(([name, ours, real, better]) =>
    [name.padEnd(widths[0]), ours.padStart(widths[1]), real.padStart(widths[2]), better].join("  ").trimEnd(),
  );
}

/** Four significant digits, in plain notation where that is short. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}
