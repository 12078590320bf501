import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, DataError, FileAccessError } from "../core/errors.ts";
import { bytesDataset } from "../data/memory.ts";
import { linear, vp } from "../diffusion/discrete-vp.ts";
import { classifierGuided } from "../diffusion/guidance/classifier.ts";
import { ddim } from "../diffusion/solvers/ddim.ts";
import { solve } from "../diffusion/solvers/solver.ts";
import { mixtureDenoiser } from "../diffusion/testing/mixture.ts";
import { ve } from "../diffusion/ve.ts";
import { CompiledNoisyClassifier, NoisyClassifier } from "../models/noisy-classifier.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { loadNoisyClassifier, saveNoisyClassifier } from "./noisy-classifier.node.ts";
import { noisyAccuracy, noisyClassifierGradient, trainNoisyClassifier } from "./noisy-classifier.ts";

const folder = mkdtempSync(join(tmpdir(), "langevin-noisy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runtime = nodeRuntime();
const path = vp(linear());
const tiny = () =>
  new NoisyClassifier({
    imageShape: [1, 6, 6],
    classes: 2,
    channels: [8, 16],
    groups: 2,
    attention: false,
    timeChannels: 16,
  });

/** Grey images: dark ones (-0.6) are class 0, bright ones (0.6) class 1, each pixel ± 0.1. */
const shades = (() => {
  const labels = Array.from({ length: 64 }, (_, n) => n % 2);
  const images = Uint8Array.from(
    { length: 64 * 36 },
    (_, i) => (labels[Math.floor(i / 36)] ? 204 : 51) + ((i * 7919) % 27) - 13,
  );
  return bytesDataset({
    name: "shades",
    images,
    channels: 1,
    height: 6,
    width: 6,
    labels,
    classes: ["dark", "bright"],
  });
})();

async function trained(seed: number, steps = 60) {
  const losses: number[] = [];
  const classifier = tiny();
  const weights = await trainNoisyClassifier({
    classifier,
    data: shades,
    path,
    runtime,
    steps,
    batch: 32,
    learningRate: 1e-2,
    seed,
    threads: 1,
    onStep: (_, loss) => void losses.push(loss),
  });
  return { classifier, weights, losses };
}

describe("trainNoisyClassifier", () => {
  it("learns what noise leaves to be known, and guides", async () => {
    const { classifier, weights, losses } = await trained(1, 120);
    expect(losses).toHaveLength(120);
    expect(losses[0]).toBeGreaterThan(0.4); // ln 2 for one that knows nothing
    const last = losses.slice(-20).reduce((sum, loss) => sum + loss, 0) / 20;
    expect(last).toBeLessThan(0.45); // half of the times are almost noise alone

    await using compiled = new CompiledNoisyClassifier(classifier, weights, runtime, { threads: 1 });
    expect(await noisyAccuracy(compiled, shades, path, { t: 0, seed: 0, batch: 32 })).toBe(1);
    expect(await noisyAccuracy(compiled, shades, path, { t: 999, seed: 0, batch: 32 })).toBeLessThan(0.75);

    // The model of both shades, each pixel on its own, draws images of mean 0 ± 0.1, four of them 0 ± 0.056.
    const components = [-0.6, 0.6].map((mean) => ({ weight: 0.5, mean, std: 0.3 }));
    const guided = classifierGuided(mixtureDenoiser(components, path), {
      guides: { gradient: noisyClassifierGradient(compiled), scale: 12 },
    });
    const images = await solve(ddim({ steps: 20, clip: false }), guided, {
      shape: [8, 1, 6, 6],
      seed: 2,
      condition: { classLabels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1) },
    });
    const brightness = [0, 4].map(
      (n) => images.slice(36 * n, 36 * (n + 4)).reduce((sum, value) => sum + value, 0) / 144,
    );
    expect(brightness[0]).toBeLessThan(-0.2);
    expect(brightness[1]).toBeGreaterThan(0.2);
  });

  it("gives the same weights for the same seed, and back from its folder", async () => {
    const [first, again, other] = [await trained(5, 4), await trained(5, 4), await trained(6, 4)];
    expect(again.losses).toEqual(first.losses);
    expect(again.weights.slabs).toEqual(first.weights.slabs);
    expect(other.losses[0]).not.toBe(first.losses[0]);
    await saveNoisyClassifier(join(folder, "shades"), tiny(), first.weights, { data: "shades", seed: 5 });
    const { classifier, weights } = await loadNoisyClassifier(join(folder, "shades"));
    expect(weights.slabs).toEqual(first.weights.slabs);
    expect(classifier.config).toEqual({ ...tiny().config, training: { data: "shades", seed: 5 } });
  });

  it("sees images of unit size on a path whose noise explodes", async () => {
    const exploding = ve();
    const classifier = tiny();
    await using compiled = new CompiledNoisyClassifier(classifier, Weights.initial(classifier, 1), runtime, {
      threads: 1,
    });
    const gradient = noisyClassifierGradient(compiled);
    const x = Float32Array.from({ length: 36 }, (_, i) => Math.sin(i));
    const level = exploding.at(1);
    const size = Math.hypot(1, level.sigma);
    const condition = { classLabels: Int32Array.of(1) };
    const wanted = await compiled.gradient(x, level.networkTime, condition.classLabels);
    const found = await gradient(
      x.map((value) => size * value),
      level,
      condition,
    );
    found.forEach((value, i) => {
      expect(size * value).toBeCloseTo(wanted[i], 4);
    });
  });
});

describe("refused", () => {
  const options = { classifier: tiny(), data: shades, path, runtime, steps: 1, batch: 2, seed: 0 };
  it("data without labels, and of another shape", async () => {
    const plain = bytesDataset({ name: "plain", images: new Uint8Array(36), channels: 1, height: 6, width: 6 });
    await expect(trainNoisyClassifier({ ...options, data: plain })).rejects.toThrow(DataError);
    const classifier = new NoisyClassifier();
    await expect(trainNoisyClassifier({ ...options, classifier })).rejects.toThrow(ConfigError);
    await expect(trainNoisyClassifier({ ...options, classifier })).rejects.toThrow(
      "shades has images [1, 6, 6] of 2 classes; the noisy classifier takes [1, 28, 28] of 10",
    );
  });

  it("guidance without labels", async () => {
    const compiled = new CompiledNoisyClassifier(tiny(), Weights.initial(tiny(), 0), runtime);
    await expect(noisyClassifierGradient(compiled)(new Float32Array(36), path.at(3))).rejects.toThrow(
      "needs a condition with classLabels",
    );
  });

  it("a run that is told to stop", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(trainNoisyClassifier({ ...options, signal })).rejects.toThrow("enough");
  });

  it("folders that are not there or hold something else", async () => {
    await expect(loadNoisyClassifier(join(folder, "none"))).rejects.toThrow(FileAccessError);
    const other = new NoisyClassifier({
      imageShape: [1, 6, 6],
      classes: 2,
      channels: [8, 32],
      groups: 2,
      timeChannels: 16,
    });
    await saveNoisyClassifier(join(folder, "other"), other, Weights.initial(tiny(), 0));
    await expect(loadNoisyClassifier(join(folder, "other"))).rejects.toThrow(CheckpointError);
  });
});
