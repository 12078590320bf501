/**
 * The paths of the playground: all of the library but a table of one's own betas, each in a plain line and with its equation,
 * what a network on it usually predicts, and its options. Noise far beyond the size of the points would only make the page
 * zoom: VE and EDM end at 5 and 10 here, where their papers, with data of the size of images, have 50 and 80.
 */
import { type Path, type PathConfig, type PredictionName, pathFrom } from "langevin/browser";
import { isSchedule, type ScheduleName, schedules } from "../noise/schedules.ts";
import { alpha, bar, bracket, frac, gap, i, is, n, o, row, sigma, sqrt, squared, sub, sup, t, up } from "./mathml.ts";

export type { ScheduleName };

/** An equation with its words, for those who listen. */
export interface Formula {
  readonly math: string;
  readonly words: string;
}

interface Line {
  readonly line: string;
  readonly formula: Formula;
  readonly usual: PredictionName;
  readonly options?: object;
}

const beta = i("β");
const bars = (...right: string[]) => row(is(sub(bar(alpha), t), ...right));
const product = bars(o("∏"), bracket(n(1), o("−"), sub(beta, i("s"))));
const vp = row(is(alpha, sqrt(sub(bar(alpha), t))), gap, is(sigma, sqrt(n(1), o("−"), sub(bar(alpha), t))));
const vpWords = "alpha is the square root of alpha bar t, sigma the square root of one minus alpha bar t";
const ofBetas = (more: string, words: string): Formula => ({
  math: row(vp, gap, product, gap, more),
  words: `${vpWords}; alpha bar t is the product of one minus beta s up to t; ${words}`,
});
const quarter = frac(i("π"), n(2));

const lines: Record<ScheduleName, Line> = {
  linear: {
    line: "A thousand small steps, each with a little more noise. DDPM's own.",
    formula: ofBetas(
      row(sub(beta, i("s")), o(":"), n(0.0001), o("→"), n(0.02)),
      "beta rises in a line from 0.0001 to 0.02",
    ),
    usual: "noise",
  },
  scaledLinear: {
    line: "The root of the noise per step rises in a line, as in Stable Diffusion.",
    formula: ofBetas(row(sqrt(sub(beta, i("s"))), o("∼"), i("s")), "the square root of beta rises in a line"),
    usual: "noise",
  },
  quadratic: {
    line: "Noise per step rises with the square of the step.",
    formula: ofBetas(row(sub(beta, i("s")), o("∼"), squared(i("s"))), "beta rises with the square of s"),
    usual: "noise",
  },
  constant: {
    line: "The same noise in each step.",
    formula: ofBetas(is(sub(beta, i("s")), beta), "beta is constant"),
    usual: "noise",
  },
  sigmoid: {
    line: "Little noise per step at first, then a soft rise to much.",
    formula: ofBetas(row(sub(beta, i("s")), o("∼"), up("sigmoid"), bracket(i("s"))), "beta rises as a sigmoid of s"),
    usual: "noise",
  },
  cosine: {
    line: "The share of data falls as a cosine: more time at middling noise.",
    formula: {
      math: row(vp, gap, row(sub(bar(alpha), t), o("∼"), squared(up("cos")), bracket(quarter, i("u")))),
      words: `${vpWords}; alpha bar is the squared cosine of pi half times the time`,
    },
    usual: "noise",
  },
  sigmoidAlphaBar: {
    line: "The share of data falls as a sigmoid.",
    formula: {
      math: row(vp, gap, row(sub(bar(alpha), t), o("∼"), up("sigmoid"), bracket(o("−"), t))),
      words: `${vpWords}; alpha bar falls as a sigmoid of the time`,
    },
    usual: "noise",
  },
  continuousVp: {
    line: "DDPM with infinitely many steps: a differential equation with noise.",
    formula: {
      math: row(
        is(
          alpha,
          sup(
            i("e"),
            row(
              o("−"),
              frac(n(1), n(4)),
              squared(t),
              bracket(sub(beta, n(1)), o("−"), sub(beta, n(0))),
              o("−"),
              frac(n(1), n(2)),
              t,
              sub(beta, n(0)),
            ),
          ),
        ),
        gap,
        is(sigma, sqrt(n(1), o("−"), squared(alpha))),
      ),
      words:
        "alpha is e to the minus a quarter t squared times beta one minus beta nought, minus half t times beta nought; " +
        "sigma is the square root of one minus alpha squared",
    },
    usual: "noise",
  },
  subVp: {
    line: "As much of the data as in the SDE before it, with less noise on the way.",
    formula: {
      math: row(is(sigma, n(1), o("−"), squared(alpha)), gap, row(alpha, space(" as in VP"))),
      words: "sigma is one minus alpha squared, alpha is that of the variance preserving path",
    },
    usual: "noise",
  },
  continuousCosine: {
    line: "The cosine schedule with continuous time.",
    formula: {
      math: row(is(alpha, up("cos"), bracket(quarter, t)), gap, is(sigma, up("sin"), bracket(quarter, t))),
      words: "alpha is the cosine, sigma the sine of pi half times t",
    },
    usual: "v",
  },
  gvp: {
    line: "A quarter of a circle from data to noise.",
    formula: {
      math: row(is(alpha, up("cos"), bracket(quarter, t)), gap, is(sigma, up("sin"), bracket(quarter, t))),
      words: "alpha is the cosine, sigma the sine of pi half times t",
    },
    usual: "velocity",
  },
  straightLine: {
    line: "The simplest: each point goes straight to its noise, at constant speed.",
    formula: {
      math: row(is(alpha, n(1), o("−"), t), gap, is(sigma, t)),
      words: "alpha is one minus t, sigma is t",
    },
    usual: "flow",
  },
  ve: {
    line: "The data stay where they are, and the noise on top explodes.",
    formula: {
      math: row(
        is(alpha, n(1)),
        gap,
        is(sigma, sub(sigma, up("min")), sup(bracket(frac(sub(sigma, up("max")), sub(sigma, up("min")))), t)),
      ),
      words: "alpha is one; sigma is sigma min times the ratio of sigma max to sigma min to the power of t",
    },
    usual: "noise",
    options: { sigmaMax: 5 },
  },
  edm: {
    line: "As VE, and the time itself is the noise level.",
    formula: { math: row(is(alpha, n(1)), gap, is(sigma, t)), words: "alpha is one, sigma is t" },
    usual: "edm",
    options: { sigmaMax: 10 },
  },
  learned: {
    line: "The logarithm of signal to noise falls in a straight line.",
    formula: {
      math: row(
        is(squared(sigma), up("sigmoid"), bracket(i("γ"), bracket(t))),
        gap,
        is(i("γ"), sub(i("γ"), n(0)), o("+"), i("k"), t),
        gap,
        is(squared(alpha), n(1), o("−"), squared(sigma)),
      ),
      words: "sigma squared is the sigmoid of gamma of t, a line in t; alpha squared is one minus sigma squared",
    },
    usual: "noise",
  },
};

function space(words: string): string {
  return `<mtext>${words}</mtext>`;
}

/** Paths to try first, first. */
const first: readonly ScheduleName[] = ["straightLine", "linear", "cosine", "ve", "edm", "gvp"];

export const pathOptions = [...schedules].sort((a, b) => placeOf(a.value) - placeOf(b.value));

function placeOf(name: ScheduleName): number {
  const place = first.indexOf(name);
  return place < 0 ? first.length : place;
}

export const pathLine = (name: ScheduleName): string => lines[name].line;
export const pathFormula = (name: ScheduleName): Formula => lines[name].formula;
export const usualPrediction = (name: ScheduleName): PredictionName => lines[name].usual;
export const isPath = isSchedule;

export function titleOfPath(name: ScheduleName): string {
  return schedules.find(({ value }) => value === name)!.label;
}

export function playgroundPath(name: ScheduleName): Path {
  return pathFrom({ name, ...lines[name].options });
}

export function playgroundConfig(name: ScheduleName): PathConfig {
  return playgroundPath(name).toJSON();
}
