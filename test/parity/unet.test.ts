/**
 * The U-Net beside diffusers' UNet2DModel: folders that diffusers wrote are loaded, run, saved, exported and run again.
 *
 * Golden outputs: unet/<name>/, made by make_unet.py (which names the versions) in float32; the same networks in float64
 * differ from them by up to 2e-5. `check_folder.py` makes the comparison the other way round, in diffusers.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import { CompiledNetwork, predictionGraph } from "../../src/models/compiled.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { exportOnnx, loadModel, saveModel } from "../../src/train/model-folder.node.ts";
import { goldenPath, largestDifference, readGoldenTensors } from "./golden.ts";

const names = ["attention", "ddpm", "class-embedding", "scale-shift", "scale-shift-no-mid-attention"];
const runtime = nodeRuntime();
/** What two float32 implementations may differ by; seen: 1.7e-6 to 5.2e-6. */
const TOLERANCE = 2e-5;

function readIo(name: string) {
  const io = readGoldenTensors(`unet/${name}/io.safetensors`);
  return {
    sample: io.get("sample")!.data as Float32Array,
    timestep: io.get("timestep")!.data as Float32Array,
    classLabels: io.get("class_labels")?.data as Int32Array | undefined,
    output: io.get("output")!.data as Float32Array,
  };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-unet-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(names)("%s", (name) => {
  it("gives the outputs of diffusers, also through a saved folder and an ONNX file", async () => {
    const io = readIo(name);
    const feeds = {
      sample: io.sample,
      timestep: io.timestep,
      ...(io.classLabels ? { class_labels: io.classLabels } : {}),
    };
    const { network, weights, run } = await loadModel(goldenPath(`unet/${name}`));
    expect(run).toBeUndefined();
    await using session = await runtime.compile(predictionGraph(network, weights, 2), { threads: 1 });
    const found = (await session.run(feeds)).out_sample as Float32Array;
    expect(largestDifference(found, io.output)).toBeLessThan(TOLERANCE);

    // Saved and loaded: the same weights to the bit.
    await saveModel(join(folder, name), { network, weights, average: weights });
    const again = await loadModel(join(folder, name));
    expect(again.weights.slabs).toEqual(weights.slabs);

    // Exported and run by onnxruntime alone.
    const path = join(folder, name, "model.onnx");
    await exportOnnx(path, { network, weights, batch: 2 });
    const exported = await InferenceSession.create(new Uint8Array(await readFile(path)), { intraOpNumThreads: 1 });
    expect(exported.inputNames).toEqual(
      io.classLabels ? ["sample", "timestep", "class_labels"] : ["sample", "timestep"],
    );
    expect(exported.outputNames).toEqual(["out_sample"]);
    const shape = [2, ...network.imageShape];
    const outputs = await exported.run({
      sample: new Tensor("float32", io.sample, shape),
      timestep: new Tensor("float32", io.timestep, [2]),
      ...(io.classLabels ? { class_labels: new Tensor("int32", io.classLabels, [2]) } : {}),
    });
    expect(outputs.out_sample.dims).toEqual([2, network.outputChannels, ...network.imageShape.slice(1)]);
    expect(largestDifference(outputs.out_sample.data as Float32Array, io.output)).toBeLessThan(TOLERANCE);
    await exported.release();
  });

  it("gives them image by image", async () => {
    const io = readIo(name);
    const { network, weights } = await loadModel(goldenPath(`unet/${name}`));
    await using compiled = new CompiledNetwork(network, weights, runtime, { threads: 1 });
    const [size, outputSize] = [io.sample.length / 2, io.output.length / 2];
    for (const i of [0, 1]) {
      const x = io.sample.subarray(i * size, (i + 1) * size);
      const found = await compiled.predict(x, io.timestep[i], io.classLabels?.subarray(i, i + 1));
      const expected = io.output.subarray(i * outputSize, (i + 1) * outputSize);
      expect(largestDifference(found, expected)).toBeLessThan(TOLERANCE);
    }
  });
});

it("refuses residual blocks that change the resolution, by the names of the fields", async () => {
  const loading = loadModel(goldenPath("unet/resnet-resampling"));
  await expect(loading).rejects.toThrow(ConfigError);
  await expect(loading).rejects.toThrow(/config\.json: .*downsample_type: .*given "resnet".*upsample_type/s);
});
