/**
 * Graphs that stay in blocks of channels from one convolution to the next (`onnx/blocked-ops.ts`), against the reference
 * evaluator: programs of such ops drawn at random, every result read once, twice, or from outside.
 */
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { Random } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { convGeometry } from "../../graph/geometry.ts";
import { graphOf, inputsOf } from "../../graph/graph.ts";
import {
  add,
  concat,
  constant,
  conv,
  groupNorm,
  input,
  mul,
  reshape,
  sigmoid,
  silu,
  sub,
  upsample,
} from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { toOnnx } from "../../onnx/export.ts";
import { evaluate } from "../reference/session.ts";
import { expectClose } from "../testing/compare.ts";
import { convBlock } from "./blocks.ts";
import { nodeRuntime } from "./session.ts";

const BATCH = 2;

/** Draws tensors and ops; feeds gather what the graph must be fed. */
class Program {
  readonly feeds: Record<string, Float32Array> = {};
  readonly #random: Random;
  readonly #draw: (most: number) => number;

  constructor(seed: number, draw: (most: number) => number) {
    this.#random = Random.from(seed);
    this.#draw = draw;
  }

  fed(shape: readonly number[], offset = 0): Tensor {
    const name = `fed${Object.keys(this.feeds).length}`;
    this.feeds[name] = this.#random.normals(sizeOf(shape)).map((value) => value + offset);
    return input(name, shape);
  }

  weights(shape: readonly number[], scale = 1): Tensor {
    return constant(
      this.#random.normals(sizeOf(shape)).map((value) => value * scale),
      shape,
    );
  }

  conv(x: Tensor, outputs: number, side: number, stride = 1): Tensor {
    const [height, width, channels] = x.shape.slice(1);
    const geometry = convGeometry([height, width], [side, side], { padding: (side - 1) / 2, stride });
    const kernel = this.weights([side * side, channels, outputs], 1 / Math.sqrt(side * side * channels));
    const convolved = conv(x, kernel, geometry);
    return this.#draw(1) ? add(convolved, this.weights([outputs])) : convolved;
  }

  norm(x: Tensor): Tensor {
    const channels = x.shape[x.rank - 1];
    const groups = [1, 4, channels / 2][this.#draw(2)];
    return groupNorm(x, this.weights([channels]), this.weights([channels]), groups, 1e-5);
  }

  /** One more value, out of those there are. */
  next(values: readonly Tensor[]): Tensor {
    const x = values[this.#draw(values.length - 1)];
    const [batch, height, width, channels] = x.shape;
    const byChannel = () => this.fed([this.#draw(1) ? batch : 1, 1, 1, channels]);
    const alike = values.filter(({ shape }) => shape.every((extent, axis) => extent === x.shape[axis]));
    const other = alike[this.#draw(alike.length - 1)];
    const steps = [
      () => this.conv(x, [16, 32][this.#draw(1)], [1, 3][this.#draw(1)]),
      () => add(this.conv(x, channels, 3), other),
      () => add(other, this.conv(x, channels, 1)),
      () => this.norm(x),
      () => this.norm(add(x, byChannel())),
      () => this.norm(add(this.conv(x, channels, 3), this.fed([batch, 1, 1, channels]))),
      () => reshape(this.norm(reshape(x, [batch, height * width, channels])), x.shape),
      () => silu(x),
      () => sigmoid(x),
      () => add(mul(x, byChannel()), byChannel()),
      () => sub(x, other),
      () => concat([x, other], 3),
      () => (height < 12 ? upsample(x, 2) : this.conv(x, channels, 3, 2)),
    ];
    return steps[this.#draw(steps.length - 1)]();
  }
}

async function check(
  outputs: Record<string, Tensor>,
  fed: Record<string, Float32Array>,
  relative = 1e-4,
): Promise<void> {
  const graph = graphOf(outputs);
  const feeds = Object.fromEntries(inputsOf(graph).map(({ name }) => [name, fed[name]]));
  const expected = evaluate(graph, feeds, "float64");
  await using session = await nodeRuntime().compile(graph);
  const actual = await session.run(feeds);
  for (const name of Object.keys(outputs)) {
    expectClose(actual[name], expected[name], name, { relative, ofLargest: relative / 5 });
  }
}

describe("graphs in blocks of channels", () => {
  it("give the results of the reference evaluator", async () => {
    const property = fc.asyncProperty(fc.nat(), fc.gen(), async (seed, generate) => {
      const program = new Program(seed, (most) => generate(fc.nat, { max: most }));
      const [height, width] = [4 + generate(fc.nat, { max: 3 }), 4 + generate(fc.nat, { max: 3 })];
      const image = program.fed([BATCH, height, width, 3]);
      const values = [program.conv(image, 16, 3), program.fed([BATCH, height, width, 16])];
      for (let step = 0; step < 6; step++) values.push(program.next(values));
      const last = values[values.length - 1];
      const inner = values[generate(fc.nat, { max: values.length - 1 })];
      await check({ last, inner, narrow: program.conv(last, 3, 3) }, program.feeds);
    });
    await fc.assert(property, { seed: 1, numRuns: 60 });
  });

  it("normalise over more positions than one sum takes, and values far from zero", async () => {
    const program = new Program(1, () => 1);
    const large = program.fed([1, 40, 40, 16]);
    await check({ large: program.norm(large) }, program.feeds);
    const distant = program.fed([2, 6, 6, 32], 30); // the variance is a difference of squares: 1 out of 901
    await check({ distant: program.norm(distant) }, program.feeds, 1e-3);
  });

  it("reorder a residual block once on the way in and once on the way out", async () => {
    const block = await convBlock();
    if (block === undefined) return; // a CPU without such convolutions
    const program = new Program(2, () => 0);
    const x = program.fed([1, 8, 8, 32]);
    const time = program.fed([1, 1, 1, 32]);
    const h = add(program.conv(silu(program.norm(x)), 32, 3), time);
    const y = add(program.conv(silu(program.norm(h)), 32, 3), x);
    const { graph } = fromBinary(ModelProtoSchema, toOnnx(graphOf({ y }), {}, { convBlock: block }));
    const count = (opType: string) => graph!.node.filter((node) => node.opType === opType).length;
    expect([count("ReorderInput"), count("ReorderOutput")]).toEqual([1, 1]);
    expect(count("Conv")).toBe(4); // two convolutions, of which one adds x, and two normalisations
  });
});
