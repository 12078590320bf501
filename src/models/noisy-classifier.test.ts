/**
 * The gradient of the noisy classifier against central differences in float64 by the reference evaluator.
 */
import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { evaluate, referenceRuntime } from "../runtime/reference/session.ts";
import { CompiledNoisyClassifier, NoisyClassifier, noisyGradientGraph, noisyLogitsGraph } from "./noisy-classifier.ts";

const tiny = new NoisyClassifier({ imageShape: [1, 4, 4], classes: 3, channels: [4, 32], groups: 2, timeChannels: 6 });
const weights = Weights.initial(tiny, 3);
const x = Random.from(1).normals(32);
const feeds = { timestep: [700, 40], class_labels: [2, 0] };
const labels = Int32Array.from(feeds.class_labels);

describe("the gradient of log p(y | x)", () => {
  it("agrees with central differences", () => {
    const graph = noisyGradientGraph(tiny, weights, 2);
    const at = (sample: ArrayLike<number>) => evaluate(graph, { ...feeds, sample }, "float64");
    const gradient = at(x).gradient;
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3);
    const h = 1e-5;
    for (let i = 0; i < 32; i++) {
      const moved = (by: number) => at(Float64Array.from(x, (value, j) => (j === i ? value + by : value)));
      const slope = (moved(h).log_probability[0] - moved(-h).log_probability[0]) / (2 * h);
      expect(Math.abs(gradient[i] - slope)).toBeLessThan(1e-8);
    }
  });

  it("is of the logarithm of the softmax of the logits", () => {
    const { log_probability } = evaluate(noisyGradientGraph(tiny, weights, 2), { ...feeds, sample: x }, "float64");
    const { logits } = evaluate(noisyLogitsGraph(tiny, weights, 2), { timestep: feeds.timestep, sample: x }, "float64");
    const total = labels.reduce((sum, label, n) => {
      const row = logits.slice(3 * n, 3 * n + 3);
      return sum + row[label] - Math.log(row.reduce((all, value) => all + Math.exp(value), 0));
    }, 0);
    expect(log_probability[0]).toBeCloseTo(total, 10);
  });

  it("is each image's own, and depends on its time", async () => {
    await using compiled = new CompiledNoisyClassifier(tiny, weights, referenceRuntime());
    const both = await compiled.gradient(x, 300, labels);
    const first = await compiled.gradient(x.slice(0, 16), 300, labels.slice(0, 1));
    both.subarray(0, 16).forEach((value, i) => {
      expect(value).toBeCloseTo(first[i], 6);
    });
    expect(await compiled.gradient(x, 10, labels)).not.toEqual(both);
  });

  it("is the same on the CPU", async () => {
    await using reference = new CompiledNoisyClassifier(tiny, weights, referenceRuntime());
    await using cpu = new CompiledNoisyClassifier(tiny, weights, nodeRuntime(), { threads: 1 });
    const [wanted, found] = [await reference.gradient(x, 300, labels), await cpu.gradient(x, 300, labels)];
    found.forEach((value, i) => {
      expect(Math.abs(value - wanted[i])).toBeLessThan(1e-5);
    });
    const [logits, again] = [await reference.logits(x, 300), await cpu.logits(x, 300)];
    expect(logits).toHaveLength(6);
    again.forEach((value, i) => {
      expect(Math.abs(value - logits[i])).toBeLessThan(1e-5);
    });
  });
});

describe("NoisyClassifier refuses", () => {
  const compiled = new CompiledNoisyClassifier(tiny, weights, referenceRuntime());
  it("labels and images that are not its own", async () => {
    await expect(compiled.gradient(x, 1, Int32Array.of(0, 3))).rejects.toThrow(ConfigError);
    await expect(compiled.gradient(x, 1, Int32Array.of(0, 3))).rejects.toThrow(
      "label 1 is 3; the noisy classifier knows the classes 0 to 2",
    );
    await expect(compiled.gradient(x, 1, Int32Array.of(0))).rejects.toThrow(ShapeError);
    await expect(compiled.logits(x.slice(0, 20), 1)).rejects.toThrow("20 numbers are not whole images of [1, 4, 4]");
  });

  it.each([
    [{ classes: 1 }, "classes"],
    [{ channels: [32, 40] }, "32 channels, which do not divide the 40"],
    [{ channels: [30], groups: 8, attention: false }, "groups do not divide"],
    [{ width: 3 }, "unknown field width"],
  ])("%j", (options, message) => {
    expect(() => new NoisyClassifier(options as never)).toThrow(ConfigError);
    expect(() => new NoisyClassifier(options as never)).toThrow(message);
  });
});
