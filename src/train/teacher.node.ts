/**
 * Teachers in run folders, and pairs in files: `pairs.safetensors` holds `images` [count, C, H, W], and as metadata the
 * seed of their noise and the names of their classes.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FileAccessError, FileFormatError } from "../core/errors.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import { readBytes, writeFileAtomic } from "../io/files.node.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import type { Runtime } from "../runtime/session.ts";
import { loadModel } from "./model-folder.node.ts";
import type { Pairs } from "./pairs.ts";
import { Teacher } from "./teacher.ts";

/**
 * The network of a run folder as a teacher, with its averaged weights. Raises a FileAccessError where there is none, a
 * ConfigError where the folder does not say what it was trained for, and what `Teacher` raises.
 */
export async function openTeacher(
  folder: string,
  options: { runtime: Runtime; threads?: number; guidance?: number },
): Promise<Teacher> {
  if (!existsSync(folder)) {
    throw new FileAccessError(`the teacher ${folder} is not there: train it first, or name another with --teacher`);
  }
  const { network, weights, run } = await loadModel(folder);
  if (!run) {
    throw new ConfigError(`${folder} has no run.json, so it does not say what it was trained for: it cannot teach`);
  }
  return new Teacher({ ...options, network, weights, objective: objectiveFrom(run.objective) });
}

export const pairsFile = (folder: string): string => join(folder, "pairs.safetensors");

/** Writes pairs; a file that was there is replaced atomically. */
export async function savePairs(path: string, { name, images, imageShape, classes, seed }: Pairs): Promise<void> {
  const count = images.length / imageShape.reduce((product, extent) => product * extent, 1);
  const tensors = new Map([["images", { dtype: "F32" as const, shape: [count, ...imageShape], data: images }]]);
  await writeFileAtomic(
    path,
    encodeSafetensors(tensors, { name, seed: String(seed), classes: JSON.stringify(classes ?? null) }),
  );
}

/** The pairs of a file. Raises a FileAccessError when there is none, a FileFormatError for one that holds no pairs. */
export async function loadPairs(path: string): Promise<Pairs> {
  const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
  const images = tensors.get("images");
  const { name, seed, classes } = metadata;
  if (
    !(images?.data instanceof Float32Array) ||
    images.shape.length !== 4 ||
    name === undefined ||
    !(Number(seed) >= 0)
  ) {
    throw new FileFormatError(`${path} holds no pairs: images [count, C, H, W] and the seed of their noise; remove it`);
  }
  const names = JSON.parse(classes ?? "null") as string[] | null;
  return {
    name,
    seed: Number(seed),
    imageShape: images.shape.slice(1),
    images: images.data,
    classes: names ?? undefined,
  };
}
