import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { linear } from "../betas.ts";
import { denoiserOf } from "../denoiser.ts";
import { vp } from "../discrete-vp.ts";
import { edm } from "../edm.ts";
import { karrasSigmas } from "../sigmas.ts";
import { straightLine } from "../straight-line.ts";
import { absoluteSum, dummyNetwork, dummySample, dummyShape } from "../testing/dummy.ts";
import { gaussianDenoiser, gaussianFlow } from "../testing/gaussian.ts";
import { goldenData, goldenLevels, goldenPaths, goldenRun, ordersOf } from "../testing/golden-grid.ts";
import { type DpmppSinglestepOptions, dpmppSinglestep, singlestepOrders } from "./dpmpp-singlestep.ts";
import { solve } from "./solver.ts";

const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

describe("dpmppSinglestep on the golden grid", () => {
  const golden: [number, number][] = [
    [10, 0.75972663],
    [20, 0.78804538],
    [40, 0.79556054],
  ];
  it.each(golden)(
    "%i steps of DPM++ 2S: order 2 over the karras levels and their geometric means",
    async (n, expected) => {
      const karras = karrasSigmas(n, { min: 0.002, max: 80 });
      const sigmas = karras.flatMap((sigma, i) => (i === n - 1 ? [sigma] : [sigma, Math.sqrt(sigma * karras[i + 1])]));
      for (const [name, path] of Object.entries(goldenPaths)) {
        const found = await goldenRun(dpmppSinglestep({ sigmas, order: 2 }), path);
        expect(Math.abs(found - expected), name).toBeLessThan(1e-6);
      }
    },
  );

  it("of order 1 is Euler", async () => {
    const found = await goldenRun(dpmppSinglestep({ ...goldenLevels, steps: 20, order: 1 }), edm());
    expect(Math.abs(found - 0.72892336)).toBeLessThan(1e-6);
  });
});

describe("dpmppSinglestep's order", () => {
  async function errorsOf(options: Partial<DpmppSinglestepOptions>): Promise<number[]> {
    const path = edm();
    const exact = gaussianFlow(goldenData, 3, path.at(10), path.at(0.1));
    const errors: number[] = [];
    for (const steps of [12, 24, 48]) {
      const solver = dpmppSinglestep({
        schedule: "lambda",
        sigmaMax: 10,
        sigmaMin: 0.1,
        finalSigma: "sigmaMin",
        steps,
        ...options,
      });
      errors.push((await solve(solver, gaussianDenoiser(goldenData, path), from(3)))[0] - exact);
    }
    return errors;
  }

  const cases: [Partial<DpmppSinglestepOptions>, number][] = [
    [{ order: 1 }, 1],
    [{ order: 2 }, 2],
    [{ order: 2, variant: "heun" }, 2],
    [{ order: 3 }, 3],
    [{ order: 3, variant: "heun" }, 3],
    [{ order: 2, form: "noise" }, 2],
    [{ order: 3, form: "noise" }, 3],
  ];
  it.each(cases)("%j", async (options, order) => {
    const orders = ordersOf(await errorsOf(options));
    expect(Math.abs(orders[1] - order), String(orders)).toBeLessThan(0.4);
  });
});

describe("singlestepOrders", () => {
  // get_order_list of diffusers' DPMSolverSinglestepScheduler, with lower_order_final and without.
  it.each([
    [6, 3, true, [1, 2, 3, 1, 2, 1]],
    [7, 3, true, [1, 2, 3, 1, 2, 3, 1]],
    [8, 3, true, [1, 2, 3, 1, 2, 3, 1, 2]],
    [6, 2, true, [1, 2, 1, 2, 1, 1]],
    [5, 2, true, [1, 2, 1, 2, 1]],
    [3, 1, true, [1, 1, 1]],
    [6, 3, false, [1, 2, 3, 1, 2, 3]],
    [4, 2, false, [1, 2, 1, 2]],
    [1, 3, true, [1]],
  ])("%i steps of order %i, lower at the end %s", (steps, order, lower, expected) => {
    expect(singlestepOrders(steps, order, lower)).toEqual(expected);
  });
});

describe("dpmppSinglestep beside diffusers", () => {
  // tests/schedulers/test_scheduler_dpm_single.py: order 2, midpoint, final sigma_min, lower_order_final false.
  const shared = { finalSigma: "sigmaMin", roundTimes: "nearest" } as const;
  const spaced = { ...shared, spacing: "linspace", dropLast: true } as const;
  const cases: [string, "noise" | "v", DpmppSinglestepOptions, number, number][] = [
    ["no noise", "noise", { ...spaced, steps: 10 }, 0, 0.2791],
    ["karras", "noise", { ...shared, steps: 10, schedule: "karras" }, 0, 0.2248],
    ["v prediction", "v", { ...spaced, steps: 10 }, 0, 0.1453],
    ["karras, v prediction", "v", { ...shared, steps: 10, schedule: "karras" }, 0, 0.0649],
    ["begun in the middle of a group", "noise", { ...spaced, steps: 50 }, 3, 0.2574],
  ];
  it.each(cases)("full loop, %s", async (_, prediction, options, skip, mean) => {
    const images = await solve(dpmppSinglestep(options), denoiserOf(dummyNetwork, vp(linear()), prediction), {
      shape: dummyShape,
      seed: 0,
      initial: dummySample(),
      skip,
    });
    expect(Math.abs(absoluteSum(images).mean - mean)).toBeLessThan(1e-3);
  });
});

describe("dpmppSinglestep out of pure noise", () => {
  it("starts no group there", async () => {
    const line = gaussianDenoiser(goldenData, straightLine(), "flow");
    for (const order of [2, 3] as const) {
      const [x] = await solve(dpmppSinglestep({ steps: 100, order }), line, from(1));
      expect(Math.abs(x - 0.8)).toBeLessThan(1e-3);
    }
  });
});

describe("dpmppSinglestep refuses", () => {
  it.each([
    [{ steps: 5, order: 0 }, "order must be 1, 2 or 3, not 0"],
    [{ steps: 5, eta: 1, form: "noise" }, 'eta is for the form "data"'],
    [{ steps: 5, eulerAtFinal: true }, 'unknown option "eulerAtFinal"'],
  ])("%j", (options, message) => {
    expect(() => dpmppSinglestep(options as never)).toThrow(ConfigError);
    expect(() => dpmppSinglestep(options as never)).toThrow(message);
  });
});
