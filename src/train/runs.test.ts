/** Run folders, metrics, and models in the folder format of diffusers. */
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, FileAccessError, FileFormatError } from "../core/errors.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { ImageNetwork } from "../models/network.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { namedParameters } from "../nn/module.ts";
import { Weights } from "../nn/weights.ts";
import { saveCheckpoint } from "./checkpoint.node.ts";
import { exportOnnx, loadModel, saveModel } from "./model-folder.node.ts";
import { networkFrom } from "./network-config.ts";
import { createRun, openMetrics, openRun, type RunOptions, readMetrics } from "./runs.node.ts";
import { initialState } from "./state.ts";
import { tinyNetwork, tinyUNet } from "./testing/tiny.ts";

let root: string;
let folder: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), "langevin-runs-"));
});
afterAll(() => fs.rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await fs.mkdtemp(join(root, "run-"));
});

const { num_class_embeds: _, ...unet } = structuredClone(tinyUNet) as never as Record<string, unknown>;
const run = {
  langevin: "0.1.0",
  recipe: "tiny",
  seed: 3,
  network: { unet: { ...unet, in_channels: 4, out_channels: 4 }, patch: 2, initialisation: "ddpm" },
  objective: { path: { name: "linear" }, prediction: "noise" },
  data: { name: "tiny" },
  training: { steps: 10 },
} as RunOptions;

describe("run.json", () => {
  it("comes back with all defaults filled in", async () => {
    const made = await createRun(join(folder, "a/b"), run);
    expect(made.network.unet?.time_embedding_type).toBe("positional");
    expect(await openRun(join(folder, "a/b"))).toEqual(made);
    expect(networkFrom(made.network).imageShape).toEqual([1, 16, 16]);
  });

  it("is not written over that of another run", async () => {
    await createRun(folder, run);
    await expect(createRun(folder, run)).rejects.toThrow(FileAccessError);
    await expect(createRun(folder, run)).rejects.toThrow(/holds a run already; resume it/);
  });

  it("with an unknown or mistyped field is refused by name", async () => {
    const path = join(folder, "run.json");
    const wrong = { ...run, network: { ...run.network, pach: 2 } };
    await expect(createRun(folder, wrong as never)).rejects.toThrow(ConfigError);
    await expect(createRun(folder, wrong as never)).rejects.toThrow("unknown field network.pach. Did you mean patch?");
    await fs.writeFile(path, JSON.stringify({ ...run, seed: "three" }));
    await expect(openRun(folder)).rejects.toThrow(/run\.json: seed: .*given "three"/);
    await fs.writeFile(path, "{");
    await expect(openRun(folder)).rejects.toThrow(FileFormatError);
    await fs.rm(path);
    await expect(openRun(folder)).rejects.toThrow(/is no run folder/);
  });

  it("is opened after the remains of a killed process were removed", async () => {
    await createRun(folder, run);
    await fs.writeFile(join(folder, ".state.safetensors.123-0.langevin-tmp"), "half");
    await openRun(folder);
    expect(await fs.readdir(folder)).toEqual(["run.json"]);
  });
});

describe("metrics.jsonl", () => {
  const path = () => join(folder, "metrics.jsonl");

  it("is cut after the step of the state, half a line at its end too", async () => {
    const metrics = await openMetrics(folder, 0);
    for (const step of [5, 10, 15]) await metrics.append({ step, loss: 1 / step });
    await fs.appendFile(path(), '{"step":20,"lo');
    const resumed = await openMetrics(folder, 10);
    await resumed.append({ step: 15, loss: 0.5 });
    expect(await readMetrics(folder)).toEqual([
      { step: 5, loss: 0.2 },
      { step: 10, loss: 0.1 },
      { step: 15, loss: 0.5 },
    ]);
    await openMetrics(folder, 0); // a new run in an old folder
    expect(await fs.readFile(path(), "utf8")).toBe("");
  });

  it("with a damaged line is refused by its number", async () => {
    await fs.writeFile(path(), '{"step":1}\nnonsense\n{"step":3}\n');
    await expect(openMetrics(folder, 3)).rejects.toThrow(FileFormatError);
    await expect(openMetrics(folder, 3)).rejects.toThrow(
      /metrics\.jsonl, line 2 is not a JSON object with a step: nonsense/,
    );
  });

  it("that cannot be appended to is a FileAccessError", async () => {
    const metrics = await openMetrics(join(folder, "missing"), 0);
    await expect(metrics.append({ step: 1 })).rejects.toThrow(FileAccessError);
  });
});

describe("models", () => {
  const network = tinyNetwork();
  const weights = Weights.initial(network, 1);
  const average = Weights.initial(network, 2);

  async function rewrite(name: string, change: (tensors: Map<string, SafetensorsTensor>) => void) {
    const path = join(folder, name);
    const { tensors } = decodeSafetensors(new Uint8Array(await fs.readFile(path)), path);
    change(tensors);
    await fs.writeFile(path, encodeSafetensors(tensors));
  }

  it("come back, averaged or as trained", async () => {
    await saveModel(folder, { network, weights, average });
    const loaded = await loadModel(folder);
    expect(loaded.file).toBe(join(folder, "ema.safetensors"));
    expect(loaded.weights.slabs).toEqual(average.slabs);
    expect((loaded.network as UNet).config).toEqual((network as UNet).config);
    expect((await loadModel(folder, { weights: "trained" })).weights.slabs).toEqual(weights.slabs);
  });

  it("send diffusers to the averaged weights", async () => {
    await saveModel(folder, { network, weights, average });
    const index = JSON.parse(await fs.readFile(join(folder, "diffusion_pytorch_model.safetensors.index.json"), "utf8"));
    expect(Object.keys(index.weight_map)).toEqual([...average.tensors().keys()]);
    expect(new Set(Object.values(index.weight_map))).toEqual(new Set(["ema.safetensors"]));
    expect(index.metadata.total_size).toBe(4 * average.slabs.reduce((sum, slab) => sum + slab.length, 0));
  });

  it("in patches come back from a run folder", async () => {
    const { network: config } = await createRun(folder, run);
    const patched = networkFrom(config);
    const weights = Weights.initial(patched, 0);
    await saveModel(folder, { network: patched, weights });
    const path = join(folder, "model.safetensors");
    const { tensors } = decodeSafetensors(new Uint8Array(await fs.readFile(path)), path);
    // The names of the network inside, as diffusers knows them.
    expect([...tensors.keys()]).toEqual([...namedParameters(new UNet(config.unet!)).keys()]);
    const loaded = await loadModel(folder);
    expect(loaded.network).toBeInstanceOf(Patched);
    expect(loaded.network.imageShape).toEqual([1, 16, 16]);
    expect(loaded.weights.slabs).toEqual(weights.slabs);
    expect(loaded.run?.recipe).toBe("tiny");
  });

  it("are taken from the state of a run that was killed before it wrote any", async () => {
    const { network: config } = await createRun(folder, run);
    const patched = networkFrom(config);
    const state = initialState({ network: patched, steps: 1, seed: 0, lossByNoise: [] });
    await saveCheckpoint(folder, patched, state);
    expect((await loadModel(folder)).weights.slabs).toEqual(state.slabs.average);
  });

  it("of early versions of diffusers are read: other names of the attention layers", async () => {
    await saveModel(folder, { network, weights });
    const old: Record<string, string> = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };
    let renamed = 0;
    await rewrite("model.safetensors", (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        const before = name.replace(/to_q|to_k|to_v|to_out\.0/, (part) => old[part]);
        if (before !== name) renamed++;
        tensors.set(before, tensor);
      }
    });
    expect(renamed).toBe(32); // 4 attention layers of 4 matrices and 4 biases
    expect((await loadModel(folder)).weights.slabs).toEqual(weights.slabs);
  });

  it("with a tensor too few, or of whole numbers, are refused by its name", async () => {
    await saveModel(folder, { network, weights });
    await rewrite("model.safetensors", (tensors) => {
      tensors.set("conv_out.bias", { dtype: "I64", shape: [1], data: BigInt64Array.of(1n) });
    });
    await expect(loadModel(folder)).rejects.toThrow(/conv_out.bias is stored as I64; weights are floating-point/);
    await rewrite("model.safetensors", (tensors) => tensors.delete("conv_out.bias"));
    await expect(loadModel(folder)).rejects.toThrow(CheckpointError);
    await expect(loadModel(folder)).rejects.toThrow(/expects conv_out.bias \[1\], which is not there/);
    await fs.truncate(join(folder, "model.safetensors"), 4000);
    await expect(loadModel(folder)).rejects.toThrow(FileFormatError);
  });

  it("without weights or configuration, and networks that diffusers does not have, are refused", async () => {
    await expect(loadModel(folder)).rejects.toThrow(/config\.json: no such file/);
    await fs.writeFile(join(folder, "config.json"), JSON.stringify(tinyUNet));
    await expect(loadModel(folder)).rejects.toThrow(/holds no weights: none of ema.safetensors, .* is there/);
    await fs.writeFile(
      join(folder, "config.json"),
      JSON.stringify({ ...tinyUNet, _class_name: "UNet2DConditionModel" }),
    );
    await expect(loadModel(folder)).rejects.toThrow(/_class_name: .*given "UNet2DConditionModel"/);
    class Other extends ImageNetwork {
      override imageShape = [1, 8, 8];
      override outputChannels = 1;
      override classes = undefined;
      protected override forward(): never {
        throw new Error("not traced");
      }
    }
    await expect(saveModel(folder, { network: new Other(), weights })).rejects.toThrow(/a Other has no configuration/);
  });

  it("over 2 GB are not exported to one ONNX file", async () => {
    const huge = new UNet({ sample_size: 8, block_out_channels: [1024, 2048, 4096, 4096] });
    const exporting = exportOnnx(join(folder, "huge.onnx"), { network: huge, weights });
    await expect(exporting).rejects.toThrow(ConfigError);
    await expect(exporting).rejects.toThrow(/GB of weights, and an ONNX file holds less than 2 GB/);
  });
});
