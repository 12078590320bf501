/**
 * The registry of paths: a path from its JSON configuration, and the contract that every path keeps.
 */
import { betas, constant, cosine, linear, quadratic, scaledLinear, sigmoid, sigmoidAlphaBar } from "./betas.ts";
import { continuousVp, subVp } from "./continuous-vp.ts";
import { vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import { continuousCosine, gvp } from "./gvp.ts";
import { learned } from "./learned.ts";
import { makeFrom } from "./options.ts";
import type { Path, PathName, PathOptions } from "./path-contract.ts";
import { straightLine } from "./straight-line.ts";
import { ve } from "./ve.ts";

export type { Clock, Level, Path, PathConfig, PathName, PathOptions } from "./path-contract.ts";

/** Every path by its name. */
export const paths: { readonly [K in PathName]: (options: PathOptions[K]) => Path } = {
  linear: (options) => vp(linear(options)),
  scaledLinear: (options) => vp(scaledLinear(options)),
  quadratic: (options) => vp(quadratic(options)),
  constant: (options) => vp(constant(options)),
  sigmoid: (options) => vp(sigmoid(options)),
  cosine: (options) => vp(cosine(options)),
  sigmoidAlphaBar: (options) => vp(sigmoidAlphaBar(options)),
  betas: (options) => vp(betas(options)),
  continuousVp,
  subVp,
  continuousCosine,
  gvp,
  straightLine,
  ve,
  edm,
  learned,
};

/**
 * The path of a configuration such as `{ name: "cosine", timesteps: 1000 }`, the inverse of `path.toJSON()`. An unknown
 * name or field, or a value out of range, is a ConfigError.
 */
export function pathFrom(config: unknown): Path {
  return makeFrom<Path>("path", paths, config);
}
