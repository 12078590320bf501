/**
 * The rewritings between a traced graph and the model that runs: each makes it quicker and leaves its numbers (to rounding),
 * and each can be left out, to see what it does or whether it is to blame. A test trains with each one left out.
 */
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";

/** What each pass does. */
export const passes = {
  "drop-detached": "values that only matter to gradients are no copies",
  "share-common": "equal nodes are computed once",
  "fold-biases": "a bias is added while its convolution is written",
  "merge-reshapes": "a reshape of a reshape is one",
  "name-outputs": "what computes an output has its name, so that nothing is copied for it",
  "winograd-convolutions": "3×3 convolutions with a quarter of the multiplications, where that is quicker",
  "winograd-kernel-gradients": "their kernel gradients likewise",
  "blocked-convolutions": "convolutions on channels in blocks, where the processor has them",
  "blocked-images": "images stay in blocks between the convolutions of a graph that predicts",
  "fused-silu": "x · sigmoid(x) in one pass, and nothing kept of it for gradients",
  "fused-products": "matrix products read transposed operands where they lie, and add what is added to them",
} as const;

export type PassName = keyof typeof passes;

/** Raises a ConfigError with the nearest names, unless each of `names` is one. */
export function checkPasses(names: readonly string[]): readonly PassName[] {
  const known = Object.keys(passes);
  for (const name of names) {
    if (!known.includes(name)) {
      throw new ConfigError(`there is no pass ${name}. ${didYouMean(name, known)}`);
    }
  }
  return names as readonly PassName[];
}
