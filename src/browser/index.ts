/** `langevin/browser`: the engine in a worker, runs, and what pages need of the library. Nothing here loads ONNX Runtime. */
export * from "../core/errors.ts";
export { Random } from "../core/random.ts";
export type { Shape } from "../core/shape.ts";
export type { Batch, Dataset } from "../data/dataset.ts";
export { readPoints, type ToyName, type ToyOptions, toy, toyNames } from "../data/toy.ts";
export * from "../diffusion/index.ts";
export { animatedPng } from "../io/apng.ts";
export * from "../io/picture.ts";
export { scaleOf, tickLabel } from "../io/ticks.ts";
export type { ModelPart, NoiseError, PartTime, Place, View, Views } from "../pipelines/inside/index.ts";
export { denoisingAnimation, samplesPicture } from "../pipelines/pictures.ts";
export * from "../recipes/index.ts";
export { networkFrom } from "../train/network-config.ts";
export type { NoiseBucket } from "../train/noise-buckets.ts";
export { decodeRun, type RunDescription } from "../train/runs.ts";
export {
  type Engine,
  type EngineOptions,
  type EventOf,
  engineOn,
  type JobName,
  type Jobs,
  openEngine,
  type RequestOf,
  type ResultOf,
  type Running,
} from "./engine.ts";
export { httpRunStore } from "./http-run-store.ts";
export type { Job, JobContext } from "./job.ts";
export type { InsideErrorsEvent } from "./jobs/inside-errors.ts";
export type { InsideModel } from "./jobs/inside-graph.ts";
export type { InsideSwapEvent } from "./jobs/inside-swap.ts";
export type { InsideWatchEvent } from "./jobs/inside-watch.ts";
export { fieldTimes, gridOf, type PlaneField } from "./jobs/playground/field.ts";
export type { PointsEnergy } from "./jobs/playground/judge.ts";
export type { PlaygroundModel, PlaygroundObjective } from "./jobs/playground/model.ts";
export { DRAWN_LIMIT, DRAWN_SPREAD, MOST_DRAWN, type PointsSource, pointsOf } from "./jobs/playground/source.ts";
export type { Trajectory } from "./jobs/playground/trajectory.ts";
export type {
  PlaygroundDrawRequest,
  PlaygroundDrawResult,
  PlaygroundTrainEvent,
  PlaygroundTrainRequest,
  PlaygroundTrainResult,
} from "./jobs/playground.ts";
export type { ModelSource, SampleEvent, SampleRequest, SampleResult } from "./jobs/sample.ts";
export type { TrainEvent, TrainRequest, TrainResult } from "./jobs/train.ts";
export { opfsRunStore } from "./opfs-run-store.ts";
export { memoryRunStore, type RunStore, type RunSummary } from "./run-store.ts";
export { unzipRun, zipRun } from "./zip-run.ts";
