export { type BatchDenoiser, type BatchNetwork, batchDenoiserOf } from "./batch-denoiser.ts";
export {
  consistencyLevels,
  consistencyScalings,
  type FlowRule,
  flowStep,
  type GridSpacing,
} from "./consistency.ts";
export { type Growth, type GrowthOptions, huberConstant, levelCount, targetDecay } from "./consistency-schedules.ts";
export { progressiveTarget, type StudentStep, studentStep } from "./progressive.ts";
