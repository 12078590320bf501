/**
 * The state of a training run as bytes: one safetensors file, `state.safetensors`.
 *
 *   tensors    parameters.<name>, first.<name>, second.<name>, average.<name>, float32, by the parameter's state-dict name
 *              and, where the loss has trained parts of its own, parameters.loss.<name>, …
 *              history.losses and history.counts, where the times adapt to the losses
 *   metadata   format, version, and as JSON: run { step, steps, examples, seconds, seed, lossByNoise }, network
 *
 * The names and shapes of the tensors tell the architecture; `network` holds what they do not tell, such as heads.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { CheckpointError, FileFormatError, NotFiniteError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { LossHistory } from "../diffusion/time-sampler.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Module } from "../nn/module.ts";
import { Weights } from "../nn/weights.ts";
import { fromStateDict, stateDict, tryDescribe } from "./network-config.ts";
import {
  LOSS_PREFIX,
  lossTensors,
  type SlabName,
  type StateSlabs,
  slabNames,
  type TrainingState,
  trainedLayout,
  weightsOf,
  withLoss,
} from "./state.ts";

export const STATE_FILE = "state.safetensors";
const FORMAT = "langevin training state";
const VERSION = "1";
const HISTORY = { losses: "history.losses", counts: "history.counts" };

const count = z.int().nonnegative();
const progressSchema = z.strictObject({
  step: count,
  steps: count,
  examples: count,
  seconds: z.number().nonnegative(),
  seed: count,
  lossByNoise: z.array(z.strictObject({ from: z.number(), to: z.number(), loss: z.number(), count })),
});

/**
 * The bytes of a state. `network`: that of the state. Raises a NotFiniteError for numbers that are not finite: such a state
 * must not take the place of a good one.
 */
export function encodeCheckpoint(network: ImageNetwork, state: TrainingState): Uint8Array {
  const { layout, slabs, history, ...run } = state;
  const tensors = new Map<string, SafetensorsTensor>();
  for (const slab of slabNames) {
    const weights = weightsOf({ layout, slabs }, slab);
    for (const [name, { shape, data }] of [...stateDict(network, weights), ...lossTensors(weights)]) {
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new NotFiniteError(
          `${slab}.${name} holds ${data[bad]} after step ${run.step}: the state is not saved over the last good one; ` +
            "resume from that with a lower learning rate",
        );
      }
      tensors.set(`${slab}.${name}`, { dtype: "F32", shape, data });
    }
  }
  if (history) {
    const { losses, counts } = history;
    tensors.set(HISTORY.losses, { dtype: "F32", shape: [counts.length, losses.length / counts.length], data: losses });
    tensors.set(HISTORY.counts, { dtype: "I32", shape: [counts.length], data: counts });
  }
  const metadata = {
    format: FORMAT,
    version: VERSION,
    run: JSON.stringify(run),
    network: JSON.stringify(tryDescribe(network) ?? {}),
  };
  return encodeSafetensors(tensors, metadata);
}

/**
 * The state of a file, for a network, and for the trained parts of the loss where it has any: without `module` those are
 * left out, as is right for sampling. `path` names the file in messages.
 *
 * Raises a FileFormatError when it is cut off or damaged, and a CheckpointError for another format version, or another
 * architecture: that names the first tensor or field that differs.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  path: string,
  network: ImageNetwork,
  module?: Module<never[], unknown>,
): TrainingState {
  const { metadata, tensors } = decodeSafetensors(bytes, path);
  const { format, version } = metadata;
  if (format !== FORMAT) {
    throw new CheckpointError(`${path} is no training state: its format is ${format ?? "not given"}, not "${FORMAT}"`);
  }
  if (version !== VERSION) {
    throw new CheckpointError(
      `${path} has the format version ${version}, this langevin reads version ${VERSION}; use the langevin that wrote it`,
    );
  }
  const history = takeHistory(tensors, path);
  const bySlab = splitBySlab(tensors, path);
  const read = (slab: SlabName) => {
    const label = `${path}, ${slab}`;
    const all = [...bySlab[slab]];
    const ofLoss = (name: string) => name.startsWith(LOSS_PREFIX);
    const { slabs } = fromStateDict(network, new Map(all.filter(([name]) => !ofLoss(name))), label);
    if (!module) return slabs;
    const own = all
      .filter(([name]) => ofLoss(name))
      .map(([name, tensor]) => [name.slice(LOSS_PREFIX.length), tensor] as const);
    return withLoss(layout, slabs, Weights.fromTensors(module, new Map(own), `${label}, the loss`));
  };
  const layout = trainedLayout(network, module);
  const slabs = Object.fromEntries(slabNames.map((slab) => [slab, read(slab)])) as unknown as StateSlabs;
  checkSameNetwork(metadata.network, network, path);
  return { ...progressOf(metadata, path), ...(history && { history }), layout, slabs };
}

/** How far the run of a state file is, without its numbers; `header`: the metadata of the file. Raises as `decodeCheckpoint`. */
export function progressOf(metadata: Readonly<Record<string, string>>, path: string) {
  return parseConfig(progressSchema, readMetadata(metadata.run, path, "run"), path);
}

/** The losses by time, which are removed from the tensors. */
function takeHistory(tensors: Map<string, SafetensorsTensor>, path: string): LossHistory | undefined {
  const [losses, counts] = [HISTORY.losses, HISTORY.counts].map((name) => tensors.get(name));
  for (const name of Object.values(HISTORY)) tensors.delete(name);
  if (!losses && !counts) return undefined;
  const fits = counts?.shape.length === 1 && losses?.shape.length === 2 && losses.shape[0] === counts.shape[0];
  if (!fits || losses.dtype !== "F32" || counts.dtype !== "I32") {
    throw new CheckpointError(`${path}: ${HISTORY.losses} and ${HISTORY.counts} are not the losses by time of a run`);
  }
  return { losses: losses.data, counts: counts.data };
}

type FloatTensors = Map<string, { shape: Shape; data: Float32Array }>;

/** Tensors by the part of their name before the first dot. */
function splitBySlab(tensors: Map<string, SafetensorsTensor>, path: string): Record<SlabName, FloatTensors> {
  const parts = Object.fromEntries(slabNames.map((slab) => [slab, new Map()])) as Record<SlabName, FloatTensors>;
  for (const [fullName, { dtype, shape, data }] of tensors) {
    const dot = fullName.indexOf(".");
    const part = Object.hasOwn(parts, fullName.slice(0, dot)) ? parts[fullName.slice(0, dot) as SlabName] : undefined;
    if (!part) throw new CheckpointError(`${path}: ${fullName} is no part of a training state`);
    if (dtype !== "F32") throw new CheckpointError(`${path}: ${fullName} is stored as ${dtype}, F32 was expected`);
    part.set(fullName.slice(dot + 1), { shape, data });
  }
  return parts;
}

function readMetadata(text: string | undefined, path: string, field: string): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    throw new FileFormatError(`${path}: its metadata field "${field}" is missing or no JSON`);
  }
}

/** Fields of the configuration that say nothing about what the weights mean. */
const FREE_FIELDS = new Set(["_diffusers_version", "_name_or_path", "dropout"]);

function checkSameNetwork(text: string | undefined, network: ImageNetwork, path: string): void {
  const expected = flatten(tryDescribe(network) ?? {});
  const stored = flatten(readMetadata(text, path, "network"));
  for (const field of new Set([...Object.keys(stored), ...Object.keys(expected)])) {
    if (FREE_FIELDS.has(field) || stored[field] === expected[field]) continue;
    throw new CheckpointError(
      `${path}: the run has ${field} ${stored[field] ?? "not set"}, the network ${expected[field] ?? "not set"}: another ` +
        "architecture",
    );
  }
}

function flatten(described: unknown): Record<string, string> {
  const { unet, mlp, ...rest } = described as { unet?: object; mlp?: object };
  return Object.fromEntries(
    Object.entries({ ...unet, ...mlp, ...rest }).map(([key, value]) => [key, JSON.stringify(value)]),
  );
}
