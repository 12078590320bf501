/**
 * The networks of the benchmark, from `networks.json`.
 */
import { readFileSync } from "node:fs";
import type { ImageNetwork } from "../src/models/network.ts";
import { networkFrom } from "../src/train/network-config.ts";
import type { NetworkFields } from "./peers/protocol.ts";

export interface BenchNetwork {
  about: string;
  parameters: number;
  batch: number;
  network: NetworkFields;
}

export const networks = JSON.parse(readFileSync(new URL("networks.json", import.meta.url), "utf8")) as Readonly<
  Record<string, BenchNetwork>
>;

export function networkOf({ patch, ...unet }: NetworkFields): ImageNetwork {
  return networkFrom({ unet, patch });
}
