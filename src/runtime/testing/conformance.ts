/**
 * What every runtime must do alike: one suite, run once for each of them. Values are compared with the reference
 * evaluator, or with numbers that follow from the definition.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { type Graph, graphOf, inputsOf } from "../../graph/graph.ts";
import {
  add,
  constant,
  div,
  exp,
  input,
  less,
  log,
  matmul,
  maximum,
  mul,
  reshape,
  silu,
  softmax,
  sub,
  sum,
  transposeLast,
  where,
} from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { evaluate } from "../reference/session.ts";
import type { Feeds, Results, Runtime } from "../session.ts";
import { type BuiltCase, buildBlockedConv, buildCase, opNames } from "./cases.ts";
import { expectClose, float32Tolerance, type Tolerance } from "./compare.ts";
import { Draw } from "./draw.ts";

const SEED = 20261123;
const CASES_PER_OP = 12;

const minusItself = (x: Tensor) => sub(x, x);

export interface ConformanceOptions {
  /** Graphs that are drawn for each op. */
  casesPerOp?: number;
  /** How closely results agree with the definition. */
  tolerance?: Tolerance;
  /** How closely sums of millions of numbers do, relatively. */
  ofLongSums?: number;
  /** Leaves out what is not finite: WebGPU's shading language lets a device assume that there is none of it. */
  finiteOnly?: boolean;
}

/** Declares the suite of one runtime. `makeRuntime` is called once for each test. */
export function runtimeConformance(name: string, makeRuntime: () => Runtime, options: ConformanceOptions = {}): void {
  const { casesPerOp = CASES_PER_OP, tolerance = float32Tolerance, ofLongSums = 1e-6, finiteOnly = false } = options;
  async function run(graph: Graph, feeds: Feeds): Promise<Results> {
    await using session = await makeRuntime().compile(graph);
    return await session.run(feeds);
  }
  const runOne = async (output: Tensor, feeds: Feeds = {}) => (await run(graphOf({ y: output }), feeds)).y;

  describe(`runtime ${name}`, () => {
    describe("agrees with the definition of", () => {
      it.each(opNames)("%s", async (op) => {
        const property = fc.asyncProperty(fc.gen(), async (generator) => {
          const { graph, feeds, description } = buildCase(op, new Draw(generator));
          const { y } = await run(graph, feeds);
          expectClose(y, evaluate(graph, feeds).y, description, tolerance);
        });
        await fc.assert(property, { seed: SEED, numRuns: casesPerOp });
      });
    });

    describe("a convolution with a bias", () => {
      const check = async ({ output, feeds, description }: BuiltCase, bias: Tensor) => {
        const biased = add(output, bias);
        // Read by the sum alone, and by something else too.
        const readings: Record<string, Tensor>[] = [{ y: biased }, { y: biased, z: output }];
        for (const outputs of readings) {
          const graph = graphOf(outputs);
          const [actual, expected] = [await run(graph, feeds), evaluate(graph, feeds)];
          for (const key of Object.keys(outputs))
            expectClose(actual[key], expected[key], `${key} of ${description}`, tolerance);
        }
      };

      it("agrees with the definition", async () => {
        const property = fc.asyncProperty(fc.gen(), async (generator) => {
          const built = buildCase("conv", new Draw(generator));
          const channels = built.output.shape[built.output.rank - 1];
          const bias = Float32Array.from({ length: channels }, (_, i) => i + 1);
          await check({ ...built, feeds: { ...built.feeds, bias } }, input("bias", [channels]));
        });
        await fc.assert(property, { seed: SEED, numRuns: casesPerOp });
      });

      it("agrees with the definition on whole blocks of channels", async () => {
        const property = fc.asyncProperty(fc.gen(), async (generator) => {
          const built = buildBlockedConv(new Draw(generator));
          await check(built, built.bias);
        });
        await fc.assert(property, { seed: SEED, numRuns: 5 * casesPerOp });
      });
    });

    describe("random numbers", () => {
      it("are bit for bit those of the documented hash", async () => {
        const property = fc.asyncProperty(fc.gen(), async (generator) => {
          const { graph, feeds, description } = buildCase("randomUniform", new Draw(generator));
          const { y } = await run(graph, feeds);
          expect([...y], description).toEqual([...evaluate(graph, feeds).y]);
        });
        await fc.assert(property, { seed: SEED, numRuns: casesPerOp });
      });
    });

    describe("feeds", () => {
      const graph = () => graphOf({ y: add(input("a", [2, 3]), reshape(input("b", []), [1])) });
      const good = { a: new Float32Array(6), b: new Float32Array(1) };

      it.each<[string, Feeds, RegExp]>([
        ["missing", { a: good.a }, /input b is missing; it expects float32 \[\], 1 elements/],
        ["superfluous", { ...good, c: good.b }, /no input c; it has a, b/],
        ["of another length", { ...good, a: new Float32Array(5) }, /input a got Float32Array of 5 .*float32 \[2, 3\]/],
        ["of another dtype", { ...good, a: new Int32Array(6) }, /input a got Int32Array of 6 .*float32 \[2, 3\]/],
      ])("that are %s are refused", async (_, feeds, message) => {
        const outcome = run(graph(), feeds);
        await expect(outcome).rejects.toThrow(ShapeError);
        await expect(outcome).rejects.toThrow(message);
      });

      it("are declared by the session, in order of creation", async () => {
        await using session = await makeRuntime().compile(graph());
        expect(session.inputs).toEqual([
          { name: "a", shape: [2, 3], dtype: "float32" },
          { name: "b", shape: [], dtype: "float32" },
        ]);
      });

      it("may be parts of larger buffers", async () => {
        const buffer = Float32Array.of(9, 1, 2, 3, 9);
        expect([...(await runOne(mul(input("x", [3]), 2), { x: buffer.subarray(1, 4) }))]).toEqual([2, 4, 6]);
      });

      it("under names that two inputs share are refused", async () => {
        const shared = graphOf({ y: add(input("x", [2]), input("x", [2])) });
        await expect(makeRuntime().compile(shared)).rejects.toThrow(/two inputs .* x/);
      });

      it("under the name of an output are refused", async () => {
        await expect(makeRuntime().compile(graphOf({ x: add(input("x", [2]), 1) }))).rejects.toThrow(
          /both an input and an output .* x/,
        );
      });
    });

    describe("long sums", () => {
      // About 4.3 each: past 2^24, where float32 holds even integers only, a naive sum rounds every term down to 4.
      const long = (size: number) => Float32Array.from({ length: size }, (_, i) => 4.27 + (i % 7) / 100);
      const exact = (values: Float32Array, keep: (i: number) => boolean) =>
        values.reduce((total, value, i) => (keep(i) ? total + value : total), 0);

      it.each([
        ["5,000,000 elements", [5_000_000]],
        ["5,000,000 elements in three axes", [50, 1000, 100]],
        ["a prime number of elements", [1_000_003]],
        ["twice a prime number of elements", [2, 500_009]],
      ])("of %s are right", async (_, shape) => {
        const x = input("x", shape);
        const values = long(shape.reduce((product, extent) => product * extent, 1));
        const [total] = await runOne(sum(x), { x: values });
        const expected = exact(values, () => true);
        expect(Math.abs(total / expected - 1)).toBeLessThan(ofLongSums);
      });

      it.each([
        { over: "first", extents: [1, 400_000, 3], axes: [0, 1] },
        { over: "middle", extents: [2, 200_000, 3], axes: [1] },
        { over: "first and last", extents: [250_000, 3, 4], axes: [0, 2] },
      ])("over the $over axes are right to 1e-5", async ({ extents, axes }) => {
        const values = long(extents.reduce((product, extent) => product * extent, 1));
        const sums = await runOne(sum(input("x", extents), { axes }), { x: values });
        const [, middle, inner] = extents;
        sums.forEach((total, k) => {
          const expected = exact(values, (i) => {
            const [first, second, third] = [
              Math.floor(i / (middle * inner)),
              Math.floor(i / inner) % middle,
              i % inner,
            ];
            return axes.includes(2) ? second === k : first * inner + third === k;
          });
          expect(Math.abs(total / expected - 1)).toBeLessThan(1e-5);
        });
      });
    });

    describe.skipIf(finiteOnly)("numbers that are not finite", () => {
      const x = () => input("x", [4]);
      const feeds = { x: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2) };
      const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY];

      it.each<[string, () => Tensor, number[]]>([
        ["addition", () => add(x(), 1), [nan, inf, -inf, 3]],
        ["inf - inf", () => minusItself(x()), [nan, nan, nan, 0]],
        ["0 · inf", () => mul(x(), 0), [nan, nan, nan, 0]],
        ["division by zero", () => div(x(), 0), [nan, inf, -inf, inf]],
        ["0 / 0", () => div(mul(constant([1, 1, 1, 1]), 0), 0), [nan, nan, nan, nan]],
        ["exp, overflowing", () => exp(mul(x(), 50)), [nan, inf, 0, inf]],
        ["log of a negative number", () => log(sub(x(), 3)), [nan, inf, nan, nan]],
        ["a sum", () => reshape(sum(x()), [1]), [nan]],
        ["a sum that is infinite", () => reshape(sum(maximum(constant([inf, 1]), 1)), [1]), [inf]],
        [
          "a product of matrices",
          () => reshape(matmul(reshape(x(), [1, 4]), constant([0, 0, 0, 1], [4, 1])), [1]),
          [nan],
        ],
        ["softmax", () => softmax(x()), [nan, nan, nan, nan]],
        ["a comparison", () => where(less(x(), 1), 1, 0), [0, 0, 1, 0]],
        ["where, not taken", () => where(less(constant([2, 0, 0, 2]), 1), 0, x()), [nan, 0, 0, 2]],
      ])("pass through %s", async (_, build, expected) => {
        const graph = graphOf({ y: build() });
        const { y } = await run(graph, inputsOf(graph).length > 0 ? feeds : {});
        expect([...y]).toEqual(expected);
      });

      it("pass through maximum and silu", async () => {
        const fed = x();
        const results = await run(graphOf({ a: maximum(fed, 0), b: silu(fed) }), feeds);
        for (const name of ["a", "b"]) expect(results[name][0], name).toBeNaN();
      });
    });

    describe("shapes", () => {
      it("of no axes and of one element work", async () => {
        const x = input("x", []);
        const results = await run(
          graphOf({
            scalar: add(mul(x, x), 1),
            vector: reshape(x, [1]),
            matrix: matmul(reshape(x, [1, 1]), reshape(x, [1, 1])),
            total: sum(reshape(x, [1, 1, 1])),
            moved: transposeLast(reshape(x, [1, 1])),
          }),
          { x: Float32Array.of(3) },
        );
        expect(Object.fromEntries(Object.entries(results).map(([key, value]) => [key, [...value]]))).toEqual({
          scalar: [10],
          vector: [3],
          matrix: [9],
          total: [3],
          moved: [3],
        });
      });
    });

    describe("outputs", () => {
      it("may be several, an input, a constant, or twins", async () => {
        const x = input("x", [2]);
        const flags = input("flags", [2], "bool");
        const doubled = mul(x, 2);
        const results = await run(
          graphOf({
            doubled,
            twin: doubled,
            same: mul(x, 2),
            fed: x,
            "fed again": x,
            "flags.out": flags,
            fixed: constant([7, 8], [2], "int32"),
            deeper: add(doubled, 1),
          }),
          { x: Float32Array.of(1, 2), flags: Uint8Array.of(0, 1) },
        );
        expect(results).toEqual({
          doubled: Float32Array.of(2, 4),
          twin: Float32Array.of(2, 4),
          same: Float32Array.of(2, 4),
          fed: Float32Array.of(1, 2),
          "fed again": Float32Array.of(1, 2),
          "flags.out": Uint8Array.of(0, 1),
          fixed: Int32Array.of(7, 8),
          deeper: Float32Array.of(3, 5),
        });
      });

      it("may have any names", async () => {
        const x = input("Add_0", [1]);
        const y = input("constant_1", [1]);
        const results = await run(
          graphOf({
            Mul_1: mul(add(x, 1), add(y, 2)),
            integers_0: reshape(sum(add(x, 3)), [1, 1]),
            "a name": sub(x, y),
          }),
          { Add_0: Float32Array.of(1), constant_1: Float32Array.of(5) },
        );
        expect(results).toEqual({
          Mul_1: Float32Array.of(14),
          integers_0: Float32Array.of(4),
          "a name": Float32Array.of(-4),
        });
      });

      it("are new arrays at each run", async () => {
        const x = input("x", [2]);
        await using session = await makeRuntime().compile(graphOf({ y: add(x, 1), z: x }));
        const feed = Float32Array.of(1, 2);
        const first = await session.run({ x: feed });
        first.y.fill(0);
        first.z.fill(0);
        expect(feed).toEqual(Float32Array.of(1, 2));
        expect(await session.run({ x: feed })).toEqual({ y: Float32Array.of(2, 3), z: Float32Array.of(1, 2) });
      });
    });

    it("rounds to float32 after each op", async () => {
      const x = input("x", [1]);
      const y = sub(add(x, 1), x);
      expect([...(await runOne(y, { x: Float32Array.of(2 ** 24) }))]).toEqual([0]);
    });

    it("runs two sessions and two calls at once", async () => {
      const x = input("x", [1]);
      await using one = await makeRuntime().compile(graphOf({ y: add(x, 1) }));
      await using two = await makeRuntime().compile(graphOf({ y: mul(x, 10) }));
      const feed = (value: number) => ({ x: Float32Array.of(value) });
      const results = await Promise.all([one.run(feed(1)), two.run(feed(2)), one.run(feed(3))]);
      expect(results.map(({ y }) => y[0])).toEqual([2, 20, 4]);
    });

    it("releases a session once or twice, and does not run it again", async () => {
      const session = await makeRuntime().compile(graphOf({ y: add(input("x", [1]), 1) }));
      await session.release();
      await session.release();
      await expect(session.run({ x: new Float32Array(1) })).rejects.toThrow(/session was released; compile/);
    });
  });
}
