/**
 * Models on disk, in the folder format of the diffusers library, both ways.
 *
 *   config.json              the U-Net as UNet2DModel's configuration; an MLP as its own
 *   model.safetensors        trained weights by their state-dict names
 *   ema.safetensors          their average; where the path was learned too, the metadata of both hold it under "path"
 *   diffusion_pytorch_model.safetensors.index.json
 *                            sends diffusers' `from_pretrained` to ema.safetensors; not for an MLP
 *   model.onnx               the network with the averaged weights: sample, timestep (, class_labels) → out_sample
 *
 * Patches stand in `run.json` alone: diffusers sees the network inside of them. A folder that diffusers wrote
 * (config.json and diffusion_pytorch_model.safetensors) is read too, old attention names included.
 * `test/parity` compares with outputs of diffusers 0.42.1 and runs the exported graph.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../core/config.ts";
import { CheckpointError, ConfigError, FileAccessError, FileFormatError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import type { Path } from "../diffusion/path-contract.ts";
import { type FileSystem, makeFolder, readBytes, readJson, writeFileAtomic } from "../io/files.node.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { predictionGraph } from "../models/compiled.ts";
import type { MlpConfig } from "../models/mlp.ts";
import type { ImageNetwork } from "../models/network.ts";
import { countParameters } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";
import { toOnnx } from "../onnx/export.ts";
import { loadCheckpoint, STATE_FILE } from "./checkpoint.node.ts";
import type { Loss } from "./losses/loss.ts";
import { lossOf } from "./losses/registry.ts";
import {
  describeNetwork,
  fromStateDict,
  type NetworkKind,
  type NetworkOptions,
  networkFrom,
  networkKinds,
  stateDict,
} from "./network-config.ts";
import { RUN_FILE, type RunDescription, readRun } from "./runs.node.ts";
import { weightsOf } from "./state.ts";

const CONFIG_FILE = "config.json";
const TRAINED_FILE = "model.safetensors";
const AVERAGE_FILE = "ema.safetensors";
const DIFFUSERS_FILE = "diffusion_pytorch_model.safetensors";
const INDEX_FILE = `${DIFFUSERS_FILE}.index.json`;
export const ONNX_FILE = "model.onnx";

/**
 * Writes a model: `config.json`, the trained weights, and the averaged ones where they are given, for a U-Net with the
 * index that makes diffusers take those. Each file is replaced atomically. Raises a FileAccessError, or a ConfigError for
 * a network of no known kind. `learnedPath`: the path that weights stand for, where the loss learned it.
 */
export async function saveModel(
  folder: string,
  model: { network: ImageNetwork; weights: Weights; average?: Weights; learnedPath?: (weights: Weights) => Path },
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  const { network, weights, average, learnedPath } = model;
  const { unet, mlp } = describeNetwork(network);
  await makeFolder(folder);
  const write = (name: string, contents: Uint8Array | string) => writeFileAtomic(join(folder, name), contents, options);
  await write(CONFIG_FILE, json(unet ?? mlp));
  await write(TRAINED_FILE, weightFile(network, weights, learnedPath));
  const preferred = average ? AVERAGE_FILE : TRAINED_FILE;
  if (average) await write(AVERAGE_FILE, weightFile(network, average, learnedPath));
  if (!unet) return;
  const names = [...stateDict(network, weights).keys()];
  const index = {
    metadata: { total_size: 4 * countParameters(network) },
    weight_map: Object.fromEntries(names.map((name) => [name, preferred])),
  };
  await write(INDEX_FILE, json(index));
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

function weightFile(network: ImageNetwork, weights: Weights, pathOf?: (weights: Weights) => Path): Uint8Array {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of stateDict(network, weights)) tensors.set(name, { dtype: "F32", shape, data });
  return encodeSafetensors(tensors, { format: "pt", ...(pathOf && { path: JSON.stringify(pathOf(weights)) }) });
}

/** Bytes from which a protobuf message, which an ONNX file is, cannot be read. */
const ONNX_LIMIT = 2 ** 31;

/**
 * Writes a network with its weights as one ONNX file, for batches of exactly `batch` images (default 1). Inputs `sample`
 * [N, C, H, W], `timestep` float32 [N] and, with classes, `class_labels` int32 [N]; output `out_sample`.
 *
 * Raises a ConfigError for a network of 2 GB or more, a FileAccessError when the file cannot be written.
 */
export async function exportOnnx(
  path: string,
  model: { network: ImageNetwork; weights: Weights; batch?: number },
  options: { fileSystem?: FileSystem } = {},
): Promise<void> {
  const { network, weights, batch = 1 } = model;
  const size = 4 * countParameters(network);
  if (size >= ONNX_LIMIT) {
    throw new ConfigError(
      `the network has ${(size / 2 ** 30).toFixed(1)} GB of weights, and an ONNX file holds less than 2 GB; use the ` +
        "safetensors files",
    );
  }
  await writeFileAtomic(path, toOnnx(predictionGraph(network, weights, batch), { producer: "langevin" }), options);
}

export interface LoadedModel {
  network: ImageNetwork;
  weights: Weights;
  /** The file that the weights came from. */
  file: string;
  /** Where the folder is a run folder. */
  run?: RunDescription;
}

/**
 * A model of a run folder, or of a folder that diffusers wrote. `weights`: "average" (default) takes the averaged weights
 * where there are any; "trained" those of a run's last step.
 *
 * Raises a FileAccessError when config.json or weights are missing, a FileFormatError when a file is damaged, a
 * ConfigError when the configuration is none of a U-Net that langevin has, and a CheckpointError that names the first
 * tensor that does not fit it.
 */
export async function loadModel(
  folder: string,
  options: { weights?: "average" | "trained" } = {},
): Promise<LoadedModel> {
  const run = existsSync(join(folder, RUN_FILE)) ? await readRun(folder) : undefined;
  const configPath = join(folder, CONFIG_FILE);
  const described: NetworkOptions =
    run && !existsSync(configPath)
      ? run.network
      : { ...run?.network, ...readNetwork(await readJson(configPath), configPath) };
  const network = networkFrom(described, configPath);
  const preferred = options.weights === "trained" ? [TRAINED_FILE] : [AVERAGE_FILE, TRAINED_FILE];
  const names = [...preferred, DIFFUSERS_FILE];
  const name = names.find((name) => existsSync(join(folder, name)));
  if (name !== undefined) {
    const file = join(folder, name);
    const { weights, path } = await readWeights(file);
    return { network, run: run && withPath(run, path), file, weights: fromStateDict(network, weights, file) };
  }
  if (existsSync(join(folder, STATE_FILE))) {
    const loss = run && schedulingLoss(run);
    const state = await loadCheckpoint(folder, network, loss?.module);
    const weights = weightsOf(state, options.weights === "trained" ? "parameters" : "average");
    const file = join(folder, STATE_FILE);
    return { network, run: run && withPath(run, loss?.path?.(weights).toJSON()), file, weights };
  }
  throw new FileAccessError(`${folder} holds no weights: none of ${names.join(", ")} is there`);
}

/** The description of a run, with the path that its weights learned in place of the one that they began with. */
function withPath(run: RunDescription, path: unknown): RunDescription {
  return path === undefined ? run : { ...run, objective: { ...run.objective, path } };
}

/** The loss of a run, where it has a schedule of its own to read. */
function schedulingLoss(run: RunDescription): Loss | undefined {
  const { loss } = run.objective as { loss?: { name?: unknown } };
  return loss?.name === "vdm" ? lossOf(objectiveFrom(run.objective)) : undefined;
}

/** The network of a `config.json`: of the kind that its `_class_name` names, a U-Net where it names none. */
function readNetwork(config: unknown, path: string): Pick<NetworkOptions, NetworkKind> {
  const name = (config as { _class_name?: unknown } | null)?._class_name;
  const kind = name === ("MLP" satisfies MlpConfig["_class_name"]) ? "mlp" : "unet";
  return { [kind]: parseConfig(networkKinds[kind], config, path) };
}

/** Names of attention layers in the files of early versions of diffusers, and those of today. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};

/** The weights of a file, and the path that was learned with them. */
async function readWeights(
  path: string,
): Promise<{ weights: Map<string, { shape: Shape; data: ArrayLike<number> }>; path?: unknown }> {
  const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
  const weights = new Map<string, { shape: Shape; data: ArrayLike<number> }>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array || !/F\d+$/.test(dtype)) {
      throw new CheckpointError(`${path}: ${name} is stored as ${dtype}; weights are floating-point numbers`);
    }
    const today = name.replace(/(attentions\.\d+\.)(query|key|value|proj_attn)\./, (_, place: string, old: string) => {
      return `${place}${OLD_NAMES[old]}.`;
    });
    weights.set(today, { shape, data });
  }
  if (metadata.path === undefined) return { weights };
  try {
    return { weights, path: JSON.parse(metadata.path) };
  } catch {
    throw new FileFormatError(`${path}: its metadata field "path" is no JSON`);
  }
}
