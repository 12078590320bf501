import { describe, expect, it } from "vitest";
import { graphOf } from "../graph/graph.ts";
import { add, constant, input, mul, reshape } from "../graph/ops.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { countParameters } from "../nn/module.ts";
import { blocksOf, peakBytes, samplingFigures, trainingFigures } from "./footprint.ts";

const unet = new UNet({
  sample_size: 4,
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [8, 16],
  layers_per_block: 1,
  down_block_types: ["DownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "UpBlock2D"],
  norm_num_groups: 4,
});

describe("peakBytes", () => {
  it("counts what is alive at once, by hand", () => {
    const x = input("x", [100]);
    const a = mul(x, 2); // 400 bytes
    const b = reshape(a, [10, 10]); // a view of a
    const c = mul(b, b); // a is read for the last time here
    const d = add(c, constant(new Float32Array(100).fill(1), [10, 10]));
    // a and c while c is computed, then c and d: never three.
    expect(peakBytes(graphOf({ d }))).toBe(800);
    // As an output, the view holds a to the end.
    expect(peakBytes(graphOf({ d, b }))).toBe(1200);
  });
});

describe("blocks", () => {
  it("hold every parameter once, under the names of the network inside of patches", () => {
    const blocks = blocksOf(new Patched(unet, 2));
    expect(blocks.map(({ name }) => name).sort()).toEqual(
      ["conv_in", "conv_norm_out", "conv_out", "down_blocks.0", "down_blocks.1", "mid_block", "time_embedding"].concat([
        "up_blocks.0",
        "up_blocks.1",
      ]),
    );
    expect(blocks.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(countParameters(unet));
    expect(blocksOf(unet, true).find(({ name }) => name === "conv_in.weight")).toEqual({
      name: "conv_in.weight",
      tensors: 1,
      parameters: 8 * 4 * 9,
    });
  });
});

describe("graphs", () => {
  it("take more memory to train than to sample, and more for a larger batch", () => {
    const training = trainingFigures(unet, { batch: 2, optimiser: {} });
    const sampling = samplingFigures(unet, 2);
    const state = 4 * 4 * countParameters(unet); // parameters, two moments, average
    expect(training.bytes).toBeGreaterThan(2 * state); // what is fed and what comes back
    expect(sampling.bytes).toBeLessThan(training.bytes);
    expect(samplingFigures(unet, 4).bytes).toBeGreaterThan(sampling.bytes);
    expect(Object.keys(sampling.ops)).not.toContain("constant");
    const counts = Object.values(training.ops);
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
  });
});
