/**
 * What the network of a recipe is asked for, and how its path goes, in words.
 */
import type { ObjectiveConfig } from "langevin/browser";

export interface Asked {
  /** What stands in the loss. */
  target: "noise" | "sample" | "v" | "flow";
  words: string;
  note?: string;
}

type Prediction = ObjectiveConfig["prediction"];
type PathName = ObjectiveConfig["path"]["name"];

const asked: Readonly<Record<string, Asked>> = {
  noise: { target: "noise", words: "the noise in the picture" },
  sample: { target: "sample", words: "the clean picture" },
  v: { target: "v", words: "a mixture of noise and picture, which stays well scaled at every noise level" },
  flow: { target: "flow", words: "the direction from the picture to the noise" },
  score: { target: "noise", words: "the noise, scaled to the slope of the log density" },
  preconditionedVe: { target: "noise", words: "the noise, at noise levels far above the picture's own range" },
  edm: {
    target: "sample",
    words: "the clean picture",
    note: "Its input and output are scaled so that both have unit spread, and each noise level gets its own weight.",
  },
  consistency: {
    target: "sample",
    words: "the picture at the end of the way from x_t",
    note: "Here the truth is the network's own answer at a little less noise.",
  },
};

/** What the loss compares the network with. A prediction that is not known here is shown as one of the clean picture. */
export function askedFor(prediction: Prediction): Asked {
  const name = typeof prediction === "string" ? prediction : prediction.name;
  return asked[name] ?? { target: "sample", words: `what the prediction “${name}” says` };
}

const paths: Partial<Record<PathName, string>> = {
  straightLine: "α falls from 1 to 0 and σ rises from 0 to 1, both in a straight line.",
  linear: "In 1000 small steps the picture fades and the noise grows, so that x_t keeps its spread.",
  cosine: "As with the linear path, but along a cosine, which spends more steps on half-noisy pictures.",
  continuousCosine: "α and σ go along a cosine and a sine, so that x_t keeps its spread.",
  continuousVp: "The picture fades as the noise grows, so that x_t keeps its spread, in continuous time.",
  subVp: "As the variance-preserving path, with less noise on the way.",
  ve: "The picture stays, α = 1, and the noise grows until it drowns it.",
  edm: "The picture stays, α = 1, and t is the noise level itself.",
  learned: "How fast the noise grows is learned along with the network.",
};

export function pathWords({ name }: ObjectiveConfig["path"]): string {
  return paths[name] ?? "";
}
