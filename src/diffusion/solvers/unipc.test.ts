import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { linear } from "../betas.ts";
import { denoiserOf } from "../denoiser.ts";
import { vp } from "../discrete-vp.ts";
import { edm } from "../edm.ts";
import { straightLine } from "../straight-line.ts";
import { absoluteSum, dummyNetwork, dummySample, dummyShape } from "../testing/dummy.ts";
import { gaussianDenoiser, gaussianFlow } from "../testing/gaussian.ts";
import { goldenData, goldenLevels, goldenPaths, goldenRun, ordersOf } from "../testing/golden-grid.ts";
import { dpmppMultistep } from "./dpmpp-multistep.ts";
import { solve } from "./solver.ts";
import { type UnipcOptions, unipc } from "./unipc.ts";

const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

describe("unipc on the golden grid", () => {
  const golden: [number, UnipcOptions, number][] = [
    [10, {}, 0.89270253],
    [20, {}, 0.81516727],
    [40, {}, 0.79999397],
    [10, { correctorOff: "all" }, 0.87721396],
    [20, { correctorOff: "all" }, 0.82265155],
    [40, { correctorOff: "all" }, 0.80329795],
    [10, { order: 3 }, 1.03895945],
    [20, { order: 3 }, 0.78167102],
    [40, { order: 3 }, 0.79750629],
  ];
  it.each(golden)("%i steps, %j, in either variables", async (steps, options, expected) => {
    for (const [name, path] of Object.entries(goldenPaths)) {
      const found = await goldenRun(unipc({ ...goldenLevels, steps, ...options }), path);
      expect(Math.abs(found - expected), name).toBeLessThan(1e-6);
    }
  });

  it("without the corrector and with bh2, order 2 is DPM++ 2M", async () => {
    const levels = { ...goldenLevels, steps: 17 };
    const plain = await goldenRun(unipc({ ...levels, correctorOff: "all" }), edm());
    expect(plain).toBeCloseTo(await goldenRun(dpmppMultistep({ ...levels, lowerOrderFinal: false }), edm()), 6);
    const listed = Array.from({ length: 17 }, (_, i) => i);
    expect(await goldenRun(unipc({ ...levels, correctorOff: listed }), edm())).toBe(plain);
  });
});

describe("unipc's order", () => {
  async function errorsOf(options: Partial<UnipcOptions>): Promise<number[]> {
    const path = edm();
    const exact = gaussianFlow(goldenData, 3, path.at(10), path.at(0.1));
    const errors: number[] = [];
    for (const steps of [10, 20, 40]) {
      const solver = unipc({
        schedule: "lambda",
        sigmaMax: 10,
        sigmaMin: 0.1,
        finalSigma: "sigmaMin",
        lowerOrderFinal: false,
        steps,
        ...options,
      });
      errors.push((await solve(solver, gaussianDenoiser(goldenData, path), from(3)))[0] - exact);
    }
    return errors;
  }

  // The predictor has order p; the corrector raises it by one (Zhao et al. 2023, theorem 3.1).
  // (Measured between 20 and 40 steps; order 3 is 3.6 there and still rising.)
  const cases: [Partial<UnipcOptions>, number][] = [
    [{ order: 1, correctorOff: "all" }, 1],
    [{ order: 2, correctorOff: "all" }, 2],
    [{ order: 1 }, 2],
    [{ order: 1, variant: "bh1" }, 2],
    [{ order: 2 }, 3],
    [{ order: 2, variant: "bh1" }, 3],
    [{ order: 2, form: "noise" }, 3],
    [{ order: 3 }, 4],
    [{ order: 3, form: "noise", variant: "bh1" }, 4],
  ];
  it.each(cases)("%j", async (options, order) => {
    const orders = ordersOf(await errorsOf(options));
    expect(Math.abs(orders[1] - order), String(orders)).toBeLessThan(0.4);
  });
});

describe("unipc beside diffusers", () => {
  // tests/schedulers/test_scheduler_unipc.py: 10 steps, order 2, bh2, final sigma_min.
  const shared = { steps: 10, finalSigma: "sigmaMin", roundTimes: "nearest" } as const;
  const spaced = { ...shared, spacing: "linspace", dropLast: true } as const;
  const cases: [string, "noise" | "v", UnipcOptions, number][] = [
    ["no noise", "noise", spaced, 0.2464],
    ["karras", "noise", { ...shared, schedule: "karras" }, 0.2925],
    ["v prediction", "v", spaced, 0.1014],
    ["karras, v prediction", "v", { ...shared, schedule: "karras" }, 0.1966],
  ];
  it.each(cases)("full loop, %s", async (_, prediction, options, mean) => {
    const images = await solve(unipc(options), denoiserOf(dummyNetwork, vp(linear()), prediction), {
      shape: dummyShape,
      seed: 0,
      initial: dummySample(),
    });
    expect(Math.abs(absoluteSum(images).mean - mean)).toBeLessThan(1e-3);
  });
});

describe("unipc refuses", () => {
  it.each([
    [{ steps: 5, order: 4 }, "order must be 1, 2 or 3, not 4"],
    [{ steps: 5, variant: "midpoint" }, '"bh1" or "bh2", not "midpoint"'],
    [{ steps: 5, correctorOff: [1.5] }, '"all" or a list of steps'],
    [{ steps: 5, disableCorrector: [] }, 'unknown option "disableCorrector"'],
  ])("%j", (options, message) => {
    expect(() => unipc(options as never)).toThrow(ConfigError);
    expect(() => unipc(options as never)).toThrow(message);
  });

  it("noise alone out of pure noise", () => {
    const line = gaussianDenoiser(goldenData, straightLine(), "flow");
    expect(() => unipc({ steps: 5, form: "noise" }).sample(line, from(1))).toThrow("unipc: at t = 1");
  });
});
