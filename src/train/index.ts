export { alone, type Group, shareText } from "./group.ts";
export type { CallOptions, Loss, LossDraw, LossGraph, LossInputs, LossStep, NetworkCall } from "./losses/loss.ts";
export { mix, perImage } from "./losses/loss.ts";
export { lossOf } from "./losses/registry.ts";
export {
  describeNetwork,
  type NetworkConfig,
  type NetworkDescription,
  type NetworkOptions,
  networkFrom,
  networkSchema,
} from "./network-config.ts";
export type { NoiseBucket } from "./noise-buckets.ts";
export {
  type NoisyClassifierTraining,
  noisyAccuracy,
  noisyClassifierGradient,
  trainNoisyClassifier,
} from "./noisy-classifier.ts";
export { makePairs, type Pairs, type PairsOptions, pairsDataset, teacherPairs } from "./pairs.ts";
export { type TrainingOptions, type TrainingSettings, trainingSchema } from "./settings.ts";
export { type SlabName, type StateSlabs, type TrainingState, weightsOf } from "./state.ts";
export { Teacher, type TeacherOptions } from "./teacher.ts";
export { type Tick, Training, type TrainOptions, train } from "./train.ts";
