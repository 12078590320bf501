/** States that cannot be loaded or saved: what is said of them, and that the last good one remains. */
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CheckpointError, FileAccessError, FileFormatError, NotFiniteError } from "../core/errors.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../io/safetensors.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.node.ts";
import type { TrainingState } from "./state.ts";
import { tinyNetwork, tinyRun } from "./testing/tiny.ts";
import { train } from "./train.ts";

let root: string;
let folder: string;
let path: string;
const network = tinyNetwork();
let state: TrainingState;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), "langevin-checkpoint-"));
  const training = train(tinyRun({ steps: 2 }));
  for await (const _ of training);
  state = training.state();
});
afterAll(() => fs.rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await fs.mkdtemp(join(root, "run-"));
  path = join(folder, "state.safetensors");
  await saveCheckpoint(folder, network, state);
});

/** Replaces parts of the stored state. */
async function rewrite(
  change: (parts: { metadata: Record<string, string>; tensors: Map<string, SafetensorsTensor> }) => void,
) {
  const parts = decodeSafetensors(new Uint8Array(await fs.readFile(path)), path);
  change(parts);
  await fs.writeFile(path, encodeSafetensors(parts.tensors, parts.metadata));
}

async function expectFailure(error: new (...args: never[]) => Error, message: RegExp | string, other = network) {
  const loading = loadCheckpoint(folder, other);
  await expect(loading).rejects.toThrow(error);
  await expect(loading).rejects.toThrow(message);
  await expect(loading).rejects.toThrow(path);
}

describe("another architecture", () => {
  it.each([
    [
      "a wider network: the first tensor that differs",
      { block_out_channels: [8, 8] },
      "parameters: the model expects conv_in.weight [8, 1, 3, 3], found [4, 1, 3, 3]",
    ],
    [
      "a deeper one: the first tensor that is not there",
      { layers_per_block: 2 },
      "parameters: the model expects down_blocks.0.resnets.1.norm1.weight [4], which is not there",
    ],
    [
      "one without attention: the tensor that it does not have",
      { down_block_types: ["DownBlock2D", "DownBlock2D"] },
      "parameters: the model has no tensor down_blocks.1.attentions.0.",
    ],
    [
      "one with the same tensors, but other heads: the field",
      { attention_head_dim: 8 },
      "the run has attention_head_dim 4, the network 8: another architecture",
    ],
    [
      "one with the same tensors, but another order of the time embedding",
      { flip_sin_to_cos: false },
      "the run has flip_sin_to_cos true, the network false",
    ],
  ])("%s", async (_, fields, message) => {
    await expectFailure(CheckpointError, message, tinyNetwork(fields));
  });

  it("other dropout is no other architecture", async () => {
    expect((await loadCheckpoint(folder, tinyNetwork({ dropout: 0 }))).step).toBe(2);
  });
});

describe("a damaged file", () => {
  it.each([0, 5, 300, 20_000, -1])("cut off at byte %i", async (length) => {
    const bytes = await fs.readFile(path);
    await fs.writeFile(path, bytes.subarray(0, length < 0 ? bytes.length + length : length));
    await expectFailure(FileFormatError, /not a usable safetensors file/);
  });

  it("of another format version", async () => {
    await rewrite(({ metadata }) => {
      metadata.version = "2";
    });
    await expectFailure(
      CheckpointError,
      /format version 2, this langevin reads version 1; use the langevin that wrote it/,
    );
  });

  it("that is a model, not a state", async () => {
    await rewrite(({ metadata }) => {
      delete metadata.format;
    });
    await expectFailure(CheckpointError, /is no training state: its format is not given/);
  });

  it("with metadata that lie", async () => {
    await rewrite(({ metadata }) => {
      metadata.run = metadata.run.replace('"step":2', '"step":-2');
    });
    await expectFailure(Error, /step: .*given -2/);
    await rewrite(({ metadata }) => {
      metadata.run = "{";
    });
    await expectFailure(FileFormatError, /metadata field "run" is missing or no JSON/);
  });

  it("without one moment of one tensor, or with a strange tensor, or another dtype", async () => {
    const original = await fs.readFile(path);
    await rewrite(({ tensors }) => tensors.delete("second.conv_in.bias"));
    await expectFailure(CheckpointError, "second: the model expects conv_in.bias [4], which is not there");
    await fs.writeFile(path, original);
    await rewrite(({ tensors }) => tensors.set("third.x", { dtype: "F32", shape: [1], data: Float32Array.of(1) }));
    await expectFailure(CheckpointError, "third.x is no part of a training state");
    await fs.writeFile(path, original);
    await rewrite(({ tensors }) => {
      tensors.set("first.conv_in.bias", { dtype: "F64", shape: [4], data: new Float64Array(4) });
    });
    await expectFailure(CheckpointError, "first.conv_in.bias is stored as F64, F32 was expected");
  });

  it("that is not there", async () => {
    await fs.rm(path);
    await expectFailure(FileAccessError, /no such file/);
  });
});

describe("saving", () => {
  it.each(["ENOSPC", "EDQUOT", "EIO"])("on a disk that answers %s keeps the old state", async (code) => {
    const full = {
      async open(name: string, flags: string) {
        const file = await fs.open(name, flags);
        return {
          async writeFile(bytes: Uint8Array) {
            await file.writeFile(bytes.subarray(0, 1000));
            throw Object.assign(new Error("injected"), { code });
          },
          close: () => file.close(),
        };
      },
      rename: fs.rename,
      unlink: fs.unlink,
    };
    const before = await fs.readFile(path);
    const next = { ...state, step: 3 };
    const saving = saveCheckpoint(folder, network, next, { fileSystem: full as never });
    await expect(saving).rejects.toThrow(FileAccessError);
    await expect(saving).rejects.toThrow(path);
    expect((await fs.readFile(path)).equals(before)).toBe(true);
    expect(await fs.readdir(folder)).toEqual(["state.safetensors"]);
    expect((await loadCheckpoint(folder, network)).step).toBe(2);
  });

  it("numbers that are not finite is refused, and keeps the old state", async () => {
    const [slab, ...others] = state.slabs.parameters;
    const broken = slab.slice();
    broken[3] = Number.NaN;
    const slabs = { ...state.slabs, parameters: [broken, ...others] };
    const saving = saveCheckpoint(folder, network, { ...state, step: 3, slabs });
    await expect(saving).rejects.toThrow(NotFiniteError);
    await expect(saving).rejects.toThrow(/parameters.conv_in.weight holds NaN after step 3/);
    expect((await loadCheckpoint(folder, network)).step).toBe(2);
  });
});
