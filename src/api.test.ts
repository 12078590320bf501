import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bytesDataset,
  ConfigError,
  cosine,
  ddim,
  imageFolder,
  loadModel,
  sample,
  saveModel,
  train,
  UNet,
  vp,
} from "./index.ts";

const data = bytesDataset({
  name: "ramps",
  images: Uint8Array.from({ length: 8 * 64 }, (_, i) => (i * 7) % 256),
  channels: 1,
  height: 8,
  width: 8,
});
const shape = { size: 8, channels: 1, width: 8, multipliers: [1, 1], attentionAt: [4], blocks: 1 };
const runOf = (steps: number) =>
  train({ model: new UNet(shape), path: vp(cosine()), predict: "v", data, steps, batch: 2, threads: 1 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-api-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the friendly face", () => {
  it("trains, goes on after a pause, saves, and draws the same from the run and from its folder", async () => {
    const run = runOf(4);
    const steps: number[] = [];
    for await (const { step } of run) {
      steps.push(step);
      if (step === 2) break;
    }
    for await (const { step } of run) steps.push(step);
    expect(steps).toEqual([1, 2, 3, 4]);
    await run.save(join(folder, "run"));
    const options = { count: 2, solver: ddim({ steps: 3 }), seed: 1 };
    const drawn = await sample(run, options);
    expect(drawn.shape).toEqual([2, 1, 8, 8]);
    expect((await sample(join(folder, "run"), options)).images).toEqual(drawn.images);
  });

  it("is the same run with the same seed", async () => {
    const losses = async () => {
      const all: number[] = [];
      for await (const { loss } of runOf(2)) all.push(loss);
      return all;
    };
    expect(await losses()).toEqual(await losses());
  });

  it("says what is missing", async () => {
    expect(() => runOf(1).average).toThrow(/has not begun/);
    await expect(runOf(1).save(folder)).rejects.toThrow(ConfigError);
    expect(() => new UNet({ ...shape, size: 7 })).toThrow(ConfigError);
    expect(() => train({ model: new UNet(shape), path: vp(cosine()), predict: "w" as "v", data, steps: 1 })).toThrow(
      /unknown prediction "w"/,
    );
    expect(() => imageFolder("flowers")([4, 8, 8])).toThrow(/1 or 3 channels/);
    const model = join(folder, "model");
    const run = runOf(1);
    for await (const _ of run);
    await saveModel(model, { network: run.network, weights: run.weights });
    expect((await loadModel(model)).run).toBeUndefined();
    await expect(sample(model, { count: 1 })).rejects.toThrow(/no run\.json/);
  });
});
