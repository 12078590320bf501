/** Looking inside of a model. */
export { type ErrorRequest, errorByNoise, type NoiseError, noiseGrid } from "./error-by-noise.ts";
export { flatten, type ModelPart, modelGraph } from "./model-graph.ts";
export { type PartTime, partTimes, type TimesRequest } from "./part-times.ts";
export { type Place, type PlaceKind, placesOf } from "./places.ts";
export { type SwapRequest, swapCondition, swapped } from "./swap.ts";
export { type View, type Views, WatchedNetwork, type WatchedStep, watchedGraph, watchSteps } from "./watch.ts";
