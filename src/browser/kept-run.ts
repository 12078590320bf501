/**
 * A run in a store while it is trained: the same files that `langevin train` writes into a folder. Metrics are held back and
 * added just before the state is saved: a tab that is closed between the two leaves lines of later steps, which going on
 * cuts off, and never a gap.
 */
import { FileAccessError } from "../core/errors.ts";
import { encodeJson } from "../io/json.ts";
import type { ImageNetwork } from "../models/network.ts";
import { describeRecipe, recipeOfDescription } from "../recipes/described-run.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { decodeCheckpoint, encodeCheckpoint, STATE_FILE } from "../train/checkpoint.ts";
import type { Loss } from "../train/losses/loss.ts";
import { encodeModel, encodeOnnx, ONNX_FILE } from "../train/model-folder.ts";
import { decodeRun, METRICS_FILE, type MetricsLine, metricsLine, metricsUpTo, RUN_FILE } from "../train/runs.ts";
import type { TrainingState } from "../train/state.ts";
import type { Training } from "../train/train.ts";
import { checkRunName, type RunStore } from "./run-store.ts";
import { version } from "./version.ts";

export class KeptRun {
  readonly #store: RunStore;
  readonly #run: string;
  #lines = "";

  /** Raises a ConfigError for what cannot be the name of a run. */
  constructor(store: RunStore, run: string) {
    checkRunName(run);
    this.#store = store;
    this.#run = run;
  }

  async exists(): Promise<boolean> {
    return (await this.#store.files(this.#run)).includes(RUN_FILE);
  }

  /** The recipe of the run as it was trained. Raises a FileAccessError where there is none. */
  async recipe(): Promise<Recipe> {
    const path = `${this.#run}/${RUN_FILE}`;
    const bytes = await this.#store.read(this.#run, RUN_FILE);
    if (!bytes) throw new FileAccessError(`there is no run ${this.#run} to go on with`);
    return recipeOfDescription(decodeRun(bytes, path), this.#run, path);
  }

  /** The last saved state; undefined where the run was never saved, so that it begins anew. Raises as `decodeCheckpoint`. */
  async state(network: ImageNetwork, loss: Loss): Promise<TrainingState | undefined> {
    const bytes = await this.#store.read(this.#run, STATE_FILE);
    return bytes && decodeCheckpoint(bytes, `${this.#run}/${STATE_FILE}`, network, loss.module);
  }

  /** Writes what the run is, and cuts its metrics after `step`. */
  async begin(recipe: Recipe, step: number): Promise<void> {
    await this.#store.write(this.#run, RUN_FILE, encodeJson(describeRecipe(recipe, version)));
    const metrics = await this.#store.read(this.#run, METRICS_FILE);
    if (!metrics) return;
    const text = metricsUpTo(new TextDecoder().decode(metrics), step, `${this.#run}/${METRICS_FILE}`);
    await this.#store.write(this.#run, METRICS_FILE, new TextEncoder().encode(text));
  }

  /** A line for the metrics. */
  note(line: MetricsLine): void {
    this.#lines += metricsLine(line);
  }

  /** Writes the metrics up to the state, and the state; gives the bytes of the state. Raises as the store does. */
  async save(network: ImageNetwork, state: TrainingState): Promise<number> {
    const bytes = encodeCheckpoint(network, state);
    const lines = this.#lines;
    this.#lines = "";
    if (lines !== "") await this.#store.append(this.#run, METRICS_FILE, lines);
    await this.#store.write(this.#run, STATE_FILE, bytes);
    return bytes.length;
  }

  /** Writes the model as files that diffusers loads, and as ONNX. */
  async saveModel({
    network,
    training,
    onnx,
  }: {
    network: ImageNetwork;
    training: Training;
    onnx: boolean;
  }): Promise<void> {
    const { weights, average, learnedPath } = training;
    const files = encodeModel({ network, weights, average, learnedPath });
    if (onnx) files.set(ONNX_FILE, encodeOnnx({ network, weights: average }));
    for (const [name, bytes] of files) await this.#store.write(this.#run, name, bytes);
  }
}
