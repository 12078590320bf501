/**
 * Points of N(mean, std²) in each coordinate as data, for training against closed forms; and a network that learns them in
 * seconds.
 */
import { Random } from "../../core/random.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { denoiserOf } from "../../diffusion/denoiser.ts";
import type { Objective } from "../../diffusion/objective.ts";
import { CompiledNetwork } from "../../models/compiled.ts";
import type { ImageNetwork } from "../../models/network.ts";
import type { Weights } from "../../nn/weights.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { networkFrom } from "../network-config.ts";

export function gaussianData({ mean, std }: { mean: number; std: number }, size = 4096): Dataset {
  const points = Random.from(9, "gaussian")
    .normals(2 * size)
    .map((z) => mean + std * z);
  return {
    name: "points of a Gaussian",
    size,
    channels: 2,
    height: 1,
    width: 1,
    async read(indices) {
      const images = new Float32Array(2 * indices.length);
      for (let n = 0; n < indices.length; n++) images.set(points.subarray(2 * indices[n], 2 * indices[n] + 2), 2 * n);
      return { images };
    },
  };
}

export const smallMlp = (options: { timeScale?: number } = {}): ImageNetwork =>
  networkFrom({ mlp: { width: 48, blocks: 1, timeChannels: 16, ...options } });

/** What a trained network denoises. */
export function denoiserFor(network: ImageNetwork, weights: Weights, { path, prediction }: Objective): Denoiser {
  const compiled = new CompiledNetwork(network, weights, nodeRuntime(), { threads: 1 });
  return denoiserOf((x, time) => compiled.predict(x, time), path, prediction);
}
