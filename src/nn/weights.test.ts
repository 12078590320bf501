import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, ShapeError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { graphOf } from "../graph/graph.ts";
import { input } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { Conv2d, Linear } from "./layers.ts";
import { countParameters, Module, namedParameters, traceWith } from "./module.ts";
import { SlabLayout, Weights } from "./weights.ts";

class Block extends Module<[Tensor], Tensor> {
  readonly linear: Linear;

  constructor(inputs: number, outputs: number) {
    super();
    this.linear = new Linear(inputs, outputs);
  }

  protected override forward(x: Tensor): Tensor {
    return this.linear.call(x);
  }
}

/** 4·3 + 4, 5·4 + 5, 2·5 + 2: 53 numbers in six tensors. */
class Tower extends Module<[Tensor], Tensor> {
  readonly blocks: readonly Block[];
  readonly head: Linear;

  constructor(inputs = 3) {
    super();
    this.blocks = [new Block(inputs, 4), new Block(4, 5)];
    this.head = new Linear(5, 2);
  }

  protected override forward(x: Tensor): Tensor {
    return this.head.call(this.blocks.reduce((hidden, block) => block.call(hidden), x));
  }
}

const names = [
  "blocks.0.linear.weight",
  "blocks.0.linear.bias",
  "blocks.1.linear.weight",
  "blocks.1.linear.bias",
  "head.weight",
  "head.bias",
];

describe("namedParameters", () => {
  it("names parameters by their path, in order of definition", () => {
    expect([...namedParameters(new Tower()).keys()]).toEqual(names);
    expect(countParameters(new Tower())).toBe(53);
  });
});

describe("SlabLayout", () => {
  it("lays parameters one behind the other in one slab", () => {
    const { entries, lengths } = new SlabLayout(new Tower());
    expect(lengths).toEqual([53]);
    expect(entries.map(({ name, slab, offset }) => [name, slab, offset])).toEqual(
      [0, 12, 16, 36, 41, 51].map((offset, i) => [names[i], 0, offset]),
    );
  });

  it("begins a slab where the next parameter does not fit, and gives a larger one a slab of its own", () => {
    // Sizes 12, 4, 20, 5, 10, 2 in slabs of at most 16.
    const { entries, lengths } = new SlabLayout(new Tower(), 16);
    expect(lengths).toEqual([16, 20, 15, 2]);
    expect(entries.map(({ slab, offset }) => [slab, offset])).toEqual([
      [0, 0],
      [0, 12],
      [1, 0],
      [2, 0],
      [2, 5],
      [3, 0],
    ]);
  });

  it.each([1, 7, 16, 24, 53, 1000])("cuts and joins slabs of %d elements without loss", async (slabElements) => {
    const layout = new SlabLayout(new Tower(), slabElements);
    expect(layout.lengths.reduce((total, length) => total + length, 0)).toBe(53);
    const slabs = layout.inputs("parameters");
    const cut = layout.cut(slabs);
    const tensors = layout.entries.map(({ parameter }) => cut.get(parameter)!);
    // Linear weights are kept as matmul takes them, [inputs, outputs].
    expect(tensors.map(({ shape }) => shape)).toEqual([[3, 4], [4], [4, 5], [5], [5, 2], [2]]);
    const joined = layout.join(tensors);
    const parts = Object.fromEntries(tensors.map((tensor, i) => [`tensor.${i}`, tensor]));
    const whole = Object.fromEntries(joined.map((slab, i) => [`joined.${i}`, slab]));
    await using session = await nodeRuntime().compile(graphOf({ ...parts, ...whole }), { threads: 1 });

    let next = 0;
    const feeds = Object.fromEntries(
      layout.zeros().map((zeros, i) => [`parameters.${i}`, zeros.map(() => next++)] as const),
    );
    const results = await session.run(feeds);
    let from = 0; // the numbers count up through the parameters in their order
    for (const [i, { shape }] of layout.entries.entries()) {
      expect(results[`tensor.${i}`]).toEqual(Float32Array.from({ length: sizeOf(shape) }, () => from++));
    }
    for (const i of layout.lengths.keys()) expect(results[`joined.${i}`]).toEqual(feeds[`parameters.${i}`]);
  });
});

describe("Weights", () => {
  it("gives back the tensors that it was made of", () => {
    const tensors = Weights.initial(new Tower(), 3).tensors();
    expect([...tensors.keys()]).toEqual(names);
    const copy = Weights.fromTensors(new Tower(), new Map([...tensors].reverse()), "copy");
    expect(copy.tensors()).toEqual(tensors);
  });

  it("keeps linear weights as [inputs, outputs], and kernels as [...taps, inputs, outputs]", () => {
    const linear = new Linear(2, 3);
    const rows = Float32Array.of(11, 12, 21, 22, 31, 32); // [outputs, inputs]
    const tensors = new Map([
      ["weight", { shape: [3, 2], data: rows }],
      ["bias", { shape: [3], data: Float32Array.of(1, 2, 3) }],
    ]);
    const weights = Weights.fromTensors(linear, tensors, "linear");
    expect([...weights.slabs[0]]).toEqual([11, 21, 31, 12, 22, 32, 1, 2, 3]);
    expect(weights.tensors()).toEqual(tensors);

    const conv = new Conv2d(2, 2, 2, { bias: false });
    const kernel = Float32Array.from({ length: 16 }, (_, i) => i); // [outputs, inputs, 2, 2]
    const kernels = Weights.fromTensors(conv, new Map([["weight", { shape: [2, 2, 2, 2], data: kernel }]]), "conv");
    expect([...kernels.slabs[0]]).toEqual([0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15]);
    expect(kernels.tensors().get("weight")!.data).toEqual(kernel);
  });

  it("gives copies: what is written to them changes no weights", () => {
    const weights = Weights.initial(new Tower(), 3);
    for (const { data } of weights.tensors().values()) data.fill(42);
    expect(weights.tensors()).toEqual(Weights.initial(new Tower(), 3).tensors());
  });

  it("copies the numbers it is given", () => {
    const tensors = Weights.initial(new Tower(), 3).tensors();
    const copy = Weights.fromTensors(new Tower(), tensors, "copy");
    tensors.get("head.bias")!.data.fill(7);
    expect([...copy.tensors().get("head.bias")!.data]).not.toEqual([7, 7]);
  });

  it("draws each parameter from a stream of its own, named by its path", () => {
    const tower = Weights.initial(new Tower(), 3).tensors();
    expect(Weights.initial(new Tower(), 3).tensors()).toEqual(tower);
    expect(Weights.initial(new Tower(), 4).tensors().get("head.weight")).not.toEqual(tower.get("head.weight"));
    const wider = Weights.initial(new Tower(6), 3).tensors(); // other numbers before, the same ones after
    expect(wider.get("blocks.0.linear.weight")!.shape).toEqual([4, 6]);
    expect(wider.get("head.weight")).toEqual(tower.get("head.weight"));
    expect(wider.get("blocks.1.linear.weight")!.data.slice(0, 5)).not.toEqual(
      tower.get("head.weight")!.data.slice(0, 5),
    );
  });

  describe("of another architecture", () => {
    const whole = () => new Map(Weights.initial(new Tower(), 3).tensors());
    const load = (tensors: ReturnType<typeof whole>) => () =>
      Weights.fromTensors(new Tower(), tensors, "a.safetensors");

    it("names the first tensor that is missing", () => {
      const tensors = whole();
      tensors.delete("head.bias");
      tensors.delete("blocks.1.linear.weight");
      expect(load(tensors)).toThrow(CheckpointError);
      expect(load(tensors)).toThrow(
        "a.safetensors: the model expects blocks.1.linear.weight [5, 4], which is not there",
      );
    });

    it("names the first tensor of another shape, with both shapes", () => {
      const tensors = whole();
      tensors.set("blocks.0.linear.bias", { shape: [1, 4], data: new Float32Array(4) });
      tensors.set("head.bias", { shape: [3], data: new Float32Array(3) });
      expect(load(tensors)).toThrow(CheckpointError);
      expect(load(tensors)).toThrow("a.safetensors: the model expects blocks.0.linear.bias [4], found [1, 4]");
    });

    it("names the first tensor that is superfluous", () => {
      const tensors = whole();
      tensors.set("blocks.2.linear.weight", { shape: [1], data: new Float32Array(1) });
      tensors.set("tail", { shape: [1], data: new Float32Array(1) });
      expect(load(tensors)).toThrow(CheckpointError);
      expect(load(tensors)).toThrow("a.safetensors: the model has no tensor blocks.2.linear.weight");
    });
  });
});

describe("the module path", () => {
  const trace = (module: Tower, x: Tensor) => {
    const parameters = Weights.initial(module, 0).constants();
    return traceWith({ parameters }, () => module.call(x));
  };

  it("is in the shape error of a layer, with the op and the shapes", () => {
    expect(() => trace(new Tower(), input("x", [2, 7]))).toThrow(ShapeError);
    expect(() => trace(new Tower(), input("x", [2, 7]))).toThrow(
      /^in Tower\.blocks\.0\.linear: matmul\(float32 \[2, 7\], float32 \[3, 4\]\)/,
    );
  });

  it("is that of the module that failed, also after an earlier failure", () => {
    class Late extends Tower {
      protected override forward(x: Tensor): Tensor {
        return this.blocks[1].call(x);
      }
    }
    expect(() => trace(new Late(), input("x", [2, 7]))).toThrow(/^in Late\.blocks\.1\.linear: matmul/);
    expect(trace(new Tower(), input("x", [2, 3])).scope).toBe("Tower.head");
  });

  it("is in the error of a convolution that does not fit", () => {
    class Narrow extends Module<[Tensor], Tensor> {
      readonly conv_in = new Conv2d(1, 1, 5);
      protected override forward(x: Tensor): Tensor {
        return this.conv_in.call(x);
      }
    }
    const narrow = new Narrow();
    const parameters = Weights.initial(narrow, 0).constants();
    const run = () => traceWith({ parameters }, () => narrow.call(input("x", [1, 4, 4, 1])));
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(/^in Narrow\.conv_in: a kernel that reaches 5 does not fit 4 positions/);
  });

  it("is in the error of a module that is called outside of a trace", () => {
    const x = input("x", [2, 3]);
    expect(() => new Tower().call(x)).toThrow(ConfigError);
    expect(() => new Tower().call(x)).toThrow(/Tower\.blocks\.0\.linear is used outside of a trace/);
    // Another model's parameters do not serve.
    const parameters = Weights.initial(new Tower(), 0).constants();
    expect(() => traceWith({ parameters }, () => new Tower().call(x))).toThrow(ConfigError);
  });
});
