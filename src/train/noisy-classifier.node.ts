/**
 * A noisy classifier on disk: config.json and model.safetensors in a folder.
 */
import { join } from "node:path";
import { parseConfig } from "../core/config.ts";
import { CheckpointError } from "../core/errors.ts";
import { makeFolder, readBytes, readJson, writeFileAtomic } from "../io/files.node.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { NoisyClassifier, noisyClassifierConfigSchema } from "../models/noisy-classifier.ts";
import { Weights } from "../nn/weights.ts";

/** Writes the folder, which is made where it is missing. `training`: how the weights were made, kept in config.json. */
export async function saveNoisyClassifier(
  folder: string,
  classifier: NoisyClassifier,
  weights: Weights,
  training?: Record<string, unknown>,
): Promise<void> {
  await makeFolder(folder);
  const tensors = new Map<string, SafetensorsTensor>(
    [...weights.tensors()].map(([name, { shape, data }]) => [name, { dtype: "F32", shape, data }]),
  );
  await writeFileAtomic(join(folder, "model.safetensors"), encodeSafetensors(tensors, { format: "pt" }));
  const config = training === undefined ? classifier.config : { ...classifier.config, training };
  await writeFileAtomic(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads the folder. A ConfigError for another configuration, a CheckpointError for weights that are not the classifier's. */
export async function loadNoisyClassifier(folder: string): Promise<{ classifier: NoisyClassifier; weights: Weights }> {
  const configPath = join(folder, "config.json");
  const weightsPath = join(folder, "model.safetensors");
  const { _class_name, ...options } = parseConfig(noisyClassifierConfigSchema, await readJson(configPath), configPath);
  const classifier = new NoisyClassifier(options);
  const floats = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, { dtype, shape, data }] of decodeSafetensors(await readBytes(weightsPath), weightsPath).tensors) {
    if (dtype !== "F32") {
      throw new CheckpointError(`${weightsPath}: ${name} is ${dtype}; a noisy classifier's tensors are F32`);
    }
    floats.set(name, { shape, data });
  }
  return { classifier, weights: Weights.fromTensors(classifier, floats, weightsPath) };
}
