export { type AutoguidanceOptions, autoguided } from "./autoguidance.ts";
export {
  type ClassifierGradient,
  type ClassifierGuidanceOptions,
  classifierGuided,
  classifierGuidedAncestral,
  type Guide,
} from "./classifier.ts";
export { classifierFree, type GuidanceOptions } from "./classifier-free.ts";
export type { GuidanceInterval } from "./interval.ts";
export { type KnownPart, knowing } from "./known-part.ts";
