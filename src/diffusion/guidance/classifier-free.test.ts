import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { type Condition, denoiserOf } from "../denoiser.ts";
import { straightLine } from "../straight-line.ts";
import { classifierFree } from "./classifier-free.ts";

/** Predicts the sample 0.1 · label + hint, for images of two elements, and counts its calls. */
function labelled() {
  const calls: { x: Float32Array; condition?: Condition }[] = [];
  const denoiser = denoiserOf(
    async (x, _, condition) => {
      calls.push({ x, condition });
      return x.map((_, i) => 0.1 * condition!.classLabels[i >> 1] + (condition!.hint?.[i >> 1] ?? 0));
    },
    straightLine(),
    "sample",
  );
  return { calls, denoiser };
}

const x = Float32Array.of(1, 2, 3, 4); // two images
const nullCondition = { classLabels: Int32Array.of(10) };

describe("classifierFree", () => {
  it("extrapolates from the unconditional to the conditional prediction", async () => {
    const { calls, denoiser } = labelled();
    const guided = classifierFree(denoiser, { scale: 3, nullCondition });
    const { sample, noise } = await guided.denoise(x, 0.5, { classLabels: Int32Array.of(2, 5) });
    // unconditional 1; conditional 0.2 and 0.5; 1 + 3 (c - 1).
    const expected = [-1.4, -1.4, -0.5, -0.5];
    sample.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
      expect(0.5 * value + 0.5 * noise[i]).toBeCloseTo(x[i], 5);
    });
    expect(calls.length).toBe(1);
    expect([...calls[0].x]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    expect([...calls[0].condition!.classLabels]).toEqual([10, 10, 2, 5]);
  });

  it("is no guidance at scale 1, and no condition at scale 0", async () => {
    const { calls, denoiser } = labelled();
    const condition = { classLabels: Int32Array.of(2, 5) };
    const plain = await denoiser.denoise(x, 0.5, condition);
    const one = await classifierFree(denoiser, { scale: 1, nullCondition }).denoise(x, 0.5, condition);
    expect(one).toEqual(plain);
    expect(calls[1].x).toBe(x);
    const zero = await classifierFree(denoiser, { scale: 0, nullCondition }).denoise(x, 0.5, condition);
    expect([...zero.sample]).toEqual([1, 1, 1, 1]);
  });

  it("feeds what has no null value to both halves", async () => {
    const { calls, denoiser } = labelled();
    const condition = { classLabels: Int32Array.of(2, 5), hint: Float32Array.of(7, 8) };
    await classifierFree(denoiser, { scale: 2, nullCondition }).denoise(x, 0.5, condition);
    expect([...calls[0].condition!.hint]).toEqual([7, 8, 7, 8]);
  });

  it("refuses what does not fit", async () => {
    const { denoiser } = labelled();
    const guided = classifierFree(denoiser, { scale: 2, nullCondition });
    await expect(guided.denoise(x, 0.5)).rejects.toThrow("needs a condition that holds classLabels");
    await expect(guided.denoise(x, 0.5, { text: Float32Array.of(1, 2) })).rejects.toThrow(
      "classLabels, which the condition lacks",
    );
    await expect(guided.denoise(x, 0.5, { classLabels: Float32Array.of(1, 2) })).rejects.toThrow(ConfigError);
    expect(() => classifierFree(denoiser, { scale: Number.NaN, nullCondition })).toThrow("not NaN");
    expect(() => classifierFree(denoiser, { scale: -1, nullCondition })).toThrow(ConfigError);
    expect(() => classifierFree(denoiser, { scale: 2, nullCondition: {} })).toThrow(ConfigError);
  });
});
