/** The runs that ranks train, and one process beside them. */
import { gaussianData, smallMlp } from "../../src/train/testing/gaussian-data.ts";
import { tinyRun } from "../../src/train/testing/tiny.ts";
import type { TrainOptions } from "../../src/train/train.ts";

/** `points`: an MLP on points of a Gaussian; `images`: a U-Net with all that a run can have. */
export function runOf(name: string, options: Partial<TrainOptions>): TrainOptions {
  if (name === "images") return tinyRun(options);
  const points = { network: smallMlp(), data: gaussianData({ mean: 1, std: 0.5 }), labelDrop: 0 };
  return tinyRun({ ...points, learningRate: { peak: 1e-3 }, ...options });
}
