import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { ddim } from "../../diffusion/solvers/ddim.ts";
import { straightLine } from "../../diffusion/straight-line.ts";
import { countOps, graphOf } from "../../graph/graph.ts";
import { add, input, silu, transpose } from "../../graph/ops.ts";
import { CompiledNetwork, predictionGraph } from "../../models/compiled.ts";
import { Patched } from "../../models/patched.ts";
import { report, traceWith } from "../../nn/module.ts";
import { Weights } from "../../nn/weights.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { sampleSteps } from "../sample.ts";
import { placesOf } from "./places.ts";
import { furthest, tinyNetwork } from "./testing/tiny.ts";
import { WatchedNetwork, watchedGraph, watchSteps } from "./watch.ts";

const { network, weights } = tinyNetwork();
const runtime = nodeRuntime();
const x = Random.from(1).normals(2 * 64);
const times = Float32Array.of(300, 700);
const labels = Int32Array.of(0, 2);

async function look(ids: readonly string[]) {
  await using watched = new WatchedNetwork(network, weights, runtime, ids);
  return await watched.look(x, times, labels);
}

describe("places", () => {
  it("are named by the state dict, in the order of the computation", () => {
    const places = placesOf(network);
    const blocks = places.filter(({ id }) => /^(down_blocks\.\d|mid_block|up_blocks\.\d)$/.test(id));
    expect(blocks.map(({ id, shape }) => `${id} ${shape}`)).toEqual([
      "down_blocks.0 8,4,4",
      "down_blocks.1 12,4,4",
      "mid_block 12,4,4",
      "up_blocks.0 12,8,8",
      "up_blocks.1 8,8,8",
    ]);
    const attentions = places.filter(({ kind }) => kind === "attention");
    expect(attentions.map(({ id }) => id)).toEqual([
      "down_blocks.1.attentions.0.probabilities",
      "mid_block.attentions.0.probabilities",
      "up_blocks.0.attentions.0.probabilities",
      "up_blocks.0.attentions.1.probabilities",
    ]);
    for (const { shape, grid } of attentions) expect({ shape, grid }).toEqual({ shape: [3, 16, 16], grid: [4, 4] });
  });

  it("inside of patches have the names of the files", () => {
    const { inner } = { inner: tinyNetwork().network };
    const outer = new Patched(inner, 1);
    expect(placesOf(outer)).toEqual(placesOf(inner));
  });

  it("that are not there are refused with the nearest name", () => {
    const wrong = () => watchedGraph(network, weights, 1, ["mid_block.attention.0"]);
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/no place "mid_block.attention.0".*mid_block.attentions.0/);
  });

  it("cost nothing where nobody watches, and are told to none outside of a trace", () => {
    const plain = countOps(predictionGraph(network, weights, 1));
    expect(countOps(watchedGraph(network, weights, 1, []))).toEqual(plain);
    expect(() => report("nothing", input("x", [1]))).not.toThrow();
  });
});

describe("what is seen", () => {
  it("does not change the prediction", async () => {
    await using compiled = new CompiledNetwork(network, weights, runtime);
    const all = placesOf(network).map(({ id }) => id);
    const { output, views } = await look(all);
    expect(Object.keys(views)).toEqual(all);
    expect(furthest(output, await compiled.predictAt(x, times, labels))).toBeLessThan(1e-5);
  });

  it("of attention: rows sum to 1 and, times V and projected, are what the layer returns", async () => {
    const layer = "mid_block.attentions.0";
    const { views } = await look([`${layer}.probabilities`, `${layer}.to_v`, layer, "mid_block.resnets.0"]);
    const [p, v] = [views[`${layer}.probabilities`], views[`${layer}.to_v`]];
    expect(p.shape).toEqual([2, 3, 16, 16]);
    expect(v.shape).toEqual([2, 16, 12]);
    for (let row = 0; row < p.data.length; row += 16) {
      const sum = p.data.subarray(row, row + 16).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    // out = x + W concat_h(P_h V_h) + b, in float64; W [12, 12] as in a state dict.
    const w = weights.tensors().get(`${layer}.to_out.0.weight`)!.data;
    const b = weights.tensors().get(`${layer}.to_out.0.bias`)!.data;
    const before = views["mid_block.resnets.0"].data; // [N, 12, 4, 4]
    const expected = new Float64Array(before.length);
    for (let n = 0; n < 2; n++) {
      for (let query = 0; query < 16; query++) {
        const mixed = Float64Array.from({ length: 12 }, (_, c) => {
          const head = Math.floor(c / 4);
          let sum = 0;
          for (let key = 0; key < 16; key++) {
            sum += p.data[((n * 3 + head) * 16 + query) * 16 + key] * v.data[(n * 16 + key) * 12 + c];
          }
          return sum;
        });
        for (let o = 0; o < 12; o++) {
          const at = (n * 12 + o) * 16 + query;
          expected[at] = before[at] + b[o] + mixed.reduce((sum, value, c) => sum + w[o * 12 + c] * value, 0);
        }
      }
    }
    expect(furthest(views[layer].data, expected)).toBeLessThan(1e-5);
  });

  it("of a block is what the module gives when it is called by hand", async () => {
    const { views } = await look([
      "conv_in",
      "time_embedding",
      "class_embedding",
      "down_blocks.0.resnets.0",
      "down_blocks.0",
    ]);
    const time = input("time", [2, 32]);
    const classes = input("classes", [2, 32]);
    const image = input("image", [2, 1, 8, 8]);
    const { resnet, down } = traceWith({ parameters: weights.constants() }, () => {
      const embedding = silu(add(time, classes));
      const hidden = network.conv_in.call(transpose(image, [0, 2, 3, 1]));
      const nchw = (tensor: typeof hidden) => transpose(tensor, [0, 3, 1, 2]);
      return {
        resnet: nchw(network.down_blocks[0].resnets[0].call(hidden, embedding)),
        down: nchw(network.down_blocks[0].call(hidden, embedding).out),
      };
    });
    await using session = await runtime.compile(graphOf({ resnet, down }));
    const feeds = { image: x, time: views.time_embedding.data, classes: views.class_embedding.data };
    const expected = await session.run(feeds);
    expect(furthest(views["down_blocks.0.resnets.0"].data, expected.resnet)).toBeLessThan(1e-5);
    expect(furthest(views["down_blocks.0"].data, expected.down)).toBeLessThan(1e-5);
    expect(new Set(expected.down).size).toBeGreaterThan(200);
  });
});

describe("watchSteps", () => {
  const request = {
    network,
    weights: Weights.initial(network, 3),
    objective: { path: straightLine(), prediction: "flow" as const },
    runtime,
    solver: ddim({ steps: 3, clip: false }),
    count: 2,
    seed: 4,
    classLabel: 1,
    guidance: 2.5,
  };
  const id = "mid_block.attentions.0.probabilities";

  it("draws what sampleSteps draws, and under guidance shows the side of the condition", async () => {
    const plain = [];
    for await (const step of sampleSteps(request)) plain.push(step);
    await using alone = new WatchedNetwork(network, request.weights, runtime, [id]);
    let steps = 0;
    let previous: Float32Array | undefined;
    for await (const { before, views, x: after, t } of watchSteps(request, [id])) {
      expect(furthest(after, plain[steps].x)).toBeLessThan(1e-5);
      if (previous) expect(furthest(before, previous)).toBe(0);
      const time = Float32Array.of(straightLine().networkTime(t), straightLine().networkTime(t));
      const conditional = await alone.look(before, time, Int32Array.of(1, 1));
      const none = await alone.look(before, time, Int32Array.of(2, 2));
      expect(views[id].shape).toEqual([2, 3, 16, 16]);
      expect(furthest(views[id].data, conditional.views[id].data)).toBeLessThan(1e-5);
      expect(furthest(views[id].data, none.views[id].data)).toBeGreaterThan(1e-4);
      previous = after;
      steps++;
    }
    expect(steps).toBe(3);
  });

  it("stops between two steps", async () => {
    const stop = new AbortController();
    const run = async () => {
      for await (const { step } of watchSteps({ ...request, signal: stop.signal }, [id])) {
        expect(step).toBe(1);
        stop.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
  });
});
