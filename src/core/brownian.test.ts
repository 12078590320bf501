/** Golden numbers: test/parity/torch-random.golden.json, made by make_torch_random.py beside it. */
import { describe, expect, it } from "vitest";
import { readGoldenJson } from "../../test/parity/golden.ts";
import { type BrownianOptions, BrownianTree, seedWords } from "./brownian.ts";
import { ConfigError } from "./errors.ts";

interface Golden {
  seedSequences: { entropy: number; spawnKey: number[]; poolSize: number; words: number[] }[];
  brownian: (BrownianOptions & { draws: { from: number; to: number; values: string }[] })[];
}
const golden = readGoldenJson<Golden>("torch-random.golden.json");
const floats = (packed: string) => new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer);

describe("seedWords", () => {
  it.each(golden.seedSequences)("NumPy's words of $entropy, $spawnKey", ({ entropy, spawnKey, poolSize, words }) => {
    expect([...seedWords(entropy, spawnKey, poolSize, 5)]).toEqual(words);
  });
});

describe("BrownianTree", () => {
  const cases = golden.brownian.flatMap(({ draws, ...options }) => draws.map((draw) => ({ ...options, ...draw })));
  it.each(cases)("torchsde's increment, seed $seed, $from to $to", ({ from, to, values, ...options }) => {
    const expected = floats(values);
    const found = new BrownianTree(options).increment(from, to);
    // float32 there, with the whole motion as the scale of its rounding errors.
    const scale = Math.sqrt(options.end - options.start);
    expect(found.length).toBe(expected.length);
    expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]))) / scale).toBeLessThan(1e-6);
  });

  it("adds up, backwards with the other sign, and has unit variance per unit time", () => {
    const tree = new BrownianTree({ size: 4000, start: 0, end: 2, seed: 3 });
    const [first, second, both] = [tree.increment(0.3, 0.8), tree.increment(0.8, 1.9), tree.increment(0.3, 1.9)];
    both.forEach((value, i) => {
      expect(value).toBeCloseTo(first[i] + second[i], 5);
    });
    expect(tree.increment(0.8, 0.3)).toEqual(first.map((value) => -value));
    const variance = (values: Float32Array) => values.reduce((sum, z) => sum + z * z, 0) / values.length;
    // Five standard errors of a variance of 4000 draws: 5 sqrt(2 / 4000) = 0.11.
    expect(Math.abs(variance(first) / 0.5 - 1)).toBeLessThan(0.11);
    expect(Math.abs(variance(tree.noise(1.9, 0.8)) - 1)).toBeLessThan(0.11);
    const covariance = first.reduce((sum, z, i) => sum + z * second[i], 0) / first.length / Math.sqrt(0.5 * 1.1);
    expect(Math.abs(covariance)).toBeLessThan(5 / Math.sqrt(4000));
  });

  const options = { size: 2, start: 0, end: 1, seed: 0 };
  it.each<[() => unknown, string]>([
    [() => new BrownianTree({ ...options, size: 0 }), "size must be an integer from 1, not 0"],
    [() => new BrownianTree({ ...options, seed: -1 }), "seed must be an integer from 0"],
    [() => new BrownianTree({ ...options, end: 0 }), "start < end"],
    [() => new BrownianTree(options).increment(0, 1.5), "it was asked for 1.5"],
    [() => new BrownianTree(options).increment(Number.NaN, 1), "it was asked for NaN"],
    [() => new BrownianTree(options).noise(0.5, 0.5), "no noise between 0.5 and 0.5"],
  ])("refuses %s", (call, message) => {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  });
});
