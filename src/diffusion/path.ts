/**
 * The registry of paths: a path from its JSON configuration, and the contract that every path keeps.
 */
import { betas, cosine, linear, scaledLinear, vp } from "./discrete-vp.ts";
import { makeFrom } from "./options.ts";
import type { Path, PathName, PathOptions } from "./path-contract.ts";
import { straightLine } from "./straight-line.ts";

export type { Level, Path, PathConfig, PathName, PathOptions } from "./path-contract.ts";

/** Every path by its name. */
export const paths: { readonly [K in PathName]: (options: PathOptions[K]) => Path } = {
  linear: (options) => vp(linear(options)),
  scaledLinear: (options) => vp(scaledLinear(options)),
  cosine: (options) => vp(cosine(options)),
  betas: (options) => vp(betas(options)),
  straightLine,
};

/**
 * The path of a configuration such as `{ name: "cosine", timesteps: 1000 }`, the inverse of `path.toJSON()`. An unknown
 * name or field, or a value out of range, is a ConfigError.
 */
export function pathFrom(config: unknown): Path {
  return makeFrom<Path>("path", paths, config);
}
