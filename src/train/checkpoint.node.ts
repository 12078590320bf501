/**
 * The state of a training run on disk: one safetensors file, `state.safetensors` (see `checkpoint.ts`), replaced atomically,
 * so that a kill at any instant leaves the last good one.
 */
import { join } from "node:path";
import { type FileSystem, readBytes, writeFileAtomic } from "../io/files.node.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Module } from "../nn/module.ts";
import { decodeCheckpoint, encodeCheckpoint, STATE_FILE } from "./checkpoint.ts";
import type { TrainingState } from "./state.ts";

export { STATE_FILE } from "./checkpoint.ts";

/**
 * Replaces the state in a run folder. `network`: that of the state.
 *
 * Raises a FileAccessError (full disk …) or, for numbers that are not finite, a NotFiniteError; the old state then
 * remains as it was.
 */
export async function saveCheckpoint(
  folder: string,
  network: ImageNetwork,
  state: TrainingState,
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  await writeFileAtomic(join(folder, STATE_FILE), encodeCheckpoint(network, state), options);
}

/**
 * The state in a run folder, for a network, and for the trained parts of the loss where it has any. Raises a FileAccessError
 * when there is none, and what `decodeCheckpoint` raises.
 */
export async function loadCheckpoint(
  folder: string,
  network: ImageNetwork,
  module?: Module<never[], unknown>,
): Promise<TrainingState> {
  const path = join(folder, STATE_FILE);
  return decodeCheckpoint(await readBytes(path), path, network, module);
}
