import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { linear, vp } from "../discrete-vp.ts";
import { straightLine } from "../straight-line.ts";
import { mixtureDenoiser } from "../testing/mixture.ts";
import { ddim } from "./ddim.ts";
import { inversion, invert, slerp } from "./ddim-inversion.ts";
import { solve } from "./solver.ts";

const components = [
  { weight: 0.4, mean: -0.5, std: 0.2 },
  { weight: 0.6, mean: 0.4, std: 0.3 },
];
const images = Random.from(1)
  .normals(24)
  .map((z) => 0.5 * z);
const worst = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

describe.each([
  ["linear", vp(linear())],
  ["straight", straightLine()],
])("invert, %s path", (_, path) => {
  const denoiser = mixtureDenoiser(components, path);
  const back = (initial: Float32Array, steps: number) =>
    solve(ddim({ steps, clip: false }), denoiser, { shape: [4, 6], seed: 0, initial });

  it("is the exact inverse of DDIM with enough iterations", async () => {
    const noise = await invert(denoiser, { images, steps: 20, iterations: 40 });
    expect(worst(noise, images)).toBeGreaterThan(0.1);
    expect(worst(await back(noise, 20), images)).toBeLessThan(1e-5);
  });

  it("comes back with an error of order one in the step without", async () => {
    const error = async (steps: number) => worst(await back(await invert(denoiser, { images, steps }), steps), images);
    const [coarse, fine] = [await error(100), await error(400)];
    expect(coarse).toBeLessThan(0.3);
    expect(coarse / fine).toBeGreaterThan(2.8);
    expect(coarse / fine).toBeLessThan(6);
  });

  it("reports each step, rising, and leaves the images alone", async () => {
    const before = images.slice();
    const times: number[] = [];
    for await (const { step, of, t } of inversion(denoiser, { images, steps: 3 })) {
      expect([step, of]).toEqual([times.length + 1, 3]);
      times.push(t);
    }
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(images).toEqual(before);
  });
});

describe("invert refuses", () => {
  const denoiser = mixtureDenoiser(components, vp(linear()));
  it.each([
    [{ steps: 0 }, "steps"],
    [{ steps: 5, iterations: -1 }, "iterations"],
    [{ steps: 5, clip: 1 }, "unknown option"],
    [{ steps: 5, images: new Float32Array(0) }, "at least one number"],
  ])("%j", (options, message) => {
    expect(() => inversion(denoiser, { images, ...options } as never)).toThrow(ConfigError);
    expect(() => inversion(denoiser, { images, ...options } as never)).toThrow(message);
  });

  it("to go on when told to stop", async () => {
    await expect(
      invert(denoiser, { images, steps: 5, signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
  });
});

describe("slerp", () => {
  const [east, north] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  it("goes along the circle, image by image", () => {
    const third = slerp(east, north, 1 / 3);
    expect(third[0]).toBeCloseTo(Math.cos(Math.PI / 6), 6);
    expect(third[1]).toBeCloseTo(Math.sin(Math.PI / 6), 6);
    const both = slerp(Float32Array.of(1, 0, 3, 0), Float32Array.of(0, 1, 3, 0), 1 / 3, 2);
    expect([...both.subarray(0, 2)]).toEqual([...third]);
    expect([...both.subarray(2)]).toEqual([3, 0]);
  });

  it("keeps the norm of noises of one norm, and both ends", () => {
    const a = Random.from(2).normals(100);
    const b = Random.from(3).normals(100);
    const norm = (x: Float32Array) => Math.hypot(...x);
    const scaled = b.map((value) => (value * norm(a)) / norm(b));
    expect(norm(slerp(a, scaled, 0.37))).toBeCloseTo(norm(a), 4);
    expect(worst(slerp(a, b, 0), a)).toBeLessThan(1e-6);
    expect(worst(slerp(a, b, 1), b)).toBeLessThan(1e-6);
  });

  it("refuses what has no circle", () => {
    expect(() => slerp(east, Float32Array.of(-2, 0), 0.5)).toThrow("not opposite");
    expect(() => slerp(east, new Float32Array(2), 0.5)).toThrow(ConfigError);
    expect(() => slerp(east, north, 1.5)).toThrow("fraction must be from 0 to 1, not 1.5");
    expect(() => slerp(east, new Float32Array(3), 0.5)).toThrow(ShapeError);
  });
});
