/** Golden numbers: test/parity/torch-random.golden.json, made by make_torch_random.py beside it. */
import { describe, expect, it } from "vitest";
import { readGoldenJson } from "../../test/parity/golden.ts";
import { ConfigError } from "./errors.ts";
import { TorchGenerator } from "./torch-random.ts";

type Call = ["randn" | "rand", number] | ["randint", number, number, number];
interface Run {
  seed: number;
  draws: { call: Call; values: string | number[] }[];
}
const { runs } = readGoldenJson<{ runs: Run[] }>("torch-random.golden.json");

const floats = (packed: string) => new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer);

describe("TorchGenerator", () => {
  const titled = runs.map((run) => ({
    ...run,
    title: `${run.seed}: ${run.draws.length > 5 ? `${run.draws.length} calls` : run.draws.map(({ call }) => call.join(" "))}`,
  }));
  it.each(titled)("gives PyTorch's numbers, seed $title", ({ seed, draws }) => {
    const generator = new TorchGenerator(seed);
    for (const { call, values } of draws) {
      if (call[0] === "randint") {
        expect(generator.randint(call[1], call[2], call[3]), call.join(" ")).toEqual(values);
        continue;
      }
      const expected = floats(values as string);
      const found = generator[call[0]](call[1]);
      expect(found.length).toBe(expected.length);
      const largest = Math.max(...found.map((value, i) => Math.abs(value - expected[i])));
      expect(largest, call.join(" ")).toBeLessThanOrEqual(call[0] === "rand" ? 0 : 1e-6);
    }
  });

  it("begins again when it is seeded", () => {
    const generator = new TorchGenerator(7);
    generator.randn(3); // leaves the second number of a pair
    expect(generator.manualSeed(7).randn(3)).toEqual(new TorchGenerator(7).randn(3));
    expect(generator.manualSeed(2 ** 32 + 7).rand(4)).toEqual(new TorchGenerator(7).rand(4));
  });

  it("continues from its state", () => {
    const generator = new TorchGenerator(7);
    generator.randn(5);
    const restored = TorchGenerator.restore(JSON.parse(JSON.stringify(generator.state)));
    expect(restored.randn(5)).toEqual(generator.randn(5));
    expect(restored.rand(700)).toEqual(generator.rand(700));
  });

  it.each<[() => unknown, string]>([
    [() => new TorchGenerator(-1), "an integer from 0 to 2^53 - 1, not -1"],
    [() => new TorchGenerator(0.5), "not 0.5"],
    [() => new TorchGenerator().randn(-1), "the size must be an integer from 0, not -1"],
    [() => new TorchGenerator().rand(1.5), "not 1.5"],
    [() => new TorchGenerator().randint(3, 3, 1), "not 3 and 3"],
    [() => new TorchGenerator().randint(0, 2 ** 53, 1), "less than 2^53 apart"],
    [() => TorchGenerator.restore({ words: [1], used: 0 }), "not 1 words and 0"],
  ])("refuses %s", (call, message) => {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  });
});
