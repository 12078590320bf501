import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { input } from "../graph/ops.ts";
import { decodeSafetensors } from "../io/safetensors.ts";
import { countParameters, traceWith } from "../nn/module.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { expectClose } from "../runtime/testing/compare.ts";
import { predictionGraph } from "./compiled.ts";
import { Mlp, type MlpOptions } from "./mlp.ts";

const file = new URL("../../test/parity/mlp.safetensors", import.meta.url);
const { tensors: goldens } = decodeSafetensors(readFileSync(file), "mlp.safetensors");

/** The tensors of a case whose names begin with `prefix`. */
function golden(prefix: string) {
  const found = new Map<string, { shape: readonly number[]; data: Float32Array | Int32Array }>();
  for (const [name, { shape, data }] of goldens) {
    if (name.startsWith(prefix)) found.set(name.slice(prefix.length), { shape, data: data as Float32Array });
  }
  return found;
}

const cases: [string, MlpOptions][] = [
  ["points", { width: 8, blocks: 2, octaves: 3, timeChannels: 6 }],
  ["classes", { width: 6, blocks: 1, octaves: 0, timeChannels: 8, classes: 3, timeScale: 30, maxPeriod: 60 }],
  [
    "images",
    {
      imageShape: [1, 2, 3],
      width: 5,
      blocks: 3,
      octaves: 1,
      timeChannels: 4,
      timeScale: 0.5,
      maxPeriod: 100,
      learnedVariance: true,
    },
  ],
];

describe("the MLP", () => {
  it.each(cases)("gives the outputs of PyTorch: %s", async (name, options) => {
    const network = new Mlp(options);
    const weights = Weights.fromTensors(network, golden(`${name}/w.`), name);
    const io = golden(`${name}/`);
    await using session = await nodeRuntime().compile(predictionGraph(network, weights, 4), { threads: 1 });
    const feeds = { sample: io.get("sample")!.data, timestep: io.get("time")!.data };
    const labels = io.get("class_labels")?.data;
    const { out_sample } = await session.run(labels ? { ...feeds, class_labels: labels } : feeds);
    expectClose(out_sample, io.get("output")!.data, name, { relative: 1e-5, ofLargest: 1e-5 });
  });

  it("counts its parameters, and says what it takes and gives", () => {
    // In 2·5·w+w (two octaves), times c·w+w and w·w+w, table k·w, blocks 3(w·w+w) each, out 2·w+2, at w = 8, c = 6, k = 3, two blocks.
    expect(countParameters(new Mlp({ width: 8, blocks: 2, octaves: 2, timeChannels: 6, classes: 3 }))).toBe(
      88 + 56 + 72 + 24 + 2 * 216 + 18,
    );
    const images = new Mlp(cases[2][1]);
    expect([images.imageShape, images.outputChannels, images.classes]).toEqual([[1, 2, 3], 2, undefined]);
    expect(new Mlp({ classes: 9 }).classes).toBe(9);
  });

  it("predicts 0 when it is fresh", async () => {
    const network = new Mlp({ width: 8, blocks: 1 });
    await using session = await nodeRuntime().compile(predictionGraph(network, Weights.initial(network, 0), 1));
    const { out_sample } = await session.run({ sample: Float32Array.of(1, -2), timestep: Float32Array.of(3) });
    expect([...out_sample]).toEqual([0, 0]);
  });

  it("refuses what it does not know", () => {
    expect(() => new Mlp({ wdith: 3 } as never)).toThrow(/MLP configuration: unknown field wdith\. Did you mean width/);
    expect(() => new Mlp({ width: 0 })).toThrow(ConfigError);
    expect(() => new Mlp({ maxPeriod: 1 })).toThrow(/maxPeriod/);
    const trace = (network: Mlp, shape: number[], labels?: boolean) => {
      const layout = new SlabLayout(network);
      return traceWith({ parameters: new Weights(layout, layout.zeros()).constants() }, () =>
        network.call({
          sample: input("sample", shape),
          time: input("time", [1]),
          classLabels: labels ? input("labels", [1], "int32") : undefined,
        }),
      );
    };
    expect(() => trace(new Mlp(), [1, 3, 1, 1])).toThrow(/expects images \[2, 1, 1\], not \[3, 1, 1\]/);
    expect(() => trace(new Mlp(), [1, 2, 1, 1], true)).toThrow(/no class embedding/);
    expect(() => trace(new Mlp({ classes: 2 }), [1, 2, 1, 1])).toThrow(/class labels must be given/);
  });
});
