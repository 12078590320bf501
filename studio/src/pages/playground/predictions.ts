/**
 * What a network can be asked for, and how its errors can be weighed: each with a plain line and its equation. `consistency` is
 * left out: it is the wrapping of networks that are distilled from others.
 */
import {
  objectiveFrom,
  type PathConfig,
  type PredictionConfig,
  type PredictionName,
  type WeightConfig,
  type WeightName,
} from "langevin/browser";
import {
  alpha,
  bracket,
  eps,
  frac,
  gap,
  hat,
  i,
  is,
  n,
  o,
  row,
  sigma,
  squared,
  sub,
  sup,
  t,
  up,
  x0,
  xt,
} from "./mathml.ts";
import type { Formula } from "./paths.ts";

/** The predictions of the page. */
export type Asked = Exclude<PredictionName, "consistency">;

interface Line {
  readonly title: string;
  readonly line: string;
  readonly formula: Formula;
}

const net = row(up("net"), bracket(xt, o(","), t));
const asks = (target: string, words: string): Formula => ({
  math: row(net, o("≈"), target),
  words: `the network's answer for x t and t is about ${words}`,
});
const wrapped = (math: string, words: string): Formula => ({
  math: is(hat(x0), math),
  words: `the expected x nought is ${words}`,
});
const F = row(i("F"), bracket(sub(i("c"), up("in")), i("y")));
const r = frac(sigma, alpha);
const s = i("s");
const y = i("y");
const withRatio = row(gap, is(y, frac(xt, alpha)), o(","), is(s, r));

const predictionLines: Record<Asked, Line> = {
  noise: {
    title: "The noise",
    line: "Which noise was added? What is left is the point.",
    formula: asks(eps, "epsilon, the noise"),
  },
  sample: {
    title: "The clean point",
    line: "Which point was it? Best where there is little noise.",
    formula: asks(x0, "x nought, the clean point"),
  },
  v: {
    title: "v, a mix of both",
    line: "A mix of noise and point, neither too easy nor too hard at any noise.",
    formula: asks(row(alpha, eps, o("−"), sigma, x0), "alpha epsilon minus sigma x nought"),
  },
  score: {
    title: "The score",
    line: "Which way do points get denser? The answers grow as the noise goes.",
    formula: asks(
      row(o("−"), frac(eps, sigma), o("="), o("∇"), up("log"), sub(i("p"), t), bracket(xt)),
      "minus epsilon over sigma, the gradient of log p t at x t",
    ),
  },
  flow: {
    title: "The flow",
    line: "From the point straight to its noise: direction and length of the way.",
    formula: asks(row(eps, o("−"), x0), "epsilon minus x nought"),
  },
  velocity: {
    title: "The velocity",
    line: "How fast the point moves along its path, towards the data.",
    formula: asks(
      row(o("−"), bracket(sup(alpha, o("′")), x0, o("+"), sup(sigma, o("′")), eps)),
      "minus alpha prime x nought plus sigma prime epsilon",
    ),
  },
  edm: {
    title: "EDM's wrapping",
    line: "Input and answer have size 1 at every noise; what is known passes by.",
    formula: wrapped(
      row(sub(i("c"), up("skip")), y, o("+"), sub(i("c"), up("out")), F, withRatio),
      "c skip times y plus c out times F of c in y, where y is x t over alpha",
    ),
  },
  preconditionedVp: {
    title: "Wrapping of VP",
    line: "The noise, with the input scaled to size 1.",
    formula: wrapped(
      row(y, o("−"), s, F, withRatio),
      "y minus s F of c in y, with y = x t over alpha and s = sigma over alpha",
    ),
  },
  preconditionedVe: {
    title: "Wrapping of VE",
    line: "The noise with the other sign; it is told the logarithm of its level.",
    formula: wrapped(
      row(y, o("+"), s, i("F"), bracket(y), withRatio),
      "y plus s F of y, with y = x t over alpha and s = sigma over alpha",
    ),
  },
  preconditionedIddpm: {
    title: "Wrapping of Improved DDPM",
    line: "As that of VP, with the noise level as a step of a table.",
    formula: wrapped(
      row(y, o("−"), s, F, withRatio),
      "y minus s F of c in y, with y = x t over alpha and s = sigma over alpha",
    ),
  },
};

const toNoise = squared(row(o("‖"), eps, o("−"), hat(eps), o("‖")));
const toSample = squared(row(o("‖"), x0, o("−"), hat(x0), o("‖")));
const loss = (math: string, words: string): Formula => ({
  math: is(up("loss"), up("E"), math),
  words: `the loss is the mean of ${words}`,
});
const snr = up("SNR");

const weightLines: Record<WeightName, Line> = {
  simple: {
    title: "Plain",
    line: "Every error counts the same.",
    formula: loss(
      squared(row(o("‖"), up("target"), o("−"), net, o("‖"))),
      "the squared difference of what is asked for and the network's answer",
    ),
  },
  sigmaSquared: {
    title: "As error of the noise",
    line: "However the network is asked, the error of the noise counts.",
    formula: loss(toNoise, "the squared error of the noise"),
  },
  likelihood: {
    title: "Likelihood",
    line: "The bound on how likely the points are: little noise counts very much.",
    formula: loss(
      row(squared(i("g")), squared(row(o("‖"), up("score error"), o("‖")))),
      "g squared times the squared error of the score",
    ),
  },
  velocity: {
    title: "As error of the velocity",
    line: "However the network is asked, the error of the motion counts.",
    formula: loss(
      squared(row(o("‖"), up("error of "), frac(row(i("d"), i("x")), row(i("d"), t)), o("‖"))),
      "the squared error of d x by d t",
    ),
  },
  snrPlusOne: {
    title: "SNR + 1",
    line: "As plain error of v, written for the clean point.",
    formula: loss(
      row(bracket(snr, o("+"), n(1)), toSample),
      "signal to noise plus one, times the squared error of x nought",
    ),
  },
  truncatedSnr: {
    title: "SNR, at least 1",
    line: "The clean point counts, and more so with little noise.",
    formula: loss(
      row(up("max"), bracket(snr, o(","), n(1)), toSample),
      "the larger of signal to noise and one, times the squared error of x nought",
    ),
  },
  minSnr: {
    title: "SNR, at most 5",
    line: "As the error of the noise, but less of it where there is little noise.",
    formula: loss(
      row(up("min"), bracket(snr, o(","), n(5)), toSample),
      "the smaller of signal to noise and five, times the squared error of x nought",
    ),
  },
  edm: {
    title: "EDM",
    line: "Every noise level counts as much as any other, in the end.",
    formula: loss(
      row(
        frac(row(squared(s), o("+"), squared(sub(sigma, up("d")))), squared(bracket(s, sub(sigma, up("d"))))),
        toSample,
      ),
      "s squared plus sigma data squared over s sigma data squared, times the squared error of x nought",
    ),
  },
  sigmaSqrt: {
    title: "Stable Diffusion 3, sigma",
    line: "The error of the flow, and more of it where there is little noise.",
    formula: loss(
      row(frac(n(1), squared(sigma)), squared(row(o("‖"), up("flow error"), o("‖")))),
      "one over sigma squared times the squared error of the flow",
    ),
  },
  cosmap: {
    title: "Stable Diffusion 3, cosine",
    line: "The error of the flow, as a cosine schedule would visit the times.",
    formula: loss(
      row(
        frac(n(2), row(i("π"), bracket(n(1), o("−"), n(2), sigma, o("+"), n(2), squared(sigma)))),
        squared(row(o("‖"), up("flow error"), o("‖"))),
      ),
      "two over pi times one minus two sigma plus two sigma squared, times the squared error of the flow",
    ),
  },
};

export const askedNames = Object.keys(predictionLines) as Asked[];
export const weightNames = Object.keys(weightLines) as WeightName[];
export const predictionLine = (name: Asked): Line => predictionLines[name];
export const weightLine = (name: WeightName): Line => weightLines[name];

export const isAsked = (name: unknown): name is Asked => (askedNames as unknown[]).includes(name);
export const isWeight = (name: unknown): name is WeightName => (weightNames as unknown[]).includes(name);

/** The weight that goes with a prediction: plain, but for the score, whose answers grow as the noise goes. */
export function usualWeight(name: Asked): WeightName {
  return name === "score" ? "sigmaSquared" : "simple";
}

/** Why a network cannot be trained so; undefined where it can. */
export function faultOf(path: PathConfig, prediction: PredictionConfig, weight: WeightConfig): string | undefined {
  try {
    objectiveFrom({ path, prediction, weight });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
