/**
 * Models in the folder format of the diffusers library, both ways, as files by name: whoever keeps them, a disk
 * (`model-folder.node.ts`), a browser or a zip file, only moves bytes.
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
import { parseConfig } from "../core/config.ts";
import { CheckpointError, ConfigError, FileAccessError, FileFormatError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import type { Path } from "../diffusion/path-contract.ts";
import { decodeJson, encodeJson } from "../io/json.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { predictionGraph } from "../models/compiled.ts";
import type { MlpConfig } from "../models/mlp.ts";
import type { ImageNetwork } from "../models/network.ts";
import { countParameters } from "../nn/module.ts";
import type { Weights } from "../nn/weights.ts";
import { toOnnx } from "../onnx/export.ts";
import { decodeCheckpoint, STATE_FILE } from "./checkpoint.ts";
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
import { decodeRun, RUN_FILE, type RunDescription } from "./runs.ts";
import { weightsOf } from "./state.ts";

const CONFIG_FILE = "config.json";
const TRAINED_FILE = "model.safetensors";
const AVERAGE_FILE = "ema.safetensors";
const DIFFUSERS_FILE = "diffusion_pytorch_model.safetensors";
const INDEX_FILE = `${DIFFUSERS_FILE}.index.json`;
export const ONNX_FILE = "model.onnx";

/** What is written of a model. */
export interface ModelToSave {
  network: ImageNetwork;
  weights: Weights;
  average?: Weights;
  /** The path that weights stand for, where the loss learned it. */
  learnedPath?: (weights: Weights) => Path;
}

/**
 * The files of a model by name: `config.json`, the trained weights, and the averaged ones where they are given, for a U-Net
 * with the index that makes diffusers take those. Raises a ConfigError for a network of no known kind.
 */
export function encodeModel({ network, weights, average, learnedPath }: ModelToSave): Map<string, Uint8Array> {
  const { unet, mlp } = describeNetwork(network);
  const files = new Map([
    [CONFIG_FILE, encodeJson(unet ?? mlp)],
    [TRAINED_FILE, weightFile(network, weights, learnedPath)],
  ]);
  if (average) files.set(AVERAGE_FILE, weightFile(network, average, learnedPath));
  if (!unet) return files;
  const preferred = average ? AVERAGE_FILE : TRAINED_FILE;
  const names = [...stateDict(network, weights).keys()];
  const index = {
    metadata: { total_size: 4 * countParameters(network) },
    weight_map: Object.fromEntries(names.map((name) => [name, preferred])),
  };
  return files.set(INDEX_FILE, encodeJson(index));
}

function weightFile(network: ImageNetwork, weights: Weights, pathOf?: (weights: Weights) => Path): Uint8Array {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of stateDict(network, weights)) tensors.set(name, { dtype: "F32", shape, data });
  return encodeSafetensors(tensors, { format: "pt", ...(pathOf && { path: JSON.stringify(pathOf(weights)) }) });
}

/** Bytes from which a protobuf message, which an ONNX file is, cannot be read. */
const ONNX_LIMIT = 2 ** 31;

/**
 * A network with its weights as one ONNX file, for batches of exactly `batch` images (default 1). Inputs `sample`
 * [N, C, H, W], `timestep` float32 [N] and, with classes, `class_labels` int32 [N]; output `out_sample`.
 *
 * Raises a ConfigError for a network of 2 GB or more.
 */
export function encodeOnnx(model: { network: ImageNetwork; weights: Weights; batch?: number }): Uint8Array {
  const { network, weights, batch = 1 } = model;
  const size = 4 * countParameters(network);
  if (size >= ONNX_LIMIT) {
    throw new ConfigError(
      `the network has ${(size / 2 ** 30).toFixed(1)} GB of weights, and an ONNX file holds less than 2 GB; use the ` +
        "safetensors files",
    );
  }
  return toOnnx(predictionGraph(network, weights, batch), { producer: "langevin" });
}

export interface LoadedModel {
  network: ImageNetwork;
  weights: Weights;
  /** The file that the weights came from. */
  file: string;
  /** Where the folder is a run folder. */
  run?: RunDescription;
}

/** A folder that is read from. */
export interface FolderFiles {
  /** What messages call the folder, or a file in it. */
  pathOf(name?: string): string;
  /** The bytes of a file; undefined where there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
}

/**
 * A model of a run folder, or of a folder that diffusers wrote. `weights`: "average" (default) takes the averaged weights
 * where there are any; "trained" those of a run's last step.
 *
 * Raises a FileAccessError when config.json or weights are missing, a FileFormatError when a file is damaged, a
 * ConfigError when the configuration is none of a U-Net that langevin has, and a CheckpointError that names the first
 * tensor that does not fit it.
 */
export async function openModel(
  folder: FolderFiles,
  options: { weights?: "average" | "trained" } = {},
): Promise<LoadedModel> {
  const runBytes = await folder.read(RUN_FILE);
  const run = runBytes && decodeRun(runBytes, folder.pathOf(RUN_FILE));
  const configPath = folder.pathOf(CONFIG_FILE);
  const config = await folder.read(CONFIG_FILE);
  if (!run && !config) throw new FileAccessError(`cannot read ${configPath}: no such file; give the folder of a model`);
  const described: NetworkOptions = config
    ? { ...run?.network, ...readNetwork(decodeJson(config, configPath), configPath) }
    : run!.network;
  const network = networkFrom(described, configPath);
  const preferred = options.weights === "trained" ? [TRAINED_FILE] : [AVERAGE_FILE, TRAINED_FILE];
  const names = [...preferred, DIFFUSERS_FILE];
  for (const name of names) {
    const bytes = await folder.read(name);
    if (!bytes) continue;
    const file = folder.pathOf(name);
    const { weights, path } = readWeights(bytes, file);
    return { network, run: run && withPath(run, path), file, weights: fromStateDict(network, weights, file) };
  }
  const bytes = await folder.read(STATE_FILE);
  if (bytes) {
    const file = folder.pathOf(STATE_FILE);
    const loss = run && schedulingLoss(run);
    const state = decodeCheckpoint(bytes, file, network, loss?.module);
    const weights = weightsOf(state, options.weights === "trained" ? "parameters" : "average");
    return { network, run: run && withPath(run, loss?.path?.(weights).toJSON()), file, weights };
  }
  throw new FileAccessError(`${folder.pathOf()} holds no weights: none of ${names.join(", ")} is there`);
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
function readWeights(
  bytes: Uint8Array,
  path: string,
): { weights: Map<string, { shape: Shape; data: ArrayLike<number> }>; path?: unknown } {
  const { tensors, metadata } = decodeSafetensors(bytes, path);
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
