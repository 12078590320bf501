/**
 * Every pass of `onnx/passes.ts` left out in turn: ten steps of training, and a prediction. The network is small, but large
 * enough that each pass finds something to do.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { randomImages } from "../bench/random-images.ts";
import { Random } from "../src/core/random.ts";
import { sizeOf } from "../src/core/shape.ts";
import { objectiveFrom } from "../src/diffusion/index.ts";
import { CompiledNetwork } from "../src/models/compiled.ts";
import { Weights } from "../src/nn/weights.ts";
import { toOnnx } from "../src/onnx/export.ts";
import { checkPasses, type PassName, passes } from "../src/onnx/passes.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";
import type { Runtime } from "../src/runtime/session.ts";
import { networkFrom } from "../src/train/network-config.ts";
import { train } from "../src/train/train.ts";

const names = Object.keys(passes) as PassName[];
const BATCH = 8;

const network = networkFrom({
  unet: {
    sample_size: 16,
    in_channels: 3,
    out_channels: 6,
    block_out_channels: [64, 64],
    layers_per_block: 1,
    down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
    up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
    attention_head_dim: 32,
    norm_num_groups: 8,
  },
});

/** The losses of ten steps, and a prediction. */
async function trained(runtime: Runtime) {
  const training = train({
    network,
    objective: objectiveFrom({ path: { name: "linear" }, prediction: "noise", loss: "hybrid" }),
    data: randomImages(network, 2 * BATCH),
    runtime,
    steps: 10,
    batch: BATCH,
    learningRate: { peak: 2e-4 },
    clip: 1,
    ema: { decay: 0.9 },
    seed: 1,
    threads: 1,
  });
  const losses: number[] = [];
  for await (const tick of training) losses.push(tick.loss);
  const weights = Weights.initial(network, 1);
  await using compiled = new CompiledNetwork(network, weights, runtime, { threads: 1 });
  const images = Random.from(1, "images").normals(BATCH * sizeOf(network.imageShape));
  return { losses, predicted: await compiled.predict(images, 500) };
}

describe("ten steps with one pass left out", () => {
  let whole: Awaited<ReturnType<typeof trained>>;
  beforeAll(async () => {
    whole = await trained(nodeRuntime());
  });

  it.each(names)("without %s", async (pass) => {
    const { losses, predicted } = await trained(nodeRuntime("cpu", { without: [pass] }));
    for (const [step, loss] of losses.entries()) {
      expect(Math.abs(loss / whole.losses[step] - 1), `step ${step + 1}`).toBeLessThan(1e-4);
    }
    const largest = Math.max(...whole.predicted.map(Math.abs));
    const difference = Math.max(...predicted.map((value, i) => Math.abs(value - whole.predicted[i])));
    expect(difference / largest).toBeLessThan(1e-4);
  });
});

describe("what a pass changes", () => {
  const graphs: Parameters<typeof toOnnx>[0][] = [];
  beforeAll(async () => {
    const traced: Runtime = {
      ...nodeRuntime(),
      compile(graph, options) {
        graphs.push(graph);
        return nodeRuntime().compile(graph, options);
      },
    };
    await trained(traced);
  });

  it.each(names)("%s changes one of the models of training and sampling", (pass) => {
    const changed = graphs.some((graph) => {
      const [on, off] = [[], [pass]].map((without) => toOnnx(graph, {}, { convBlock: 16, without }));
      return !Buffer.from(on).equals(off);
    });
    expect(changed).toBe(true);
  });
});

it("a pass that does not exist is an error that names the nearest", () => {
  expect(() => checkPasses(["winograd-convolution"])).toThrow(/no pass winograd-convolution.*winograd-convolutions/);
  expect(() => nodeRuntime("cpu", { without: ["x"] })).toThrow(/no pass x\. Known: drop-detached/);
});
