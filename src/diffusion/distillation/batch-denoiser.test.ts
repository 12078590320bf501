import { describe, expect, it } from "vitest";
import { NotFiniteError, ShapeError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { denoiserOf } from "../denoiser.ts";
import { predictionFrom } from "../prediction.ts";
import { straightLine } from "../straight-line.ts";
import { batchDenoiserOf, mixEach, scaledEach } from "./batch-denoiser.ts";

const path = straightLine();
const flow = predictionFrom("flow");

describe("batchDenoiserOf", () => {
  it("is the denoiser of each image at its own level", async () => {
    const x = Random.from(1).normals(6);
    const times = [0.25, 0.5, 1];
    const predicted = (value: number, networkTime: number) => Math.sin(value) + networkTime / 500;
    const each = batchDenoiserOf(
      async (input, networkTimes) => input.map((value, i) => predicted(value, networkTimes[Math.floor(i / 2)])),
      path,
      flow,
    );
    const found = await each.denoiseEach(x, times.map(path.at));
    const one = denoiserOf(async (input, time) => input.map((value) => predicted(value, time)), path, "flow");
    for (const [n, t] of times.entries()) {
      const { sample, noise } = await one.denoise(x.slice(2 * n, 2 * n + 2), t);
      expect([...found.sample.subarray(2 * n, 2 * n + 2)]).toEqual([...sample]);
      expect([...found.noise.subarray(2 * n, 2 * n + 2)]).toEqual([...noise]);
    }
  });

  it("scales what the network is fed, and feeds the prediction's time", async () => {
    const seen: number[][] = [];
    const network = async (input: Float32Array, times: Float32Array) => {
      seen.push([...input], [...times]);
      return input;
    };
    const doubling = { ...flow, inputScale: () => 2, networkTime: ({ t }: { t: number }) => 8 * t };
    await batchDenoiserOf(network, path, doubling).denoiseEach(Float32Array.of(1, 3), [path.at(0.5), path.at(0.25)]);
    expect(seen).toEqual([
      [2, 6],
      [4, 2],
    ]);
  });

  it("refuses batches and outputs that do not fit", async () => {
    const level = path.at(0.5);
    const of = (output: number[]) => batchDenoiserOf(async () => Float32Array.from(output), path, flow);
    await expect(of([1]).denoiseEach(Float32Array.of(1, 2, 3), [level, level])).rejects.toThrow(ShapeError);
    await expect(of([1]).denoiseEach(Float32Array.of(1, 2), [level])).rejects.toThrow("1 numbers for an x of 2");
    await expect(of([1, Number.NaN]).denoiseEach(Float32Array.of(1, 2), [level])).rejects.toThrow(NotFiniteError);
  });
});

it("mixes and scales with numbers for each image", () => {
  const [x, y] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(10, 20, 30, 40)];
  expect([...mixEach([1, 2], x, [0.5, -1], y)]).toEqual([6, 12, -24, -32]);
  expect([...scaledEach(x, [3, 1])]).toEqual([3, 6, 3, 4]);
});
