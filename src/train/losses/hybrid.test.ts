/**
 * The losses with the variational bound, beside numbers from the formulas in NumPy float64
 * (`test/parity/bound.golden.json`, made by `make_bound.py`), and where their gradients go.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { type Objective, objectiveFrom } from "../../diffusion/objective.ts";
import { input } from "../../graph/ops.ts";
import { lossesOf, stepOf } from "../testing/loss.ts";
import { lossOf } from "./registry.ts";

interface Case {
  schedule: "linear" | "cosine";
  prediction: "noise" | "v" | "sample";
  variance: "learned" | "fixedSmall" | "fixedLarge";
  t: number;
  bits: number;
  x0: number[];
  noise: number[];
  output: number[];
  v: number[];
}

const golden = JSON.parse(readFileSync(new URL("../../../test/parity/bound.golden.json", import.meta.url), "utf8")) as {
  timesteps: number;
  cases: Case[];
};

const imageShape = [3, 2, 2];

/** An objective whose times are given. */
function at(t: number[], config: object): Objective {
  const made = objectiveFrom(config);
  return { ...made, time: { ...made.time, draw: () => Float64Array.from(t) } };
}

/** The losses of a golden case. `loss`: of the objective. */
function caseLosses({ schedule, prediction, t, x0, noise, output, v }: Case, loss: object | string, learned: boolean) {
  const objective = at([t], { path: { name: schedule }, prediction, loss });
  const step = stepOf({ images: Float32Array.from(x0), noise: Float32Array.from(noise), imageShape });
  const network = () => input("output", [1, learned ? 6 : 3, 2, 2]);
  return lossesOf(lossOf(objective), step, network, { extra: { output: learned ? [...output, ...v] : output } });
}

describe("the bound", () => {
  it.each(golden.cases)("$schedule, $prediction, $variance variance, t = $t: $bits bits", async (given) => {
    const learned = given.variance === "learned";
    const { losses } = await caseLosses(given, { name: "vlb", variance: given.variance }, learned);
    expect(Math.abs(losses[0] / 1000 / given.bits - 1)).toBeLessThan(2e-5);
    if (!learned) return;
    const hybrid = await caseLosses(given, { name: "hybrid", bound: 0.01 }, true);
    const squared = given.output.map((_, i) => hybridTarget(given, i) ** 2);
    const simple = squared.reduce((a, b) => a + b) / squared.length;
    expect(hybrid.errors[0]).toBeCloseTo(simple, 5);
    expect(Math.abs(hybrid.losses[0] / (simple + 10 * given.bits) - 1)).toBeLessThan(2e-5);
  });
});

/** The error of what was predicted, as the golden's script has it. */
function hybridTarget({ schedule, prediction, t, x0, noise, output }: Case, i: number): number {
  const { alpha, sigma } = objectiveFrom({ path: { name: schedule }, prediction }).path.at(t);
  const target = { noise: noise[i], sample: x0[i], v: alpha * noise[i] - sigma * x0[i] }[prediction];
  return target - output[i];
}

describe("gradients of the hybrid loss", () => {
  const random = Random.from(4);
  const [count, size] = [4, 12];
  const images = random.normals(count * size).map((x) => Math.max(-1, Math.min(1, x / 2)));
  const noise = random.normals(count * size);
  const output = random.normals(2 * count * size).map((x) => 0.5 * x);
  const step = stepOf({ images, noise, imageShape });
  const config = { path: { name: "cosine" }, prediction: "v" };
  const run = (loss: string, channels: number, given: ArrayLike<number>) => {
    const network = input("output", [count, channels, 2, 2]);
    const options = { extra: { output: given }, wanted: () => [network] };
    return lossesOf(lossOf(at([0, 3, 500, 998], { ...config, loss })), step, () => network, options);
  };
  const half = (values: ArrayLike<number>, which: 0 | 1) =>
    Array.from(values).filter((_, i) => Math.floor(i / size) % 2 === which);

  it("reach the mean from the simple loss alone, and the variances from the bound", async () => {
    const hybrid = await run("hybrid", 6, output);
    const vlb = await run("vlb", 6, output);
    const simple = await run("simple", 3, half(output, 0));
    expect(half(hybrid.slopes[0], 0)).toEqual([...simple.slopes[0]]);
    const variances = half(hybrid.slopes[0], 1);
    expect(variances.every((slope) => slope !== 0)).toBe(true);
    // bound = 0.001, and vlb's are T times the term too.
    const ofVlb = half(vlb.slopes[0], 1);
    variances.forEach((slope, i) => void expect(Math.abs(slope / (0.001 * ofVlb[i]) - 1)).toBeLessThan(1e-5));
    expect(half(vlb.slopes[0], 0).some((slope) => Math.abs(slope) > 1e-3)).toBe(true);
  });
});

describe("what does not fit", () => {
  it.each([
    [
      { path: { name: "straightLine" }, prediction: "flow", loss: "hybrid" },
      /hybrid loss is of a discrete .* not of straightLine/,
    ],
    [{ path: { name: "betas", values: [0.1] }, prediction: "v", loss: "vlb" }, /at least 2 timesteps/],
  ])("%j", (config, message) => {
    expect(() => lossOf(objectiveFrom(config))).toThrow(ConfigError);
    expect(() => lossOf(objectiveFrom(config))).toThrow(message);
  });
});
