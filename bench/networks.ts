/**
 * The networks of the benchmark, from `networks.json`.
 */
import type { ImageNetwork } from "../src/models/network.ts";
import { networkFrom } from "../src/train/network-config.ts";
import listed from "./networks.json" with { type: "json" };
import type { NetworkFields } from "./peers/protocol.ts";

export interface BenchNetwork {
  about: string;
  parameters: number;
  batch: number;
  network: NetworkFields;
}

export const networks: Readonly<Record<string, BenchNetwork>> = listed;

export function networkOf({ patch, ...unet }: NetworkFields): ImageNetwork {
  return networkFrom({ unet, patch });
}
