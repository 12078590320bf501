import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { gradients } from "../grad/gradients.ts";
import { graphOf } from "../graph/graph.ts";
import { input, sum } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { Dropout } from "./layers.ts";
import { Module, traceWith } from "./module.ts";

const SIDE = 200;
const COUNT = SIDE * SIDE;

class Twice extends Module<[Tensor], [Tensor, Tensor]> {
  readonly first: Dropout;
  readonly second: Dropout;

  constructor(rate: number) {
    super();
    this.first = new Dropout(rate);
    this.second = new Dropout(rate);
  }

  protected override forward(x: Tensor): [Tensor, Tensor] {
    return [this.first.call(x), this.second.call(x)];
  }
}

/** Two layers of dropout on ones, and the gradient of the sum of the first, for each seed. */
async function drop(rate: number, ...seeds: [number, number][]) {
  const x = input("x", [SIDE, SIDE]);
  const dropoutSeed = input("seed", [2], "int32");
  const [first, second] = traceWith({ parameters: new Map(), dropoutSeed }, () => new Twice(rate).call(x));
  const [slope] = gradients(sum(first), [x]);
  await using session = await nodeRuntime().compile(graphOf({ first, second, slope }), { threads: 1 });
  const results: Record<"first" | "second" | "slope", Float32Array>[] = [];
  for (const seed of seeds) {
    const run = await session.run({ x: new Float32Array(COUNT).fill(1), seed: Int32Array.from(seed) });
    results.push(run as Record<"first" | "second" | "slope", Float32Array>);
  }
  return results;
}

const zerosOf = (values: Float32Array) => values.filter((value) => value === 0).length;

/** How many elements are zero in both. */
const bothZero = (a: Float32Array, b: Float32Array) => a.filter((value, i) => value === 0 && b[i] === 0).length;

/** A binomial count: within five standard deviations of its mean. */
function expectBinomial(count: number, trials: number, probability: number): void {
  const spread = Math.sqrt(trials * probability * (1 - probability));
  expect(Math.abs(count - trials * probability)).toBeLessThan(5 * spread);
}

describe("Dropout", () => {
  it.each([0.1, 0.5, 0.8])("zeroes a share of %d and scales the rest", async (rate) => {
    const [{ first }] = await drop(rate, [1, 2]);
    expectBinomial(zerosOf(first), COUNT, rate);
    for (const value of first) if (value !== 0) expect(Math.abs(value * (1 - rate) - 1)).toBeLessThan(1e-6);
    // Neighbours along both axes are independent.
    const pairs = (step: number) => bothZero(first.subarray(step), first.subarray(0, COUNT - step));
    expectBinomial(pairs(1), COUNT - 1, rate ** 2);
    expectBinomial(pairs(SIDE), COUNT - SIDE, rate ** 2);
  });

  it("gives the gradient the mask of the output", async () => {
    const [{ first, slope }] = await drop(0.3, [7, -5]);
    expect(slope).toEqual(first);
  });

  it("is a function of the seed, with masks of their own for each layer", async () => {
    const [a, again, other, third] = await drop(0.5, [1, 2], [1, 2], [2, 2], [1, 3]);
    expect(again.first).toEqual(a.first);
    expect(again.second).toEqual(a.second);
    for (const mask of [a.second, other.first, third.first, other.second]) {
      expectBinomial(bothZero(a.first, mask), COUNT, 0.25);
    }
  });

  it("adds nothing to the graph when not training, nor at rate 0", () => {
    const x = input("x", [2, 3]);
    const dropoutSeed = input("seed", [2], "int32");
    expect(traceWith({ parameters: new Map() }, () => new Dropout(0.5).call(x))).toBe(x);
    expect(traceWith({ parameters: new Map(), dropoutSeed }, () => new Dropout(0).call(x))).toBe(x);
    expect(traceWith({ parameters: new Map(), dropoutSeed }, () => new Dropout(0.5).call(x))).not.toBe(x);
  });

  it.each([-0.1, 1, 1.5, Number.NaN])("refuses the rate %d", (rate) => {
    expect(() => new Dropout(rate)).toThrow(ConfigError);
    expect(() => new Dropout(rate)).toThrow(`dropout must be in [0, 1), not ${rate}`);
  });
});
