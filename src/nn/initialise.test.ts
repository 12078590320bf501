/**
 * Bounds and variances of the initialisers, against the closed forms: a uniform number in ±b has the variance b² / 3.
 * PyTorch's fans and defaults: torch.nn.init documentation and `reset_parameters` of Linear and Conv.
 */
import { describe, expect, it } from "vitest";
import { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { type Initialiser, normal, ones, torchDefault, uniform, varianceScaling, zeros } from "./initialise.ts";
import { Conv1d, Conv2d, Embedding, GroupNorm, LayerNorm, Linear } from "./layers.ts";
import { type Module, namedParameters, type Parameter } from "./module.ts";

function drawn(initialise: Initialiser, shape: Shape): Float32Array {
  const out = new Float32Array(sizeOf(shape));
  initialise(out, shape, Random.from(11, "initialise"));
  return out;
}

const meanOf = (values: Float32Array) => values.reduce((total, value) => total + value, 0) / values.length;
/** Mean square: the variance about 0. */
const varianceOf = (values: Float32Array) => meanOf(values.map((value) => value * value));

/** Uniform in ±bound: nothing outside, both ends reached, mean 0 and variance bound² / 3 within five deviations. */
function expectUniform(values: Float32Array, bound: number): void {
  const count = values.length;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  expect(least).toBeGreaterThanOrEqual(-bound * (1 + 1e-6));
  expect(most).toBeLessThanOrEqual(bound * (1 + 1e-6));
  expect(least).toBeLessThan(-bound * (1 - 20 / count));
  expect(most).toBeGreaterThan(bound * (1 - 20 / count));
  expect(Math.abs(meanOf(values))).toBeLessThan((5 * bound) / Math.sqrt(3 * count));
  // Var(u²) of a uniform u in ±1 is 1/5 − 1/9 = 4/45.
  expect(Math.abs(varianceOf(values) - bound ** 2 / 3)).toBeLessThan(5 * bound ** 2 * Math.sqrt(4 / 45 / count));
}

const parameterOf = (module: Module<never[], unknown>, name: string): Parameter => namedParameters(module).get(name)!;

const initial = (module: Module<never[], unknown>, name: string) => {
  const { shape, initialise } = parameterOf(module, name);
  return drawn(initialise, shape);
};

describe("initialisers", () => {
  it("zeros and ones", () => {
    expect(drawn(zeros, [3])).toEqual(new Float32Array(3));
    expect(drawn(ones, [3])).toEqual(Float32Array.of(1, 1, 1));
  });

  it("uniform fills ±bound", () => expectUniform(drawn(uniform(0.25), [5000]), 0.25));

  it("normal has mean 0 and the standard deviation asked for", () => {
    const values = drawn(normal(0.02), [100, 200]);
    expect(Math.abs(meanOf(values))).toBeLessThan((5 * 0.02) / Math.sqrt(20_000));
    expect(Math.abs(varianceOf(values) / 0.02 ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / 20_000));
    // 0.27 % of the numbers are beyond three deviations: 54 of 20,000.
    const far = values.filter((value) => Math.abs(value) > 0.06).length;
    expect(far).toBeGreaterThan(20);
    expect(far).toBeLessThan(90);
  });

  it("torchDefault is uniform in ±1 / sqrt(fan in), where the fan counts the taps", () => {
    expectUniform(drawn(torchDefault, [50, 100]), 0.1);
    expectUniform(drawn(torchDefault, [40, 16, 3, 3]), 1 / 12);
    expectUniform(drawn(torchDefault, [300, 5, 5]), 0.2);
  });

  it("varianceScaling is uniform with the variance 2 · scale / (fan in + fan out)", () => {
    expectUniform(drawn(varianceScaling(1), [60, 90]), 0.2); // 6 / 150
    expectUniform(drawn(varianceScaling(0.5), [40, 20, 3, 3]), Math.sqrt(3 / 540));
    const tiny = drawn(varianceScaling(1e-10), [60, 90]);
    expect(Math.max(...tiny)).toBeLessThanOrEqual(2.0001e-6);
    expect(Math.max(...tiny)).toBeGreaterThan(1.9e-6);
  });
});

describe("how layers begin", () => {
  it("linear and convolution layers as PyTorch's, biases with the fan of their weight", () => {
    expectUniform(initial(new Linear(64, 500), "weight"), 1 / 8);
    expectUniform(initial(new Linear(64, 5000), "bias"), 1 / 8);
    expectUniform(initial(new Conv2d(16, 64, 3), "weight"), 1 / 12);
    expectUniform(initial(new Conv2d(4, 5000, 2), "bias"), 1 / 4);
    expectUniform(initial(new Conv1d(32, 64, 2), "weight"), 1 / 8);
    // A group sees its own channels only: 32 / 8 channels, 9 taps.
    expectUniform(initial(new Conv2d(32, 256, 3, { groups: 8 }), "weight"), 1 / 6);
    expectUniform(initial(new Conv2d(32, 4000, 3, { groups: 8 }), "bias"), 1 / 6);
  });

  it("with an initialiser given, the bias is zero", () => {
    const linear = new Linear(3, 5, { initialise: ones });
    expect(initial(linear, "weight")).toEqual(new Float32Array(15).fill(1));
    expect(initial(linear, "bias")).toEqual(new Float32Array(5));
    expect(initial(new Conv2d(2, 4, 3, { initialise: ones }), "bias")).toEqual(new Float32Array(4));
  });

  it("norms with scale one and shift zero, tables with unit variance", () => {
    for (const norm of [new GroupNorm(2, 6), new LayerNorm(6)]) {
      expect(initial(norm, "weight")).toEqual(new Float32Array(6).fill(1));
      expect(initial(norm, "bias")).toEqual(new Float32Array(6));
    }
    expect(namedParameters(new LayerNorm(6, 1e-5, false)).size).toBe(0);
    expect(varianceOf(initial(new Embedding(100, 100), "weight"))).toBeCloseTo(1, 1);
  });
});
