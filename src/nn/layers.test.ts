/**
 * Every layer against PyTorch and diffusers: outputs, and the gradients of Σ y · dy with respect to inputs and weights.
 * The numbers come from test/parity/make_layers.py (torch 2.15.0, diffusers 0.42.1, float64).
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { gradients } from "../grad/gradients.ts";
import { graphOf } from "../graph/graph.ts";
import { constant, input, mul, sum, upsample } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { decodeSafetensors } from "../io/safetensors.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import type { Feeds } from "../runtime/session.ts";
import { expectClose } from "../runtime/testing/compare.ts";
import { Attention } from "./attention.ts";
import { sinusoid, TimestepEmbedding } from "./embeddings.ts";
import { Conv1d, Conv2d, Downsample, Embedding, GroupNorm, LayerNorm, Linear, Upsample } from "./layers.ts";
import { Module, traceWith } from "./module.ts";
import { Weights } from "./weights.ts";

const file = new URL("../../test/parity/layers.safetensors", import.meta.url);
const { tensors: goldens } = decodeSafetensors(readFileSync(file), "layers.safetensors");

/** 1e-5 of each number, or of the largest one. */
const tolerance = { relative: 1e-5, ofLargest: 1e-5 };

type Layer = Module<[Tensor, Tensor?], Tensor>;

/** A function of tensors as a layer without parameters. */
class Plain extends Module<[Tensor], Tensor> {
  readonly #body: (x: Tensor) => Tensor;

  constructor(body: (x: Tensor) => Tensor) {
    super();
    this.#body = body;
  }

  protected override forward(x: Tensor): Tensor {
    return this.#body(x);
  }
}

const plain = (channels: number, flipSinToCos: boolean, freqShift: number) =>
  new Plain((t) => sinusoid(t, channels, { flipSinToCos, freqShift }));

const norm = { groups: 4, epsilon: 1e-6 };

/** The layers of make_layers.py, by the names there. */
const layers: Record<string, Layer> = {
  linear: new Linear(5, 7),
  "linear-no-bias": new Linear(5, 3, { bias: false }),
  conv1d: new Conv1d(3, 5, 3, { padding: 1 }),
  "conv1d-dilated": new Conv1d(4, 6, 3, { padding: 4, dilation: 4 }),
  "conv1d-stride-groups": new Conv1d(4, 6, 4, { stride: 3, padding: 2, groups: 2 }),
  conv2d: new Conv2d(3, 4, 3, { padding: 1 }),
  "conv2d-pointwise": new Conv2d(3, 4, 1),
  "conv2d-stride": new Conv2d(3, 4, 3, { stride: 2, padding: 1 }),
  "conv2d-no-padding-no-bias": new Conv2d(2, 3, 2, { bias: false }),
  "conv2d-dilated": new Conv2d(2, 3, 3, { padding: 2, dilation: 2 }),
  "conv2d-groups": new Conv2d(6, 4, 3, { padding: 1, groups: 2 }),
  "conv2d-depthwise": new Conv2d(4, 4, 3, { padding: 1, groups: 4 }),
  "conv2d-stride-dilated-groups": new Conv2d(4, 6, 3, { stride: 2, padding: 3, dilation: 3, groups: 2 }),
  "group-norm": new GroupNorm(3, 6),
  "group-norm-one-group": new GroupNorm(1, 4, 1e-3),
  "group-norm-each-channel": new GroupNorm(4, 4, 1e-6),
  "layer-norm": new LayerNorm(6),
  "layer-norm-plain": new LayerNorm(6, 1e-6, false),
  attention: new Attention({ channels: 8, heads: 2 }),
  "attention-norm-residual": new Attention({ channels: 8, heads: 2, norm, residual: true }),
  "attention-one-head-no-bias": new Attention({ channels: 6, heads: 1, headChannels: 10, bias: false }),
  "attention-cross": new Attention({ channels: 8, heads: 4, headChannels: 3, contextChannels: 5, bias: false }),
  "upsample-nearest": new Plain((x) => upsample(x, 2)),
  upsample: new Upsample(3),
  downsample: new Downsample(3, 1),
  "downsample-odd": new Downsample(2, 1),
  "downsample-right-bottom": new Downsample(3, 0),
  "timestep-embedding": new TimestepEmbedding(6, 8),
  embedding: new Embedding(6, 4),
  "sinusoid-ddpm": plain(8, false, 1),
  "sinusoid-adm": plain(8, true, 0),
  "sinusoid-odd": plain(9, false, 1),
  "sinusoid-odd-flipped": plain(7, true, 0),
};

/** The golden tensors of one case whose names begin with `prefix`, by what follows it. */
function golden(name: string, prefix = "") {
  const start = `${name}/${prefix}`;
  const found = [...goldens].filter(([key]) => key.startsWith(start));
  return new Map(
    found.map(([key, { shape, data }]) => [
      key.slice(start.length),
      { shape, data: data as Float32Array | Int32Array },
    ]),
  );
}

describe("layers agree with PyTorch", () => {
  it("has a layer for every golden case and a golden for every layer", () => {
    const cases = new Set([...goldens.keys()].map((key) => key.split("/")[0]));
    expect([...cases].sort()).toEqual(Object.keys(layers).sort());
  });

  it.each(Object.keys(layers))("%s", async (name) => {
    const layer = layers[name];
    const of = golden(name);
    const weights = Weights.fromTensors(layer, golden(name, "w."), name); // also proves the state-dict names
    const slabs = weights.layout.inputs("parameters");
    const parameters = weights.layout.cut(slabs);

    const inputs: Tensor[] = [];
    const feeds: Record<string, Feeds[string]> = {};
    const differentiable = new Map<string, Tensor>();
    for (const key of ["x", "context"]) {
      const tensor = of.get(key);
      if (!tensor) continue;
      const float = tensor.data instanceof Float32Array;
      inputs.push(input(key, tensor.shape, float ? "float32" : "int32"));
      feeds[key] = tensor.data;
      if (float) differentiable.set(`d${key}`, inputs[inputs.length - 1]);
    }
    for (const [i, slab] of weights.slabs.entries()) feeds[`parameters.${i}`] = slab;

    const [x, context] = inputs;
    const y = traceWith({ parameters }, () => layer.call(x, context));
    expect(y.shape).toEqual(of.get("y")!.shape);
    const loss = sum(mul(y, constant(of.get("dy")!.data, y.shape)));
    const wanted = weights.layout.entries.map(({ parameter }) => parameters.get(parameter)!);
    const slopes = gradients(loss, [...differentiable.values(), ...wanted]);
    const outputs: Record<string, Tensor> = { y };
    for (const [i, key] of [...differentiable.keys()].entries()) outputs[key] = slopes[i];
    if (wanted.length > 0) {
      const joined = weights.layout.join(slopes.slice(differentiable.size));
      for (const [i, slab] of joined.entries()) outputs[`gradient.${i}`] = slab;
    }
    outputs.sampled = traceWith({ parameters: weights.constants() }, () => layer.call(x, context));
    await using session = await nodeRuntime().compile(graphOf(outputs), { threads: 1 });
    const results = await session.run(feeds);

    expectClose(results.y, of.get("y")!.data, `${name}: y`, tolerance);
    expectClose(results.sampled, of.get("y")!.data, `${name}: y with constant weights`, tolerance);
    for (const key of differentiable.keys()) expectClose(results[key], of.get(key)!.data, `${name}: ${key}`, tolerance);
    const gradientSlabs = weights.slabs.map((_, i) => results[`gradient.${i}`] as Float32Array);
    const byName = new Weights(weights.layout, gradientSlabs).tensors(); // in PyTorch's layout again
    for (const [key, { data }] of byName) expectClose(data, of.get(`d.${key}`)!.data, `${name}: d.${key}`, tolerance);
  });
});

describe("sinusoid", () => {
  it("has the closed form up to t = 1000", async () => {
    // Float32 holds an angle of 1000 to 3e-5.
    const times = [0, 1, 250.5, 999, 1000];
    const channels = 16;
    const y = sinusoid(input("t", [times.length]), channels, { flipSinToCos: true, freqShift: 0 });
    await using session = await nodeRuntime().compile(graphOf({ y }), { threads: 1 });
    const results = await session.run({ t: Float32Array.from(times) });
    const expected = times.flatMap((t) => {
      const angles = Array.from({ length: channels / 2 }, (_, i) => t * 10_000 ** (-i / (channels / 2)));
      return [...angles.map(Math.cos), ...angles.map(Math.sin)];
    });
    expectClose(results.y, expected, "sinusoid", { relative: 0, ofLargest: 1e-4 });
  });
});

describe("layers refuse what does not divide", () => {
  it("groups that do not divide the channels", () => {
    expect(() => new Conv2d(6, 4, 3, { groups: 4 })).toThrow(ConfigError);
    expect(() => new Conv2d(6, 4, 3, { groups: 4 })).toThrow(/4 groups.*6 input and 4 output channels/);
    expect(() => new Conv1d(4, 6, 3, { groups: 4 })).toThrow(ConfigError);
    expect(() => new GroupNorm(4, 6)).toThrow(/4 groups do not divide 6 channels/);
  });

  it("heads that do not divide the channels", () => {
    expect(() => new Attention({ channels: 8, heads: 3 })).toThrow(/3 heads do not divide 8 channels/);
    expect(() => new Attention({ channels: 8, heads: 0 })).toThrow(ConfigError);
    expect(() => new Attention({ channels: 8, heads: 1.5, headChannels: 4 })).toThrow(ConfigError);
  });
});
