import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { Denoiser } from "../denoiser.ts";
import { pathFrom } from "../path.ts";
import { momentsOf } from "../testing/gaussian.ts";
import { gaussianConsistency } from "../testing/gaussian-batch.ts";
import { consistency } from "./consistency.ts";
import { solve } from "./solver.ts";

const data = { mean: 0.3, std: 0.5 };
const edm = pathFrom({ name: "edm" });

describe("consistency sampling", () => {
  it("takes noise to its trajectory's end in one step", async () => {
    const initial = Float32Array.of(-80, 0, 40);
    const request = { shape: [1, 3], seed: 0, initial };
    const images = await solve(consistency({ clip: false }), gaussianConsistency(data, edm), request);
    // m + (x - m) sqrt(s² + sMin²) / sqrt(s² + sMax²), with sMin 0.002 and sMax 80
    const gain = Math.sqrt(0.25 + 0.002 ** 2) / Math.sqrt(0.25 + 6400);
    for (const [i, x] of initial.entries()) expect(images[i]).toBeCloseTo(0.3 + gain * (x - 0.3), 6);
  });

  it.each([1, 2, 5])("draws the data in %i steps", async (steps) => {
    const count = 20_000;
    const request = { shape: [1, count], seed: 3 };
    const { mean, std } = momentsOf(
      await solve(consistency({ steps, clip: false }), gaussianConsistency(data, edm), request),
    );
    expect(Math.abs(mean - data.mean)).toBeLessThan((5 * data.std) / Math.sqrt(count));
    expect(Math.abs(std - data.std)).toBeLessThan((5 * data.std) / Math.sqrt(2 * count));
  });

  it("noises to sqrt(s² - sMin²) at karras' levels", async () => {
    const asked: number[] = [];
    const spy: Denoiser = {
      path: edm,
      async denoise(x, at) {
        asked.push(at as number, x[0]);
        return { sample: Float32Array.of(0.25), noise: x };
      },
    };
    await solve(consistency({ steps: 2 }), spy, { shape: [1, 1], seed: 4 });
    const stream = Random.from(4, "sample", 0);
    const [start, next] = [stream.normals(1)[0], stream.normals(1)[0]];
    // Half way of five levels of karras: 2.515219 (see diffusion/sigmas.ts).
    const expected = [80, start * Math.sqrt(1 + 6400), 2.515219, 0.25 + Math.sqrt(2.515219 ** 2 - 0.002 ** 2) * next];
    for (const [i, value] of expected.entries()) expect(asked[i] / value).toBeCloseTo(1, 5);
  });

  it("asks at given times, in the units of any path", async () => {
    const line = pathFrom({ name: "straightLine" });
    const solver = consistency({ times: [1, 0.5, 0.2], clip: false });
    const images = await solve(solver, gaussianConsistency(data, line), { shape: [1, 20_000], seed: 3 });
    expect(momentsOf(images).std).toBeCloseTo(0.5, 1);
    const times: number[] = [];
    const exact = gaussianConsistency(data, line);
    for await (const { t } of solver.sample(exact, { shape: [1, 1], seed: 0 })) times.push(t);
    expect(times).toEqual([1, 0.5, 0.2]);
  });

  it("refuses times that do not fall, and spacings that the path does not have", () => {
    const run = (options: object, path = edm) =>
      consistency(options).sample(gaussianConsistency(data, path), { shape: [1, 1], seed: 0 });
    expect(() => run({ times: [1, 2] })).toThrow(/must fall, but 2 follows 1/);
    expect(() => run({ times: [100] })).toThrow(ConfigError);
    expect(() => run({ times: [] })).toThrow(/at least one time/);
    expect(() => run({ times: [2, 1], steps: 3 })).toThrow(/leave steps out/);
    expect(() => run({ steps: 2 }, pathFrom({ name: "straightLine" }))).toThrow(/use the spacing "time"/);
  });
});
