import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { pathFrom } from "../path.ts";
import type { Level, Path } from "../path-contract.ts";
import { preconditioning, predictionFrom } from "../prediction.ts";
import { gaussianBatchDenoiser, gaussianFlow } from "../testing/gaussian-batch.ts";
import { consistencyLevels, consistencyScalings, type FlowRule, flowStep } from "./consistency.ts";

const edm = pathFrom({ name: "edm" });
const line = pathFrom({ name: "straightLine" });
const cosine = pathFrom({ name: "continuousCosine" });
const data = { mean: 0.3, std: 0.5 };

describe("boundary scalings", () => {
  it("are what the prediction makes of x and the network elsewhere, in the units of any path", () => {
    const prediction = predictionFrom("consistency");
    const { cSkip, cOut } = preconditioning(prediction, 0.25); // sigma / alpha of 0.2 / 0.8
    const { fromX, fromOutput } = consistencyScalings(prediction, line, line.at(0.2));
    expect(fromX).toBeCloseTo(cSkip / 0.8, 10);
    expect(fromOutput).toBeCloseTo(cOut, 10);
    // (sigma - sigmaMin)² + sigmaData² = 0.311504 with the paper's 0.002 and 0.5
    expect(cSkip).toBeCloseTo(0.25 / 0.311504, 10);
  });

  it.each([
    ["consistency", edm],
    ["flow", line],
    ["v", cosine],
    ["noise", edm],
  ] as const)("of %s give x itself at the data end", (name, path) => {
    const [end] = path.span;
    expect(consistencyScalings(predictionFrom(name), path, path.at(end))).toEqual({ fromX: 1, fromOutput: 0 });
    // and tend to it: no jump between the last two levels
    const near = consistencyScalings(predictionFrom(name), path, path.at(end + 1e-6));
    expect(near.fromX).toBeCloseTo(1, 5);
    expect(near.fromOutput).toBeCloseTo(0, 2);
  });
});

describe("consistencyLevels", () => {
  it("are karras' where time is the noise level", () => {
    const sigmas = consistencyLevels(edm, 5, "karras").map(({ sigma }) => sigma);
    const published = [80, 17.52783, 2.515219, 0.1697528, 0.002];
    for (const [i, sigma] of sigmas.entries()) expect(sigma / published[i]).toBeCloseTo(1, 6);
  });

  it("are even in time elsewhere, or karras' in sigma / alpha", () => {
    const times = consistencyLevels(line, 5, "time").map(({ t }) => t);
    for (const [i, t] of times.entries()) expect(t).toBeCloseTo(1 - i / 4, 12);
    const vp = pathFrom({ name: "scaledLinear" });
    const ratios = consistencyLevels(vp, 5, "karras").map(({ alpha, sigma }) => sigma / alpha);
    // Stable Diffusion's range, 0.0292 to 14.6, in five levels (k-diffusion).
    const published = [14.61464, 4.796535, 1.274101, 0.2479499, 0.02916716];
    for (const [i, ratio] of ratios.entries()) expect(ratio / published[i]).toBeCloseTo(1, 4);
  });

  it("cannot be karras' where the noise end has no data", () => {
    expect(() => consistencyLevels(line, 5, "karras")).toThrow(ConfigError);
    expect(() => consistencyLevels(cosine, 5, "karras")).toThrow(/use the spacing "time"/);
  });
});

describe("the teacher's step", () => {
  const error = async (path: Path, rule: FlowRule, from: number, to: number) => {
    const [start, end] = [path.at(from), path.at(to)];
    const [found] = await flowStep(gaussianBatchDenoiser(data, path), Float32Array.of(30), [start], [end], rule);
    return Math.abs(found - gaussianFlow(data, 30, start, end));
  };

  it.each([
    ["ddim", 2],
    ["heun", 3],
  ] as const)("by %s has a local error of order %i", async (rule, order) => {
    for (const [path, t, h] of [
      [edm, 0.8, 0.1],
      [line, 0.8, 0.1],
      [cosine, 0.8, 0.1],
    ] as const) {
      const [coarse, fine] = [await error(path, rule, t, t - h), await error(path, rule, t, t - h / 2)];
      expect(Math.log2(coarse / fine)).toBeGreaterThan(order - 0.35);
    }
  });

  it("by heun is EDM's: the mean of both slopes (x - D) / sigma", async () => {
    const D = (x: number, s: number) => (0.25 * x + s * s * 0.3) / (0.25 + s * s);
    const slope = (2 - D(2, 1.5)) / 1.5;
    const euler = 2 + (0.5 - 1.5) * slope;
    const expected = 2 + ((0.5 - 1.5) * (slope + (euler - D(euler, 0.5)) / 0.5)) / 2;
    const teacher = gaussianBatchDenoiser(data, edm);
    const [found] = await flowStep(teacher, Float32Array.of(2), [edm.at(1.5)], [edm.at(0.5)], "heun");
    expect(found).toBeCloseTo(expected, 6);
  });

  it("ends without noise in the prediction itself, and begins where there are no data", async () => {
    const teacher = gaussianBatchDenoiser(data, cosine);
    const from = [cosine.at(0.1), cosine.at(1)];
    const to = [cosine.at(0), cosine.at(0.9)];
    const x = Float32Array.of(0.4, 0.4);
    const [last, first] = await flowStep(teacher, x, from, to, "heun");
    expect(last).toBeCloseTo((await teacher.denoiseEach(x, from)).sample[0], 6);
    expect(first).toBeCloseTo(gaussianFlow(data, Math.fround(0.4), from[1], to[1]), 3);
  });
});

describe("the loss of the exact consistency function", () => {
  // f sends x to its trajectory's end at the data end of the path; mean over the pairs of |f(x) - f(teacher's step of x)|².
  async function loss(path: Path, count: number, spacing: "karras" | "time", rule: FlowRule): Promise<number> {
    const levels = consistencyLevels(path, count, spacing);
    const f = (x: number, at: Level) => gaussianFlow(data, x, at, levels[count - 1]);
    const [from, to] = [levels.slice(0, -1), levels.slice(1)];
    const x = Float32Array.from(from, ({ alpha, sigma }) => alpha * 0.9 + sigma * 0.8);
    const moved = await flowStep(gaussianBatchDenoiser(data, path), x, from, to, rule);
    return from.reduce((sum, level, n) => sum + (f(x[n], level) - f(moved[n], to[n])) ** 2, 0) / from.length;
  }

  it.each([
    ["ddim", 4],
    ["heun", 6],
  ] as const)("by %s falls with the number of levels to the power %i", async (rule, power) => {
    const [coarse, fine] = [await loss(edm, 30, "karras", rule), await loss(edm, 60, "karras", rule)];
    expect(Math.log2(coarse / fine)).toBeGreaterThan(power - 0.5);
    expect(Math.log2(coarse / fine)).toBeLessThan(power + 0.7);
  });

  it("tends to 0 where levels are even in time", async () => {
    const losses = [];
    for (const count of [5, 9, 17, 33]) losses.push(await loss(cosine, count, "time", "ddim"));
    for (const [i, value] of losses.slice(1).entries()) expect(value).toBeLessThan(losses[i] / 8);
  });
});
