import fc from "fast-check";
import { describe, it } from "vitest";
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import type { OpName } from "../graph/op-types.ts";
import { add, cast, constant, mul, sum } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { evaluate } from "../runtime/reference/session.ts";
import { buildCase, opNames } from "../runtime/testing/cases.ts";
import { expectClose } from "../runtime/testing/compare.ts";
import { Draw } from "../runtime/testing/draw.ts";
import { gradients } from "./gradients.ts";

const SEED = 20261123;

/** A scalar that depends on every element of a tensor in its own way: Σ weights · tensor. */
function weighted(tensor: Tensor, stream: string): Tensor {
  const weights = constant(Random.from(1, stream).normals(sizeOf(tensor.shape)), tensor.shape);
  return sum(mul(cast(tensor, "float32"), weights));
}

const isFloat = (tensor: Tensor) => tensor.dtype === "float32";

/** Feeds with every float array moved along a direction. */
function moved(feeds: Feeds64, directions: Feeds64, step: number): Feeds64 {
  const along = (name: string) => feeds[name].map((value, i) => value + step * directions[name][i]);
  return { ...feeds, ...Object.fromEntries(Object.keys(directions).map((name) => [name, along(name)])) };
}

type Feeds64 = Record<string, Float64Array>;

/**
 * Compares ⟨gradient, v⟩ with the central difference D(h) = (L(x + h v) − L(x − h v)) / 2h in float64, for each input
 * alone and v normal. Extrapolated as (4 D(h/2) − D(h)) / 3, whose error is of order h⁴.
 */
function expectDerivatives(loss: Tensor, inputs: readonly Tensor[], feeds: Feeds64, description: string): void {
  const step = 4e-4;
  const lossGraph = graphOf({ loss });
  const slopes = evaluate(gradientGraph(loss, inputs), feeds, "float64");
  for (const [i, input] of inputs.entries()) {
    const name = `x${i}`;
    if (!isFloat(input)) continue;
    const direction = Float64Array.from(Random.from(2, name).normals(feeds[name].length));
    const lossAt = (distance: number) =>
      evaluate(lossGraph, moved(feeds, { [name]: direction }, distance), "float64").loss[0];
    const difference = (h: number) => (lossAt(h) - lossAt(-h)) / (2 * h);
    const measured = (4 * difference(step / 2) - difference(step)) / 3;
    const computed = direction.reduce((total, v, k) => total + v * slopes[name][k], 0);
    expectClose([computed], [measured], `slope along ${name} of ${description}`, { relative: 2e-6, ofLargest: 2e-6 });
  }
}

/** The gradients of a loss, one output for each float input. */
function gradientGraph(loss: Tensor, inputs: readonly Tensor[]): Graph {
  const slopes = gradients(loss, inputs);
  const named = inputs.map((input, i) => [`x${i}`, slopes[i], isFloat(input)] as const).filter(([, , float]) => float);
  return graphOf(Object.fromEntries(named.map(([name, slope]) => [name, slope])));
}

function eachCase(op: OpName, runs: number, check: (built: ReturnType<typeof buildCase>) => void): void {
  const property = fc.property(fc.gen(), (generator) => check(buildCase(op, new Draw(generator))));
  fc.assert(property, { seed: SEED, numRuns: runs });
}

const asFloat64 = (feeds: Readonly<Record<string, ArrayLike<number>>>): Feeds64 =>
  Object.fromEntries(Object.entries(feeds).map(([name, values]) => [name, Float64Array.from(values)]));

describe("gradient rules agree with central differences", () => {
  it.each(opNames.filter((op) => op !== "detach"))("%s", (op) => {
    eachCase(op, 30, ({ inputs, output, feeds, description }) => {
      expectDerivatives(weighted(output, "loss"), inputs, asFloat64(feeds), description);
    });
  });
});

/** The sum of the weighted gradients: its own gradient is a second derivative. */
function slopeOf(loss: Tensor, inputs: readonly Tensor[]): Tensor {
  const slopes = gradients(loss, inputs.filter(isFloat));
  return slopes.map((slope, i) => weighted(slope, `slope ${i}`)).reduce((a, b) => add(a, b));
}

describe("gradients of gradients agree with central differences", () => {
  const composite: OpName[] = ["conv", "convKernelGrad", "unfold", "fold", "upsample", "gather", "scatterAdd"];
  const smooth: OpName[] = ["exp", "log", "sqrt", "reciprocal", "sin", "cos", "tanh", "sigmoid", "erf", "mul", "div"];
  const fused: OpName[] = ["matmul", "silu", "softmax", "layerNorm", "groupNorm", "reduceSum"];
  it.each([...smooth, ...composite, ...fused])("%s", (op) => {
    eachCase(op, 10, ({ inputs, output, feeds, description }) => {
      if (!isFloat(output)) return;
      // Squared, so that the second derivative of a linear op is not zero.
      const slope = slopeOf(weighted(mul(output, output), "loss"), inputs);
      expectDerivatives(slope, inputs, asFloat64(feeds), `second derivative of ${description}`);
    });
  });
});

describe("gradients on onnxruntime agree with the reference", () => {
  it.each(opNames)("%s", async (op) => {
    const runtime = nodeRuntime("cpu");
    const property = fc.asyncProperty(fc.gen(), async (generator) => {
      const { inputs, output, feeds, description } = buildCase(op, new Draw(generator));
      const loss = weighted(output, "loss");
      const graph = graphOf({ ...Object.fromEntries(gradientGraph(loss, inputs).outputs), loss });
      const needed = new Set(inputs.map((_, i) => `x${i}`));
      const renamed = graphOf(
        Object.fromEntries([...graph.outputs].map(([name, tensor]) => [needed.has(name) ? `d${name}` : name, tensor])),
      );
      await using session = await runtime.compile(renamed);
      const actual = await session.run(feeds);
      const expected = evaluate(renamed, feeds);
      for (const name of Object.keys(expected)) expectClose(actual[name], expected[name], `${name} of ${description}`);
    });
    await fc.assert(property, { seed: SEED, numRuns: 5 });
  });
});
