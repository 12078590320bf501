/**
 * A network as JSON: what stands under `network` in a run folder's `run.json`, the network made of it, and the
 * names of its weights in files.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { ImageNetwork } from "../models/network.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { unetInitialisations } from "../models/unet-blocks.ts";
import { type UNetConfig, unetConfigSchema } from "../models/unet-config.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";

export const networkSchema = z.strictObject({
  /** As diffusers' UNet2DModel; with patches, the network inside of them. */
  unet: unetConfigSchema,
  /** Pixels on a side of the patches that become channels; none when absent. */
  patch: z.int().positive().optional(),
  /** How fresh weights begin: as PyTorch's layers, or as DDPM. */
  initialisation: z.enum(["torch", "ddpm"]).default("torch"),
});

export type NetworkConfig = z.output<typeof networkSchema>;

export type NetworkOptions = z.input<typeof networkSchema>;

/** The network of a configuration. Raises a ConfigError that names the field that does not fit. */
export function networkFrom(options: NetworkOptions, label = "network"): ImageNetwork {
  const { unet, patch, initialisation } = parseConfig(networkSchema, options, label);
  const network = new UNet(unet, unetInitialisations[initialisation]);
  return patch === undefined ? network : new Patched(network, patch);
}

/** The U-Net of a network and the patches around it. Raises a ConfigError for a network of another kind. */
export function describeNetwork(network: ImageNetwork): { unet: UNetConfig; patch?: number } {
  const described = tryDescribe(network);
  if (described) return described;
  const name = network.constructor.name;
  throw new ConfigError(
    `a ${name} has no diffusers configuration; only a UNet, or one in patches, is saved as a model`,
  );
}

/** As `describeNetwork`; undefined for a network of another kind. */
export function tryDescribe(network: ImageNetwork): { unet: UNetConfig; patch?: number } | undefined {
  if (network instanceof UNet) return { unet: network.config };
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
