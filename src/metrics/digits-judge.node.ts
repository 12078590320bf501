/**
 * The judgement of generated digits: the features and probabilities of the classifier that ships with the package, set
 * beside those of real test digits.
 *
 * The test digits are shuffled by the seed and cut into two halves that share no image. The first gives the reference
 * set A, the second the real images B, as many as there are generated ones. Every figure stands beside the one that B gets
 * in place of the generated images: the Fréchet distance of B to A is the floor, what other real digits get at this
 * count. With few images that floor moves by a fifth from one B to the next, so the ratio is taken to its mean over up
 * to ten sets B. The classifier has seen none of these digits.
 *
 * A perfect model draws digits like those of the training split, which differ a little from the test digits (other
 * writers, and the classifier was trained on them). Measured with random training digits, the ratio was 0.8 to 1.5 at 100
 * images (ten draws), 1.0 to 1.5 at 1,000 (four) and 1.4 at 5,000 (one); 0.97 of them are over 0.9 sure.
 *
 * Images are judged as a picture file would hold them: clipped to [-1, 1] and rounded to 256 levels, as the real ones are.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseConfig } from "../core/config.ts";
import { ConfigError, DataError, NotFiniteError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Dataset } from "../data/dataset.ts";
import { digits } from "../data/digits.node.ts";
import { readBytes, readJson } from "../io/files.node.ts";
import { decodeSafetensors } from "../io/safetensors.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import type { ClassProbabilities } from "./classes.ts";
import {
  type ClassifierConfig,
  classificationGraph,
  classifierConfigSchema,
  DIGIT_SIZE,
  DigitsClassifier,
} from "./classifier.ts";
import type { Features } from "./features.ts";
import { frechetDistanceOfStatistics, gaussianStatistics } from "./frechet.ts";
import { type ClassReport, compareClasses, compareFeatures, type FeatureReport, formatReport } from "./report.ts";

const AREA = DIGIT_SIZE * DIGIT_SIZE;
/** Images of one run of the session. */
const BATCH = 100;
/** Reference images when fewer are generated. */
const LEAST_REFERENCE = 1000;
/** Sets of real images whose mean distance is the floor, where the second half holds so many. */
const FLOOR_SETS = 10;
/** Above this count the kernel distance averages over fewer subsets: each then takes its own kernel matrices. */
const MANY = 2000;
/** Below this count the figures move noticeably from one set of samples to the next. */
const FEW = 1000;
const SURE = 0.9;

/** The folder of the classifier that ships with the package. */
export const shippedClassifier = fileURLToPath(new URL("../../assets/digits-classifier", import.meta.url));

export interface Judged {
  /** The penultimate layer, [N, 64]. */
  features: Features;
  /** [N, 10] */
  probabilities: ClassProbabilities;
}

/** A classifier with its weights, compiled. */
export interface Judge extends AsyncDisposable {
  readonly config: ClassifierConfig;
  /**
   * Features and class probabilities of images [N, 1, 28, 28], flat, N from 1; an image's numbers do not depend on the
   * others. The values are taken as they are, in [-1, 1] for real digits. Raises a DataError for anything but whole
   * images, a NotFiniteError that names the first image with a pixel that is not finite.
   */
  features(images: Float32Array): Promise<Judged>;
}

/** The classifier of a folder (config.json, model.safetensors), by default the one that ships, on a runtime. */
export async function loadJudge(runtime: Runtime = nodeRuntime(), folder: string = shippedClassifier): Promise<Judge> {
  const configPath = join(folder, "config.json");
  const weightsPath = join(folder, "model.safetensors");
  const config = parseConfig(classifierConfigSchema, await readJson(configPath), configPath);
  const { tensors } = decodeSafetensors(await readBytes(weightsPath), weightsPath);
  const classifier = new DigitsClassifier(config);
  return await judgeOf(
    classifier,
    config,
    Weights.fromTensors(classifier, floats(tensors, weightsPath), weightsPath),
    runtime,
  );
}

/** A judge of a classifier in memory. */
export async function judgeOf(
  classifier: DigitsClassifier,
  config: ClassifierConfig,
  weights: Weights,
  runtime: Runtime,
): Promise<Judge> {
  const session = await runtime.compile(classificationGraph(classifier, weights, BATCH));
  return {
    config,
    features: (images) => classify(session, config, images),
    [Symbol.asyncDispose]: () => session.release(),
  };
}

async function classify(session: Session, config: ClassifierConfig, images: Float32Array): Promise<Judged> {
  const count = checkImages(images);
  const { features: dimension, classes } = config;
  const features = new Float32Array(count * dimension); // [N, features]
  const probabilities = new Float32Array(count * classes); // [N, classes]
  for (let first = 0; first < count; first += BATCH) {
    const here = Math.min(BATCH, count - first);
    const feed = new Float32Array(BATCH * AREA); // the last batch ends in grey images, whose rows are left out
    feed.set(images.subarray(first * AREA, (first + here) * AREA));
    const results = await session.run({ images: feed });
    features.set((results.features as Float32Array).subarray(0, here * dimension), first * dimension);
    probabilities.set((results.probabilities as Float32Array).subarray(0, here * classes), first * classes);
  }
  return { features: { data: features, count, dimension }, probabilities: { data: probabilities, count, classes } };
}

/** The share of a labelled data set that the judge classifies rightly. Raises a DataError for data without labels. */
export async function accuracy(judge: Judge, data: Dataset): Promise<number> {
  const { images, labels } = await data.read(Uint32Array.from({ length: data.size }, (_, i) => i));
  if (labels === undefined) throw new DataError(`${data.name} has no labels to be classified by`);
  const { probabilities } = await judge.features(images);
  const { classes } = probabilities;
  let right = 0;
  for (let i = 0; i < data.size; i++) {
    const row = probabilities.data.subarray(i * classes, (i + 1) * classes);
    if (row.every((p, k) => k === labels[i] || p < row[labels[i]])) right++;
  }
  return right / data.size;
}

/** The number of images. */
function checkImages(images: Float32Array): number {
  const count = images.length / AREA;
  if (!Number.isInteger(count) || count === 0) {
    throw new DataError(
      `${images.length} values are not whole images of [1, 28, 28]; digits are judged at this size, one channel`,
    );
  }
  const bad = images.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new NotFiniteError(
      `image ${Math.floor(bad / AREA)} has a pixel of ${images[bad]}; the network that drew it has diverged`,
    );
  }
  return count;
}

export interface JudgeDigitsOptions {
  /** [N, 1, 28, 28], flat, in [-1, 1]; N from 6 to 5,000. Pixels outside are clipped and counted in `clipped`. */
  images: Float32Array;
  /** The shipped classifier on the CPU by default. */
  judge?: Judge;
  /** Chooses which test digits they are compared with. Default 0. */
  seed?: number;
}

/** Plain data, ready for JSON. */
export interface DigitsJudgement {
  /** Images judged. */
  count: number;
  /** Whether the count is so small that the figures are rough. */
  few: boolean;
  /** The share of images of which the classifier is over 0.9 sure. */
  shareOver90: number;
  /** The digits that occur, in order: ten of them when the set is complete. */
  digits: number[];
  /** The digits that do not occur. */
  missing: number[];
  /** Squared Fréchet distance between classifier features (not FID). */
  frechet: {
    generated: number;
    /** Of as many real test digits: the mean over `floorSets` disjoint sets of them, up to ten. */
    floor: number;
    /** Standard deviation over those sets; 0 for one. */
    floorStd: number;
    floorSets: number;
    /** generated / floor. What a perfect model of the training digits gets is said at the head of this file. */
    ratio: number;
  };
  /** The share of pixels that lay outside of [-1, 1] by more than half a level. */
  clipped: number;
  features: FeatureReport;
  classes: ClassReport;
  /** The whole judgement as text. */
  lines: string[];
}

/**
 * Judges generated digits beside real test digits.
 *
 * Raises a DataError for anything but 6 to 5,000 whole images, a NotFiniteError for a pixel that is not finite.
 */
export async function judgeDigits({ images, judge, seed = 0 }: JudgeDigitsOptions): Promise<DigitsJudgement> {
  const count = checkImages(images);
  const test = await digits({ split: "test" });
  const half = Math.floor(test.size / 2);
  if (count < 6 || count > half) {
    throw new DataError(`${count} images cannot be judged beside ${test.size} test digits; give 6 to ${half}`);
  }
  const { pictures, clipped } = asPictures(images);
  const order = Random.from(seed, "judge").permutation(test.size);
  const read = async (from: number, size: number) => (await test.read(order.subarray(from, from + size))).images;

  const owned = judge === undefined ? await loadJudge() : undefined;
  const used = judge ?? owned!;
  try {
    const reference = await used.features(await read(0, Math.max(LEAST_REFERENCE, count)));
    const sets: Judged[] = [];
    for (let set = 0; set < Math.min(FLOOR_SETS, Math.floor(half / count)); set++) {
      sets.push(await used.features(await read(half + set * count, count)));
    }
    const generated = await used.features(pictures);
    const subsets = count > MANY ? 10 : 100;
    const features = compareFeatures(reference.features, sets[0].features, generated.features, { seed, subsets });
    const classes = compareClasses(sets[0].probabilities, generated.probabilities, { threshold: SURE });
    const statistics = gaussianStatistics(reference.features);
    const floors = sets.map((set) => frechetDistanceOfStatistics(statistics, gaussianStatistics(set.features)));
    return judgement(features, classes, floors, clipped);
  } finally {
    await owned?.[Symbol.asyncDispose]();
  }
}

function judgement(
  features: FeatureReport,
  classes: ClassReport,
  floors: readonly number[],
  clipped: number,
): DigitsJudgement {
  const { count } = features;
  const { generated } = features.frechetDistance;
  const floorSets = floors.length;
  const floor = floors.reduce((sum, value) => sum + value, 0) / floorSets;
  const floorStd = Math.sqrt(floors.reduce((sum, value) => sum + (value - floor) ** 2, 0) / floorSets);
  const ratio = generated / floor;
  const few = count < FEW;
  const every = classes.histogram.generated.map((_, digit) => digit);
  const occurring = every.filter((digit) => classes.histogram.generated[digit] > 0);
  const missing = every.filter((digit) => classes.histogram.generated[digit] === 0);
  const spread =
    floorSets === 1
      ? ""
      : ` (${floor.toPrecision(3)} ± ${floorStd.toPrecision(2)} over ${floorSets} sets of real digits)`;
  const lines = [
    ...formatReport(features, classes),
    "",
    missing.length === 0 ? "all ten digits occur" : `digits that do not occur: ${missing.join(", ")}`,
    `fréchet distance: ${ratio.toPrecision(3)} times that of real against real${spread}`,
  ];
  if (few)
    lines.push(`${count} images are few: all figures are rough, and distances larger than they would be at 5,000`);
  if (clipped > 0.01)
    lines.push(`${(100 * clipped).toFixed(1)} % of the pixels lay outside of [-1, 1] and were clipped`);
  return {
    count,
    few,
    shareOver90: classes.confidenceShare.generated,
    digits: occurring,
    missing,
    frechet: { generated, floor, floorStd, floorSets, ratio },
    clipped,
    features,
    classes,
    lines,
  };
}

/** Images clipped to [-1, 1] and rounded to 256 levels, and the share of the pixels that were outside. */
function asPictures(images: Float32Array): { pictures: Float32Array; clipped: number } {
  let outside = 0;
  const pictures = images.map((value) => {
    if (Math.abs(value) > 1 + 1 / 255) outside++;
    const level = Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);
    return level / 127.5 - 1;
  });
  return { pictures, clipped: outside / images.length };
}

/** The tensors of a file, of which all must be float. */
function floats(
  tensors: ReturnType<typeof decodeSafetensors>["tensors"],
  label: string,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  return new Map(
    [...tensors].map(([name, { dtype, shape, data }]) => {
      if (!(data instanceof Float32Array)) {
        throw new ConfigError(`${label}: tensor ${name} is ${dtype}; the classifier's weights are F32`);
      }
      return [name, { shape, data }];
    }),
  );
}
