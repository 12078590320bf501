/**
 * The network of the playground, as plain data that goes from job to job, and as a Denoiser.
 *
 * Its weights are fed, not compiled in: one session serves every state of a training and every model of the same shape,
 * for as long as the runtime lives. It takes `ROWS` points at a time; what is asked is cut into such parts.
 */
import { CheckpointError, ShapeError } from "../../../core/errors.ts";
import { type Denoiser, denoiserOf } from "../../../diffusion/denoiser.ts";
import { type Objective, objectiveFrom } from "../../../diffusion/objective.ts";
import { type PathConfig, pathFrom } from "../../../diffusion/path.ts";
import type { Level } from "../../../diffusion/path-contract.ts";
import { type Prediction, type PredictionConfig, predictionFrom, recovery } from "../../../diffusion/prediction.ts";
import type { WeightConfig } from "../../../diffusion/weights.ts";
import { graphOf } from "../../../graph/graph.ts";
import { input } from "../../../graph/ops.ts";
import { Mlp, type MlpOptions } from "../../../models/mlp.ts";
import { traceWith } from "../../../nn/module.ts";
import { SlabLayout } from "../../../nn/weights.ts";
import { toyMlp } from "../../../recipes/toy.ts";
import type { Runtime, Session } from "../../../runtime/session.ts";

/** What a network is trained for. */
export interface PlaygroundObjective {
  readonly path: PathConfig;
  readonly prediction: PredictionConfig;
  readonly weight?: WeightConfig;
}

/** A trained network: plain data, about 100 kB. */
export interface PlaygroundModel {
  readonly objective: PlaygroundObjective;
  readonly network: MlpOptions;
  /** All of its parameters, one behind the other. */
  readonly weights: Float32Array;
}

/** Points of one run of the network. */
const ROWS = 512;

/** The objective of a choice: times are uniform on its path, or log-normal noise levels where time is the noise level itself. */
export function objectiveOf({ path, prediction, weight }: PlaygroundObjective): Objective {
  const time = path.name === "edm" ? { name: "logNormal" } : undefined;
  return objectiveFrom({ path, prediction, ...(weight && { weight }), ...(time && { time }) });
}

/** Radians over which the fastest wave of the time embedding turns between the ends of a path, and its ratio to the slowest. */
const TURNS = 50;

/** The network for an objective: its time embedding spans the times that it is fed, be they timesteps or logarithms of sigma. */
export function networkFor({ path, prediction }: Pick<Objective, "path" | "prediction">): MlpOptions {
  const [from, to] = path.span;
  const fed = Array.from({ length: 33 }, (_, i) => {
    const t = from + (i / 32) * (to - from);
    const level = path.at(path.timesteps === undefined ? t : Math.round(t));
    if (level.alpha === 0 || level.sigma === 0) return Number.NaN; // ends that are not visited
    return prediction.networkTime?.(level) ?? level.networkTime;
  }).filter(Number.isFinite);
  const range = Math.max(...fed) - Math.min(...fed);
  return { ...toyMlp, blocks: 2, timeScale: range > 0 ? TURNS / range : 1, maxPeriod: TURNS };
}

/** Of the length of a path, at its noise end: so far from a pure end the network is asked that does not tell the sample there. */
const ASIDE = 1e-3;

/** Whether a network that predicts this tells sample and noise at a level. */
function tells(prediction: Prediction, level: Level): boolean {
  try {
    recovery(prediction, level);
    prediction.networkTime?.(level);
    return true;
  } catch {
    return false;
  }
}

/**
 * A denoiser that is asked a little beside the noise end of a path in continuous time, where that end is pure noise and the
 * prediction does not tell the sample there: nor was the network ever trained there.
 */
export function besideTheEnd(denoiser: Denoiser, prediction: Prediction): Denoiser {
  const { path } = denoiser;
  const [from, to] = path.span;
  const end = path.at(to);
  if (path.timesteps !== undefined || end.alpha > 0 || tells(prediction, end)) return denoiser;
  const beside = path.at(to - ASIDE * (to - from));
  return {
    path,
    denoise(x, at, condition) {
      const level = typeof at === "number" ? path.at(at) : at;
      return denoiser.denoise(x, level.alpha === 0 ? beside : level, condition);
    },
  };
}

/** The denoiser of a model. Raises a CheckpointError for weights of another network. */
export async function denoiserFor(model: PlaygroundModel, runtime: Runtime): Promise<Denoiser> {
  const { network, weights, objective } = model;
  const [expected] = new SlabLayout(new Mlp(network)).lengths;
  if (weights.length !== expected) {
    throw new CheckpointError(`the network has ${expected} parameters, the model brings ${weights.length}: train anew`);
  }
  const session = await sessionOf(network, runtime);
  const predict = (x: Float32Array, time: number) => inParts(session, weights, x, time);
  const prediction = predictionFrom(objective.prediction);
  return besideTheEnd(denoiserOf(predict, pathFrom(objective.path), prediction), prediction);
}

const sessions = new WeakMap<Runtime, Map<string, Promise<Session>>>();

function sessionOf(network: MlpOptions, runtime: Runtime): Promise<Session> {
  const own = sessions.get(runtime) ?? new Map<string, Promise<Session>>();
  sessions.set(runtime, own);
  const key = JSON.stringify(network);
  let session = own.get(key);
  if (!session) {
    session = compileNetwork(network, runtime);
    own.set(key, session);
    session.catch(() => own.delete(key)); // it may go better next time
  }
  return session;
}

function compileNetwork(options: MlpOptions, runtime: Runtime): Promise<Session> {
  const network = new Mlp(options);
  const layout = new SlabLayout(network);
  const sample = input("sample", [ROWS, ...network.imageShape]);
  const time = input("time", [ROWS]);
  const parameters = layout.cut(layout.inputs("parameters"));
  const output = traceWith({ parameters }, () => network.call({ sample, time }));
  return runtime.compile(graphOf({ output }), { threads: 1, preparation: "quick" });
}

/** The network at points [N, 2], `ROWS` at a time; the last part is filled up with points that nobody reads. */
async function inParts(session: Session, weights: Float32Array, x: Float32Array, at: number): Promise<Float32Array> {
  if (x.length % 2 !== 0) throw new ShapeError(`${x.length} numbers are no points of the plane`);
  const time = new Float32Array(ROWS).fill(at);
  const output = new Float32Array(x.length); // [N, 2]
  for (let start = 0; start < x.length; start += 2 * ROWS) {
    const part = x.subarray(start, start + 2 * ROWS);
    const sample = new Float32Array(2 * ROWS);
    sample.set(part);
    const results = await session.run({ "parameters.0": weights, sample, time });
    output.set((results.output as Float32Array).subarray(0, part.length), start);
  }
  return output;
}
