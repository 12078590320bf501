import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { toy } from "../data/toy.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import { Mlp } from "../models/mlp.ts";
import { ImageNetwork } from "../models/network.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.node.ts";
import { loadModel, saveModel } from "./model-folder.node.ts";
import { describeNetwork, type NetworkOptions, networkFrom } from "./network-config.ts";
import { tinyUNet } from "./testing/tiny.ts";
import { train } from "./train.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-network-"));
});
afterEach(() => rm(folder, { recursive: true }));

const mlp = { width: 8, blocks: 1, timeChannels: 4, classes: 3 };

describe("a network as JSON", () => {
  it("is described by what makes it again", () => {
    for (const options of [{ mlp }, { unet: { ...tinyUNet } }, { unet: { ...tinyUNet, in_channels: 4 }, patch: 2 }]) {
      const network = networkFrom(options as NetworkOptions);
      const described = describeNetwork(network);
      expect(describeNetwork(networkFrom(JSON.parse(JSON.stringify(described))))).toEqual(described);
      expect(network).toBeInstanceOf(ImageNetwork);
    }
    expect(describeNetwork(networkFrom({ mlp })).mlp).toMatchObject({ width: 8, classes: 3, imageShape: [2, 1, 1] });
  });

  it.each([
    [{}, /expected one network, as unet or mlp/],
    [{ mlp, unet: { ...tinyUNet } }, /expected one network/],
    [{ mlp, patch: 2 }, /neither patch nor initialisation beside mlp/],
    [{ mlp, initialisation: "ddpm" }, /neither patch/],
    [{ mlp: { widht: 3 } }, /unknown field mlp\.widht\. Did you mean width/],
    [{ mlpp: {} }, /unknown field mlpp\. Did you mean mlp/],
  ])("%j is refused", (options, message) => {
    expect(() => networkFrom(options as NetworkOptions)).toThrow(ConfigError);
    expect(() => networkFrom(options as NetworkOptions)).toThrow(message);
  });
});

describe("an MLP in a folder", () => {
  it("is saved and loaded to the bit, with a config.json of its own and no index for diffusers", async () => {
    const network = new Mlp(mlp);
    const [weights, average] = [1, 2].map((seed) => Weights.initial(network, seed));
    await saveModel(folder, { network, weights, average });
    expect((await readdir(folder)).sort()).toEqual(["config.json", "ema.safetensors", "model.safetensors"]);
    expect(JSON.parse(await readFile(join(folder, "config.json"), "utf8"))).toMatchObject({
      _class_name: "MLP",
      width: 8,
    });
    const loaded = await loadModel(folder);
    expect(loaded.network).toBeInstanceOf(Mlp);
    expect(loaded.weights.slabs).toEqual(average.slabs);
    expect((await loadModel(folder, { weights: "trained" })).weights.slabs).toEqual(weights.slabs);
  });

  it("is refused where config.json is damaged", async () => {
    await saveModel(folder, { network: new Mlp(mlp), weights: Weights.initial(new Mlp(mlp), 0) });
    await writeFile(join(folder, "config.json"), JSON.stringify({ _class_name: "MLP", width: "wide" }));
    await expect(loadModel(folder)).rejects.toThrow(/config\.json: width: .*given "wide"/);
  });

  it("trains on points, and goes on from its checkpoint with the same weights", async () => {
    const options = {
      network: new Mlp(mlp),
      objective: objectiveFrom({ path: { name: "straightLine" }, prediction: "flow" }),
      data: toy({ name: "moons", points: 20 }),
      runtime: nodeRuntime(),
      batch: 8,
      learningRate: { peak: 1e-3 },
      labelDrop: 0.2,
      seed: 0,
      threads: 1,
    };
    const whole = train({ ...options, steps: 4 });
    for await (const tick of whole) expect(tick.loss).toBeGreaterThan(0);
    const half = train({ ...options, steps: 4 });
    for await (const { step } of half) if (step === 2) break;
    await saveCheckpoint(folder, options.network, half.state());
    const from = await loadCheckpoint(folder, networkFrom({ mlp }));
    const rest = train({ ...options, steps: 4, from });
    for await (const _ of rest);
    expect(rest.weights.slabs).toEqual(whole.weights.slabs);
    await expect(loadCheckpoint(folder, networkFrom({ mlp: { ...mlp, timeScale: 2 } }))).rejects.toThrow(
      /has timeScale 1, the network 2/,
    );
  });
});
