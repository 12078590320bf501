import { describe, expect, it } from "vitest";
import { Random } from "../core/random.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import type { CompileOptions, Runtime } from "../runtime/session.ts";
import { CompiledNetwork, partsFor } from "./compiled.ts";
import { UNet } from "./unet.ts";

describe("partsFor", () => {
  it("gives each thread parts of 16 digits or 4 pictures, where there are enough", () => {
    expect(partsFor(64, 28 * 28, 2)).toEqual({ size: 16, replicas: 2 });
    expect(partsFor(16, 3 * 32 * 32, 2)).toEqual({ size: 4, replicas: 2 });
    expect(partsFor(31, 28 * 28, 2)).toEqual({ size: 31, replicas: 1 });
    expect(partsFor(64, 28 * 28, 1)).toEqual({ size: 64, replicas: 1 });
    expect(partsFor(1, 3 * 512 * 512, 2)).toEqual({ size: 1, replicas: 1 });
    expect(partsFor(2, 3 * 512 * 512, 2)).toEqual({ size: 1, replicas: 2 });
  });
});

describe("CompiledNetwork", () => {
  it("predicts the same in parts, on threads of their own, as in one piece", async () => {
    const network = new UNet({
      sample_size: 32,
      in_channels: 1,
      out_channels: 2,
      block_out_channels: [4],
      layers_per_block: 1,
      down_block_types: ["DownBlock2D"],
      up_block_types: ["UpBlock2D"],
      attention_head_dim: null,
      norm_num_groups: 2,
      num_class_embeds: 3,
    });
    const weights = Weights.initial(network, 0);
    const node = nodeRuntime();
    const compiled: CompileOptions[] = [];
    const twoCores: Runtime = {
      ...node,
      threads: 2,
      compile: (graph, options = {}) => {
        compiled.push(options);
        return node.compile(graph, options);
      },
    };
    const batch = 29; // parts of 12, 12 and 5 images
    const random = Random.from(1);
    const x = random.normals(batch * 32 * 32);
    const times = Float32Array.from({ length: batch }, () => 1000 * random.uniform());
    const labels = Int32Array.from({ length: batch }, (_, i) => i % 3);
    await using inParts = new CompiledNetwork(network, weights, twoCores);
    await using whole = new CompiledNetwork(network, weights, twoCores, { threads: 1 });
    const found = await inParts.predictAt(x, times, labels);
    expect(compiled).toMatchObject([
      { threads: 1, ownThread: true },
      { threads: 1, ownThread: true },
    ]);
    const expected = await whole.predictAt(x, times, labels);
    expect(compiled).toHaveLength(3);
    expect(found).toHaveLength(2 * x.length);
    const error = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
    expect(error).toBeLessThan(1e-5);
    expect(new Set(expected).size).toBeGreaterThan(x.length); // not all the same number
  });
});
