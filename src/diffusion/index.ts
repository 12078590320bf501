export * from "./denoiser.ts";
export {
  type Betas,
  betas,
  cosine,
  type DiscreteVp,
  isDiscreteVp,
  linear,
  respacedBetas,
  scaledLinear,
  vp,
} from "./discrete-vp.ts";
export * from "./guidance.ts";
export * from "./noising.ts";
export * from "./objective.ts";
export * from "./path.ts";
export {
  type Prediction,
  type PredictionConfig,
  type PredictionName,
  type PredictionOptions,
  predictionFrom,
  predictions,
  targetOf,
  toDenoised,
} from "./prediction.ts";
export * from "./solvers/index.ts";
export { straightLine } from "./straight-line.ts";
export {
  logitNormal,
  type TimeSamplerConfig,
  timeSamplerFrom,
  timeSamplers,
  uniformContinuous,
  uniformDiscrete,
  uniformOver,
} from "./time-sampler.ts";
export { type Spacing, spacedTimesteps, spacings } from "./times.ts";
