/**
 * A network as JSON: what stands under `network` in a run folder's `run.json`, the network made of it, and the
 * names of its weights in files.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { Mlp, mlpConfigSchema } from "../models/mlp.ts";
import type { ImageNetwork } from "../models/network.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { unetInitialisations } from "../models/unet-blocks.ts";
import { unetConfigSchema } from "../models/unet-config.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";

/** The kinds of network: one of these fields names the kind and holds its configuration. */
export const networkKinds = {
  /** As diffusers' UNet2DModel; with patches, the network inside of them. */
  unet: unetConfigSchema,
  /** For points and other small data. */
  mlp: mlpConfigSchema,
} as const;

export type NetworkKind = keyof typeof networkKinds;

const kinds = Object.keys(networkKinds) as NetworkKind[];

export const networkSchema = z
  .strictObject({
    unet: networkKinds.unet.optional(),
    mlp: networkKinds.mlp.optional(),
    /** Pixels on a side of the patches that become channels; none when absent. */
    patch: z.int().positive().optional(),
    /** How fresh weights of a U-Net begin: as PyTorch's layers, or as DDPM. */
    initialisation: z.enum(["torch", "ddpm"]).default("torch"),
  })
  .refine((network) => kinds.filter((kind) => network[kind] !== undefined).length === 1, {
    error: `expected one network, as ${kinds.join(" or ")}`,
  })
  .refine(
    ({ mlp, patch, initialisation }) => mlp === undefined || (patch === undefined && initialisation === "torch"),
    {
      error: "expected neither patch nor initialisation beside mlp",
    },
  );

export type NetworkConfig = z.output<typeof networkSchema>;

export type NetworkOptions = z.input<typeof networkSchema>;

/** The network of a configuration. Raises a ConfigError that names the field that does not fit. */
export function networkFrom(options: NetworkOptions, label = "network"): ImageNetwork {
  const { unet, mlp, patch, initialisation } = parseConfig(networkSchema, options, label);
  const network = mlp ? new Mlp(mlp) : new UNet(unet!, unetInitialisations[initialisation]);
  return patch === undefined ? network : new Patched(network, patch);
}

/** What a network is, but for how it began: its kind with its configuration, and the patches around it. */
export type NetworkDescription = Pick<NetworkConfig, NetworkKind | "patch">;

/** The description from which `networkFrom` makes the same network. Raises a ConfigError for one of no known kind. */
export function describeNetwork(network: ImageNetwork): NetworkDescription {
  const described = tryDescribe(network);
  if (described) return described;
  const name = network.constructor.name;
  throw new ConfigError(`a ${name} has no configuration; only a UNet, one in patches, or an Mlp is saved as a model`);
}

/** As `describeNetwork`; undefined for a network of another kind. */
export function tryDescribe(network: ImageNetwork): NetworkDescription | undefined {
  if (network instanceof UNet) return { unet: network.config };
  if (network instanceof Mlp) return { mlp: network.config };
  if (!(network instanceof Patched && network.inner instanceof UNet)) return undefined;
  return { unet: network.inner.config, patch: network.patch };
}

/**
 * The weights of a network under the state-dict names that diffusers knows: without the patches around it. The numbers
 * are shared, not copied.
 */
export function stateDict(network: ImageNetwork, weights: Weights): Map<string, { shape: Shape; data: Float32Array }> {
  return new Weights(new SlabLayout(withoutPatches(network)), weights.slabs).tensors();
}

/** The inverse of `stateDict`. Raises a CheckpointError that names the first tensor that does not fit; see `Weights`. */
export function fromStateDict(
  network: ImageNetwork,
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>,
  label: string,
): Weights {
  const { slabs } = Weights.fromTensors(withoutPatches(network), tensors, label);
  return new Weights(new SlabLayout(network), slabs);
}

/** Patches have no parameters of their own, so the slabs of the network inside are those of the whole. */
function withoutPatches(network: ImageNetwork): ImageNetwork {
  return network instanceof Patched ? withoutPatches(network.inner) : network;
}
