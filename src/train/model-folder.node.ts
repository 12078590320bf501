/**
 * Models on disk, in the folder format of the diffusers library, both ways; see `model-folder.ts` for the files.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type FileSystem, makeFolder, readBytes, writeFileAtomic } from "../io/files.node.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Weights } from "../nn/weights.ts";
import { encodeModel, encodeOnnx, type LoadedModel, type ModelToSave, openModel } from "./model-folder.ts";

export { type LoadedModel, ONNX_FILE } from "./model-folder.ts";

/**
 * Writes a model: `config.json`, the trained weights, and the averaged ones where they are given, for a U-Net with the
 * index that makes diffusers take those. Each file is replaced atomically. Raises a FileAccessError, or a ConfigError for
 * a network of no known kind.
 */
export async function saveModel(
  folder: string,
  model: ModelToSave,
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  const files = encodeModel(model);
  await makeFolder(folder);
  for (const [name, bytes] of files) await writeFileAtomic(join(folder, name), bytes, options);
}

/**
 * Writes a network with its weights as one ONNX file, for batches of exactly `batch` images (default 1); see `encodeOnnx`.
 *
 * Raises a ConfigError for a network of 2 GB or more, a FileAccessError when the file cannot be written.
 */
export async function exportOnnx(
  path: string,
  model: { network: ImageNetwork; weights: Weights; batch?: number },
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  await writeFileAtomic(path, encodeOnnx(model), options);
}

/** A model of a run folder, or of a folder that diffusers wrote; see `openModel` for what it takes and raises. */
export async function loadModel(
  folder: string,
  options: { weights?: "average" | "trained" } = {},
): Promise<LoadedModel> {
  const pathOf = (name?: string) => (name === undefined ? folder : join(folder, name));
  const read = async (name: string) => (existsSync(pathOf(name)) ? await readBytes(pathOf(name)) : undefined);
  return await openModel({ pathOf, read }, options);
}
