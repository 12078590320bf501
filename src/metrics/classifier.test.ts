/**
 * The classifier that ships with the package on all test digits, and the training that made it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, DataError, FileAccessError, ShapeError } from "../core/errors.ts";
import { digits } from "../data/digits.node.ts";
import { bytesDataset } from "../data/memory.ts";
import { input } from "../graph/ops.ts";
import { countParameters, traceWith } from "../nn/module.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { classifierDefaults, DigitsClassifier } from "./classifier.ts";
import { accuracy, loadJudge, shippedClassifier } from "./digits-judge.node.ts";
import { saveClassifier, trainClassifier } from "./train-classifier.node.ts";

const folder = mkdtempSync(join(tmpdir(), "langevin-classifier-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runtime = nodeRuntime();

describe("the shipped classifier", () => {
  it("classifies at least 98.5 % of the test digits rightly, as many as its config.json says", async () => {
    await using judge = await loadJudge(runtime);
    const right = await accuracy(judge, await digits({ split: "test" }));
    expect(right).toBeGreaterThanOrEqual(0.985);
    expect(Math.abs(right - judge.config.training!.testAccuracy)).toBeLessThanOrEqual(2e-4); // two digits of 10,000
  });

  it("is small", async () => {
    expect(countParameters(new DigitsClassifier())).toBe(97_802);
    const { size } = await stat(join(shippedClassifier, "model.safetensors"));
    expect(size).toBeLessThan(500_000);
  });
});

/** 40 images: a bright left half is class 0, a bright right half class 1; noise on top. */
function halves() {
  const images = new Uint8Array(40 * 784);
  const labels = Array.from({ length: 40 }, (_, n) => n % 2);
  for (let i = 0; i < images.length; i++) {
    const right = i % 28 >= 14 ? 1 : 0;
    images[i] = (right === labels[Math.floor(i / 784)] ? 150 : 20) + ((i * 7919) % 60);
  }
  return bytesDataset({
    name: "halves",
    images,
    channels: 1,
    height: 28,
    width: 28,
    labels,
    classes: ["left", "right"],
  });
}

const config = {
  ...classifierDefaults,
  channels: [2, 3, 4, 4] as [number, number, number, number],
  features: 6,
  classes: 2,
};

async function trained(seed: number) {
  const classifier = new DigitsClassifier(config);
  const losses: number[] = [];
  const onStep = (_: number, loss: number) => void losses.push(loss);
  const options = { classifier, data: halves(), runtime, steps: 60, batch: 10, learningRate: 1e-2, seed, threads: 1 };
  return { weights: await trainClassifier({ ...options, onStep }), losses };
}

describe("trainClassifier", () => {
  it("learns, the same numbers from the same seed", async () => {
    const { weights, losses } = await trained(1);
    expect(losses).toHaveLength(60);
    expect(losses[0]).toBeGreaterThan(0.4); // ln 2 for one that knows nothing
    expect(losses[0]).toBeLessThan(1);
    expect(Math.max(...losses.slice(-5))).toBeLessThan(0.05);
    const again = await trained(1);
    expect(again.losses).toEqual(losses);
    expect(again.weights.slabs).toEqual(weights.slabs);
    expect((await trained(2)).losses[0]).not.toBe(losses[0]);

    await saveClassifier(join(folder, "halves"), config, weights);
    await using judge = await loadJudge(runtime, join(folder, "halves"));
    expect(judge.config).toEqual(config);
    expect(await accuracy(judge, halves())).toBe(1);
  });

  it("refuses data without labels", async () => {
    const data = bytesDataset({ name: "plain", images: new Uint8Array(784), channels: 1, height: 28, width: 28 });
    const options = { classifier: new DigitsClassifier(), data, runtime, steps: 1, batch: 1, learningRate: 1, seed: 0 };
    await expect(trainClassifier(options)).rejects.toThrow(DataError);
    await expect(trainClassifier(options)).rejects.toThrow(/plain has no labels/);
  });
});

describe("a classifier's folder", () => {
  it("that is not there, or belongs to another network, is named", async () => {
    await expect(loadJudge(runtime, join(folder, "none"))).rejects.toThrow(FileAccessError);

    const path = join(folder, "other");
    await saveClassifier(path, config, Weights.initial(new DigitsClassifier(config), 0));
    const written = JSON.parse(await readFile(join(path, "config.json"), "utf8"));
    await writeFile(join(path, "config.json"), JSON.stringify({ ...written, features: 7 }));
    await expect(loadJudge(runtime, path)).rejects.toThrow(CheckpointError);
    await expect(loadJudge(runtime, path)).rejects.toThrow(
      /other\/model.safetensors: .*linear\.weight \[7, 36\], found \[6, 36\]/,
    );
    await writeFile(join(path, "config.json"), JSON.stringify({ ...written, featuers: 7 }));
    await expect(loadJudge(runtime, path)).rejects.toThrow(ConfigError);
    await expect(loadJudge(runtime, path)).rejects.toThrow(/other\/config.json: unknown field featuers.*features/);
  });
});

describe("DigitsClassifier", () => {
  it("takes images of 28×28 and one channel only", () => {
    const classifier = new DigitsClassifier();
    const parameters = Weights.initial(classifier, 0).constants();
    const call = (shape: number[]) => traceWith({ parameters }, () => classifier.call(input("images", shape)));
    expect(call([3, 1, 28, 28]).logits.shape).toEqual([3, 10]);
    expect(call([3, 1, 28, 28]).features.shape).toEqual([3, 64]);
    expect(() => call([3, 1, 32, 32])).toThrow(ShapeError);
    expect(() => call([3, 28, 28, 1])).toThrow(/takes images \[N, 1, 28, 28\], not \[3, 28, 28, 1\]/);
  });
});
