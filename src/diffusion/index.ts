export {
  type Betas,
  betas,
  constant,
  cosine,
  linear,
  quadratic,
  scaledLinear,
  sigmoid,
  sigmoidAlphaBar,
} from "./betas.ts";
export { continuousVp, subVp } from "./continuous-vp.ts";
export * from "./denoiser.ts";
export { type DiscreteVp, isDiscreteVp, respacedBetas, vp } from "./discrete-vp.ts";
export * from "./distillation/index.ts";
export { edm } from "./edm.ts";
export * from "./guidance/index.ts";
export { continuousCosine, gvp } from "./gvp.ts";
export { learned } from "./learned.ts";
export { type LevelsOptions, levelOfRatio, levelsFor, ratioOf, type ScheduleName } from "./levels.ts";
export * from "./likelihood/index.ts";
export * from "./loss-config.ts";
export * from "./noising.ts";
export * from "./objective.ts";
export * from "./path.ts";
export {
  checkFits,
  type Preconditioning,
  type Prediction,
  type PredictionConfig,
  type PredictionName,
  type PredictionOptions,
  preconditioning,
  predictionFrom,
  predictions,
  targetOf,
  toDenoised,
} from "./prediction.ts";
export * from "./scheduler-config.ts";
export * from "./solvers/index.ts";
export { straightLine } from "./straight-line.ts";
export { quantile, type Threshold, thresholded } from "./thresholding.ts";
export * from "./time-sampler.ts";
export { type Spacing, spacedTimesteps, spacings } from "./times.ts";
export { ve } from "./ve.ts";
export * from "./views.ts";
export * from "./weights.ts";
