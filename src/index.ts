export {
  type DataSource,
  type DrawOptions,
  imageFolder,
  Run,
  sample,
  type TrainRequest,
  train,
  UNet,
} from "./api.node.ts";
export { type BrownianOptions, BrownianTree } from "./core/brownian.ts";
export * from "./core/errors.ts";
export { Random } from "./core/random.ts";
export type { Shape } from "./core/shape.ts";
export { TorchGenerator, type TorchGeneratorState } from "./core/torch-random.ts";
export type { Batch, Dataset } from "./data/dataset.ts";
export { digits, fashion } from "./data/digits.node.ts";
export { bytesDataset } from "./data/memory.ts";
export { readPoints, type ToyName, type ToyOptions, toy } from "./data/toy.ts";
export {
  annealedLangevin,
  betas,
  classifierFree,
  consistency,
  continuousCosine,
  continuousVp,
  cosine,
  type Denoiser,
  ddim,
  ddpm,
  denoiserOf,
  dpmppMultistep,
  edm,
  euler,
  eulerAncestral,
  gvp,
  heun,
  learned,
  linear,
  logitNormal,
  logNormal,
  type Objective,
  objective,
  type Path,
  type PredictionName,
  pathFrom,
  predictionFrom,
  type Solver,
  type SolverStep,
  scaledLinear,
  solve,
  straightLine,
  subVp,
  uniformContinuous,
  uniformDiscrete,
  ve,
  vp,
} from "./diffusion/index.ts";
export { writeChart } from "./io/chart.node.ts";
export type { Chart, Panel, Series } from "./io/chart.ts";
export { readImage, writeAnimation, writePng } from "./io/picture.node.ts";
export { type Picture, toPicture } from "./io/picture.ts";
export { type DigitsJudgement, judgeDigits } from "./metrics/digits-judge.node.ts";
export { judgePoints, type PointsJudgement } from "./metrics/energy.ts";
export { Mlp, type MlpOptions } from "./models/mlp.ts";
export { ImageNetwork } from "./models/network.ts";
export { Patched } from "./models/patched.ts";
export type { UNetOptions } from "./models/unet-config.ts";
export { countParameters } from "./nn/module.ts";
export { Weights } from "./nn/weights.ts";
export { writeDenoising, writeForward, writeSamples, writeTrace } from "./pipelines/pictures.node.ts";
export { type Sampled, type SampleRequest, sampleSteps } from "./pipelines/sample.ts";
export { defineRecipe, type Recipe, type RecipeOptions, recipes } from "./recipes/index.ts";
export type { UNetShape } from "./recipes/unet-shape.ts";
export { nodeRuntime } from "./runtime/node/session.ts";
export type { Runtime, Session } from "./runtime/session.ts";
export {
  exportOnnx,
  type LoadedModel,
  loadCheckpoint,
  loadModel,
  type MpiGroup,
  mpiGroup,
  openTeacher,
  saveModel,
} from "./train/index.node.ts";
export { type Group, type PairsOptions, Teacher, type TeacherOptions, type Tick, teacherPairs } from "./train/index.ts";
export { version } from "./version.node.ts";
