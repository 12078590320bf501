/** One path, or some, of every name in the registry, for what holds on all of them. The type asks for a new path's line. */
import { type PathName, type PathOptions, paths } from "../path.ts";
import type { Path } from "../path-contract.ts";

const options: { readonly [K in PathName]: readonly PathOptions[K][] } = {
  linear: [{}, { timesteps: 1, start: 0.5 }, { timesteps: 40, start: 1e-3, end: 0.5, zeroTerminalSnr: true }],
  scaledLinear: [{}, { zeroTerminalSnr: true }],
  quadratic: [{}],
  constant: [{ timesteps: 50, beta: 0.1 }],
  sigmoid: [{}],
  cosine: [{}, { timesteps: 20, s: 0.01, maxBeta: 0.9 }],
  sigmoidAlphaBar: [{}, { start: 0, end: 3, tau: 0.7 }],
  betas: [
    { values: [0.1, 0.2, 1] },
    { values: [0.3, 0.1, 0.2], allowFalling: true },
    { values: [1] },
    { values: [0.1, 0.2, 0.3], zeroTerminalSnr: true },
  ],
  continuousVp: [{}, { betaMin: 0, betaMax: 5, networkTime: "1-t" }, { betaMin: 3, betaMax: 3 }],
  subVp: [{}],
  continuousCosine: [{}],
  gvp: [{ networkTime: "1-t" }],
  straightLine: [{}, { networkTime: "t" }],
  ve: [{}, { sigmaMin: 0.01, sigmaMax: 1, timesteps: 10 }, { networkTime: "t" }],
  edm: [{}, { sigmaMin: 0.02, sigmaMax: 100 }],
  learned: [
    {},
    { slope: -10, networkRange: [-13.3, -3.3] },
    { offset: -8, slope: 0.5, inner: [3, -8, 0.5], innerBias: [0.2, -1, 1], outer: [20, 9, -3] },
  ],
};

/** All of them, each with a title. */
export const everyPath: readonly { title: string; path: Path }[] = (Object.keys(options) as PathName[]).flatMap(
  (name) => options[name].map((one) => ({ title: `${name} ${JSON.stringify(one)}`, path: paths[name](one as never) })),
);

/** A time of the path, `part` of the way from its data end; not whole on a discrete path unless at an end. */
export function timeAt({ span: [first, last] }: Path, part: number): number {
  return first + part * (last - first);
}
