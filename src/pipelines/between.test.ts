import { expect, test } from "vitest";
import { objectiveFrom } from "../diffusion/objective.ts";
import { solverFrom } from "../diffusion/solvers/registry.ts";
import type { SolverStep } from "../diffusion/solvers/solver.ts";
import { UNet } from "../models/unet.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { betweenSteps, noiseBetween } from "./between.ts";
import { sample } from "./sample.ts";

test("the numbers between are standard normal, and the ends are those of the seeds", () => {
  const size = 4000;
  const next = noiseBetween([1, 2], 5, size);
  for (const _ of [1, 2]) {
    const row = next();
    for (let n = 0; n < 5; n++) {
      const part = row.subarray(n * size, (n + 1) * size);
      const mean = part.reduce((sum, z) => sum + z, 0) / size;
      const variance = part.reduce((sum, z) => sum + z * z, 0) / size;
      expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(size));
      expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / size));
    }
  }
});

test.each([
  ["ddim", { steps: 3 }],
  ["ddpm", { steps: 3 }], // draws noise on the way, too
] as const)("%s: the ends of the row are the pictures of the two seeds", async (name, options) => {
  const network = new UNet({
    sample_size: 8,
    in_channels: 1,
    out_channels: 1,
    block_out_channels: [8],
    layers_per_block: 1,
    down_block_types: ["DownBlock2D"],
    up_block_types: ["UpBlock2D"],
    norm_num_groups: 4,
    num_class_embeds: 4,
  });
  const request = {
    network,
    weights: Weights.initial(network, 3),
    objective: objectiveFrom({ path: { name: "linear", timesteps: 1000 }, prediction: "noise" }),
    runtime: nodeRuntime("cpu"),
    threads: 1,
    solver: solverFrom(name, options as unknown),
  };
  let last: SolverStep | undefined;
  for await (const step of betweenSteps({ ...request, count: 4, seed: 11, seedTo: 12, classLabel: 2 })) last = step;
  for (const [seed, n] of [
    [11, 0],
    [12, 3],
  ]) {
    const { images } = await sample({ ...request, count: 1, seed, classLabel: 2 });
    images.forEach((value, i) => {
      expect(Math.abs(value - last!.x[n * 64 + i])).toBeLessThan(1e-5);
    });
  }
});
