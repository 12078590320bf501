import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { type Denoiser, denoiserOf } from "../denoiser.ts";
import { linear, vp } from "../discrete-vp.ts";
import { straightLine } from "../straight-line.ts";
import { absoluteSum, dummyNetwork, dummySample, dummyShape } from "../testing/dummy.ts";
import { gaussianDenoiser } from "../testing/gaussian.ts";
import { type PndmOptions, pndm } from "./pndm.ts";
import { solve } from "./solver.ts";

const data = { mean: 0.3, std: 0.5 };
const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

/** Counts the evaluations and the times of a denoiser. */
function watched(denoiser: Denoiser): { denoiser: Denoiser; times: number[] } {
  const times: number[] = [];
  return {
    times,
    denoiser: {
      path: denoiser.path,
      denoise: (x, at, condition) => {
        times.push(typeof at === "number" ? at : at.t);
        return denoiser.denoise(x, at, condition);
      },
    },
  };
}

describe("pndm beside diffusers", () => {
  // tests/schedulers/test_scheduler_pndm.py, full_loop: 10 steps, leading.
  const cases: [string, PndmOptions, Parameters<typeof linear>[0], number, number][] = [
    ["no noise", { steps: 10, setAlphaToOne: false }, {}, 198.1318, 0.258],
    ["v prediction", { steps: 10, setAlphaToOne: false, combine: "v" }, {}, 67.3986, 0.0878],
    ["alpha to one", { steps: 10, setAlphaToOne: true }, { start: 0.01 }, 230.0399, 0.2995],
    ["alpha not to one", { steps: 10, setAlphaToOne: false }, { start: 0.01 }, 186.9482, 0.2434],
  ];
  it.each(cases)("full loop, %s", async (_, options, betas, sum, mean) => {
    const prediction = options.combine === "v" ? "v" : "noise";
    const images = await solve(
      pndm({ warmUp: "rungeKutta", spacing: "leading", ...options }),
      denoiserOf(dummyNetwork, vp(linear(betas)), prediction),
      { shape: dummyShape, seed: 0, initial: dummySample() },
    );
    const found = absoluteSum(images);
    expect(Math.abs(found.sum - sum)).toBeLessThan(1e-2);
    expect(Math.abs(found.mean - mean)).toBeLessThan(1e-3);
  });

  it("asks at the same timesteps, Runge-Kutta warm-up", async () => {
    // test_steps_offset: 10 steps, steps_offset 1
    const { denoiser, times } = watched(gaussianDenoiser(data, vp(linear()), "noise"));
    await solve(pndm({ steps: 10, warmUp: "rungeKutta", spacing: "leading", stepsOffset: 1 }), denoiser, from(1));
    // diffusers' list, which holds the 12 evaluations of the warm-up and then 601 .. 1.
    expect(times).toEqual([
      901, 851, 851, 801, 801, 751, 751, 701, 701, 651, 651, 601, 601, 501, 401, 301, 201, 101, 1,
    ]);
  });

  it("asks at the same timesteps, Heun warm-up", async () => {
    // PNDMScheduler(skip_prk_steps=True, steps_offset=1).set_timesteps(5): the second timestep twice
    const { denoiser, times } = watched(gaussianDenoiser(data, vp(linear()), "noise"));
    await solve(pndm({ steps: 5, spacing: "leading", stepsOffset: 1 }), denoiser, from(1));
    expect(times).toEqual([801, 601, 601, 401, 201, 1]);
  });
});

describe("pndm on Gaussian data", () => {
  /** The deterministic flow from x at the first level of `steps` trailing steps to the level of t = 0. */
  const path = vp(linear());
  const exact = (x: number) => {
    const spread = (t: number) => Math.hypot(path.alpha(t) * data.std, path.sigma(t));
    return path.alpha(0) * data.mean + (spread(0) / spread(999)) * (x - path.alpha(999) * data.mean);
  };
  const errorOf = async (steps: number, warmUp: "heun" | "rungeKutta") => {
    const solver = pndm({ steps, warmUp, spacing: "linspace", setAlphaToOne: false });
    const [x] = await solve(solver, gaussianDenoiser(data, path, "noise"), from(1));
    return Math.abs(x - exact(1));
  };

  it("ends nearer to the exact flow than DDIM, in either form", async () => {
    // DDIM is off by 0.0060 after 250 steps (golden numbers in ddim.test.ts).
    expect(await errorOf(112, "heun")).toBeLessThan(1e-3);
    expect(await errorOf(112, "rungeKutta")).toBeLessThan(1e-3);
  });

  it("converges with order two, which its transfer allows", async () => {
    // linspace with 334 and 1000 steps has the even gaps 3 and 1
    for (const warmUp of ["heun", "rungeKutta"] as const) {
      const [coarse, fine] = [await errorOf(334, warmUp), await errorOf(1000, warmUp)];
      const order = Math.log(coarse / fine) / Math.log(3);
      expect(Math.abs(order - 2), warmUp).toBeLessThan(0.25);
    }
  });

  it("takes a path without data at its start when it combines v", async () => {
    // Order one: the error halves with twice the steps.
    const errors = [];
    for (const steps of [50, 100, 200]) {
      const solver = pndm({ steps, combine: "v" });
      const [x] = await solve(solver, gaussianDenoiser(data, straightLine(), "flow"), from(1));
      errors.push(x - (data.mean + data.std));
    }
    expect(errors[0] / errors[1]).toBeCloseTo(2, 0);
    expect(errors[1] / errors[2]).toBeCloseTo(2, 0);
  });
});

describe("pndm refuses", () => {
  it.each([
    [{ steps: 0 }, "pndm: steps must be an integer from 1, not 0"],
    [{ steps: 5, warmUp: "rk" }, '"heun" or "rungeKutta", not "rk"'],
    [{ steps: 5, combine: "x" }, "combine must be"],
    [{ steps: 5, skipPrkSteps: true }, "unknown option"],
  ])("%j", (options, message) => {
    expect(() => pndm(options as never)).toThrow(ConfigError);
    expect(() => pndm(options as never)).toThrow(message);
  });

  it("what the path cannot give", () => {
    const discrete = gaussianDenoiser(data, vp(linear()), "noise");
    const line = gaussianDenoiser(data, straightLine(), "flow");
    expect(() => pndm({ steps: 3, warmUp: "rungeKutta" }).sample(discrete, from(1))).toThrow("from 4, not 3");
    expect(() => pndm({ steps: 3 }).sample(line, from(1))).toThrow(/alpha = 0.*combine "v", or the unipc/);
    expect(() => pndm({ steps: 1001 }).sample(discrete, from(1))).toThrow("1000 timesteps, not 1001");
  });
});
