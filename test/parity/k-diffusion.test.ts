/**
 * Our solvers of sigma space beside the samplers of k-diffusion, noise given: x at every evaluation of the denoiser and at
 * the end, for schedules, churn, eta and orders drawn at random.
 *
 * Golden numbers: k-diffusion.golden.json, made by make_k_diffusion.py (which names the versions) in float64. Agreement is
 * to the float32 rounding of x and of the predicted sample, relative to the largest element.
 */
import { describe, expect, it } from "vitest";
import { type Denoiser, type SolverName, type SolverOptions, solverFrom } from "../../src/diffusion/index.ts";
import { pathFrom } from "../../src/diffusion/path.ts";
import { largestDifference, readGoldenJson } from "./golden.ts";

interface GoldenRun {
  sampler: string;
  arguments: Record<string, number | string>;
  steps: number;
  schedule: { schedule: string; sigmaMin: number; sigmaMax: number; rho?: number };
  start: number[];
  noise: number[][];
  asked: number[][];
  end: number[];
}
const { cases } = readGoldenJson<{ cases: GoldenRun[] }>("k-diffusion.golden.json");

/** Our name of a sampler, and the options that are not named alike. */
const ours: Record<string, readonly [SolverName, object]> = {
  euler: ["euler", {}],
  euler_ancestral: ["eulerAncestral", {}],
  heun: ["heun", {}],
  dpm_2: ["dpm2", {}],
  dpm_2_ancestral: ["dpm2Ancestral", {}],
  lms: ["lms", {}],
  dpmpp_2s_ancestral: ["dpmpp2sAncestral", {}],
  dpmpp_sde: ["dpmppSde", {}],
  dpmpp_2m: ["dpmppMultistep", { order: 2, lowerOrderFinal: false }],
  dpmpp_2m_sde: ["dpmppMultistepSde", { order: 2, lowerOrderFinal: false }],
  dpmpp_3m_sde: ["dpmppMultistepSde", { order: 3, lowerOrderFinal: false, variant: "heun" }],
};
const argumentNames: Record<string, string> = {
  s_churn: "sChurn",
  s_noise: "sNoise",
  solver_type: "variant",
};
const path = pathFrom({ name: "edm", sigmaMin: 0.001, sigmaMax: 200 });

function optionsOf({ sampler, arguments: given, steps, schedule }: GoldenRun): object {
  const named = Object.entries(given).map(([name, value]) => [argumentNames[name] ?? name, value]);
  const options: Record<string, unknown> = { steps, ...schedule, ...ours[sampler][1], ...Object.fromEntries(named) };
  if (ours[sampler][0] === "dpmppMultistepSde" && "sNoise" in options) {
    options.noiseScale = options.sNoise;
    delete options.sNoise;
  }
  return options;
}

describe("k-diffusion", () => {
  const titled = cases.map((run, i) => ({ run, title: `${i}: ${run.sampler} ${JSON.stringify(run.arguments)}` }));
  it.each(titled)("$title", async ({ run }) => {
    const asked: Float32Array[] = [];
    const denoiser: Denoiser = {
      path,
      async denoise(x, at) {
        const { sigma: s } = typeof at === "number" ? path.at(at) : at;
        asked.push(x.slice());
        const sample = x.map(
          (value) => (0.3 * s * s + 0.25 * value) / (s * s + 0.25) + 0.1 * Math.sin(value / Math.hypot(s, 1)),
        );
        return { sample, noise: x.map((value, i) => (value - sample[i]) / s) };
      },
    };
    const left = run.noise.slice();
    const solver = solverFrom(ours[run.sampler][0] as string, optionsOf(run) as SolverOptions["euler"]);
    const steps = solver.sample(denoiser, {
      shape: [1, 8],
      seed: 0,
      initial: Float32Array.from(run.start),
      noise: () => Float32Array.from(left.shift() ?? []),
    });
    let end = new Float32Array();
    for await (const step of steps) end = step.x.slice();
    expect(asked.length).toBe(run.asked.length);
    run.asked.forEach((expected, i) => {
      const scale = Math.max(1, ...expected.map(Math.abs));
      expect(largestDifference(asked[i], expected) / scale, `evaluation ${i}`).toBeLessThan(2e-6);
    });
    expect(largestDifference(end, run.end)).toBeLessThan(2e-6);
    expect(left).toEqual([]);
  });
});
