import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { pathFrom } from "../../diffusion/path.ts";
import { gaussianDenoiser } from "../../diffusion/testing/gaussian.ts";
import { type ErrorRequest, errorByNoise, type NoiseError, noiseGrid } from "./error-by-noise.ts";

async function all(request: ErrorRequest): Promise<NoiseError[]> {
  const found = [];
  for await (const error of errorByNoise(request)) found.push(error);
  return found;
}

describe("noiseGrid", () => {
  it.each([
    ["linear", 999],
    ["straightLine", 100 / 101 + 1e-9],
    ["edm", 80],
    ["continuousCosine", 1],
  ] as const)("of %s is even in log-SNR, from data to noise", (name, latest) => {
    const path = pathFrom({ name });
    const snr = noiseGrid(path, 9).map((t) => path.logSnr(t));
    expect(noiseGrid(path, 9)[8]).toBeLessThanOrEqual(latest);
    for (let i = 1; i < 9; i++) expect(snr[i] - snr[i - 1]).toBeCloseTo((snr[8] - snr[0]) / 8, 3);
    expect(snr[0]).toBeLessThanOrEqual(2 * Math.log(100) + 1e-6);
    expect(snr[8]).toBeGreaterThanOrEqual(-2 * Math.log(100) - 1e-6);
  });

  it("needs two levels", () => expect(() => noiseGrid(pathFrom({ name: "edm" }), 1)).toThrow(ConfigError));
});

describe("errorByNoise", () => {
  const std = 0.5;
  const [count, size] = [200, 50];
  const images = Random.from(2)
    .normals(count * size)
    .map((z) => 0.3 + std * z);

  it.each(["linear", "straightLine", "edm"] as const)(
    "of the perfect denoiser on %s is the posterior variance",
    async (name) => {
      const path = pathFrom({ name });
      const denoiser = gaussianDenoiser({ mean: 0.3, std }, path);
      const errors = await all({ denoiser, images, size, times: noiseGrid(path, 5), seed: 1, batch: 64 });
      expect(errors).toHaveLength(5);
      for (const { alpha, sigma, sampleError, noiseError, linearError, spread } of errors) {
        const exact = (std * sigma) ** 2 / ((alpha * std) ** 2 + sigma ** 2);
        // 10,000 independent squares of normals: a relative deviation of sqrt(2 / 10,000) = 1.4 %.
        expect(Math.abs(sampleError / exact - 1)).toBeLessThan(0.06);
        expect(Math.abs(linearError / exact - 1)).toBeLessThan(0.06); // of the drawn variance
        expect(noiseError / ((alpha / sigma) ** 2 * sampleError)).toBeCloseTo(1, 2);
        expect(spread / (sampleError * Math.sqrt(2 / (count * size)))).toBeCloseTo(1, 0);
      }
    },
  );

  it("is the same in any batch, and shows the first image", async () => {
    const path = pathFrom({ name: "straightLine" });
    const denoiser = gaussianDenoiser({ mean: 0.3, std }, path);
    const request = { denoiser, images, size, times: [0.5], seed: 1 };
    const [a] = await all(request);
    const [b] = await all({ ...request, batch: 7 });
    expect(b.sampleError).toBeCloseTo(a.sampleError, 10);
    const noise = Random.from(1, "error", 0).normals(size);
    expect(a.seen[3]).toBeCloseTo(0.5 * images[3] + 0.5 * noise[3], 6);
    expect(a.sample[3]).toBeCloseTo(0.3 + (0.125 * (a.seen[3] - 0.15)) / (0.0625 + 0.25), 5);
  });

  it("hands each image its own condition", async () => {
    const path = pathFrom({ name: "straightLine" });
    const seen: number[] = [];
    const denoiser = {
      path,
      denoise: async (x: Float32Array, _: unknown, condition?: Record<string, Float32Array | Int32Array>) => {
        seen.push(...condition!.classLabels);
        return { sample: x, noise: x };
      },
    };
    const condition = { classLabels: Int32Array.of(4, 5, 6) };
    await all({ denoiser, images: images.slice(0, 150), size, condition, times: [0.5], seed: 0, batch: 2 });
    expect(seen).toEqual([4, 5, 6]);
  });

  it("refuses parts of images, and stops when it is told", async () => {
    const path = pathFrom({ name: "straightLine" });
    const denoiser = gaussianDenoiser({ mean: 0, std }, path);
    await expect(all({ denoiser, images, size: 49, times: [0.5], seed: 0 })).rejects.toThrow(/no whole images of 49/);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(all({ denoiser, images, size, times: [0.5], seed: 0, signal })).rejects.toThrow("enough");
  });
});
