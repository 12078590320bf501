/**
 * The job that measures how wrong a model is at each noise level, over pictures of its data; for a model with classes also
 * when it is not told the class, so that one sees at which levels the class says anything.
 */
import { DataError } from "../../core/errors.ts";
import { CompiledNetwork } from "../../models/compiled.ts";
import { compiledDenoiser } from "../../pipelines/denoiser.ts";
import { errorByNoise, type NoiseError, noiseGrid } from "../../pipelines/inside/index.ts";
import { parseData } from "../../recipes/data.ts";
import { breathe, type JobContext } from "../job.ts";
import { type ModelChoice, objectiveOf, openChoice } from "./open-model.ts";

export interface InsideErrorsRequest extends ModelChoice {
  /** Pictures, spread over the data. Default 64. */
  count?: number;
  /** Noise levels. Default 17. */
  levels?: number;
  /** Of the noise. Default 0. */
  seed?: number;
}

/** At each noise level; twice for a model with classes. */
export interface InsideErrorsEvent extends NoiseError {
  type: "level";
  /** 0 .. of − 1, from little noise to much. */
  level: number;
  of: number;
  /** Whether the network was told the class of each picture; false for one without classes. */
  told: boolean;
  /** The clean picture of `seen` and `sample`, [C, H, W]. */
  picture: Float32Array;
}

export interface InsideErrorsResult {
  /** The pictures that were used. */
  data: string;
  count: number;
  seconds: number;
}

export async function* insideErrors(
  request: InsideErrorsRequest,
  context: JobContext,
): AsyncGenerator<InsideErrorsEvent, InsideErrorsResult, void> {
  const { count = 64, levels = 17, seed = 0 } = request;
  const { runtime, signal } = context;
  const loaded = await openChoice(request, context);
  const { network, weights } = loaded;
  const objective = objectiveOf(loaded);
  const dataset = await context.data(heldOut(loaded.run!.data));
  if (dataset.size < count)
    throw new DataError(`${dataset.name} has ${dataset.size} examples: ask for as many at most`);
  const indices = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.size) / count));
  const { images, labels } = await dataset.read(indices);
  const size = images.length / count;
  const { classes } = network;
  const none = classes === undefined ? undefined : new Int32Array(count).fill(classes - 1);
  const conditions = [
    ...(classes !== undefined && labels ? [{ told: true, condition: { classLabels: labels } }] : []),
    { told: false, condition: none && { classLabels: none } },
  ];
  const began = performance.now();
  await using compiled = new CompiledNetwork(network, weights, runtime);
  const denoiser = compiledDenoiser(compiled, objective);
  const times = noiseGrid(objective.path, levels);
  for (const [level, t] of times.entries()) {
    for (const { told, condition } of conditions) {
      for await (const found of errorByNoise({ denoiser, images, size, condition, times: [t], seed, signal })) {
        yield { type: "level", level, of: levels, told, picture: images.slice(0, size), ...found };
      }
      await breathe();
    }
  }
  return { data: dataset.name, count, seconds: (performance.now() - began) / 1000 };
}

/** The data of a run, but of the part that it was not trained on, where there is one. */
function heldOut(data: Readonly<Record<string, unknown>>) {
  const split = data.name === "digits" || data.name === "fashion" ? { split: "test" } : {};
  return parseData({ ...data, ...split }, "data");
}
