/**
 * A network as JSON: what stands under `network` in a run folder's `run.json`, and the network made of it.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { ImageNetwork } from "../models/network.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { unetInitialisations } from "../models/unet-blocks.ts";
import { type UNetConfig, unetConfigSchema } from "../models/unet-config.ts";

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
