import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { TorchGenerator } from "../../core/torch-random.ts";
import { type Denoiser, denoiserOf } from "../denoiser.ts";
import { linear, scaledLinear, vp } from "../discrete-vp.ts";
import { edm } from "../edm.ts";
import { gvp } from "../gvp.ts";
import { levelOfRatio } from "../levels.ts";
import type { Level, Path } from "../path-contract.ts";
import { straightLine } from "../straight-line.ts";
import { absoluteSum, dummyNetwork, dummySample, dummyShape } from "../testing/dummy.ts";
import { gaussianDenoiser, gaussianFlow, oracle } from "../testing/gaussian.ts";
import { ancestralSplit, churned } from "./churn.ts";
import { joined } from "./dpmpp-sde.ts";
import { lcmBoundary, lcmTimes } from "./lcm.ts";
import { lmsWeights } from "./lms.ts";
import { solverFrom } from "./registry.ts";
import { solve } from "./solver.ts";

// Beside diffusers: test/parity/sigma-solvers.test.ts; beside k-diffusion: test/parity/k-diffusion.test.ts; stochastic
// solvers against the moments of their chains: conformance.test.ts.
const data = { mean: 0.3, std: 0.5 };
const line = straightLine();
const discrete = vp(linear());
const from = (value: number, seed = 0) => ({ shape: [1, 1], seed, initial: Float32Array.of(value) });
const run = async (name: string, options: object, denoiser: Denoiser, x: number) =>
  (await solve(solverFrom(name, options), denoiser, from(x)))[0];

/** A denoiser that counts. */
function counted(denoiser: Denoiser): { denoiser: Denoiser; levels: Level[] } {
  const levels: Level[] = [];
  return {
    levels,
    denoiser: {
      path: denoiser.path,
      denoise: (x, at, condition) => {
        levels.push(at as Level);
        return denoiser.denoise(x, at, condition);
      },
    },
  };
}

describe("golden values on Gaussian data", () => {
  // N(0.3, 0.5²), x = 80 at sigma 80, karras 0.002 .. 80 and 0: an independent implementation in numpy, 8 digits.
  const values: [string, object, [number, number, number]][] = [
    ["euler", {}, [0.66384352, 0.72892336, 0.76310758]],
    ["heun", {}, [0.90751126, 0.8198667, 0.80298358]],
    ["dpm2", {}, [0.85849263, 0.81058882, 0.80093253]],
    ["dpmpp2sAncestral", { eta: 0 }, [0.75972663, 0.78804538, 0.79556054]],
    ["lms", {}, [0.7117105, 0.78104068, 0.79616952]],
    // The same solvers by other names: no noise is drawn.
    ["eulerAncestral", { eta: 0 }, [0.66384352, 0.72892336, 0.76310758]],
    ["dpm2Ancestral", { eta: 0 }, [0.85849263, 0.81058882, 0.80093253]],
    ["dpmppSde", { eta: 0 }, [0.75972663, 0.78804538, 0.79556054]],
    ["lms", { order: 1 }, [0.66384352, 0.72892336, 0.76310758]],
  ];
  const denoiser = gaussianDenoiser(data, edm());
  it.each(values)("%s %j", async (name, options, expected) => {
    for (const [i, steps] of [10, 20, 40].entries()) {
      expect(Math.abs((await run(name, { steps, ...options }, denoiser, 80)) - expected[i])).toBeLessThan(1e-6);
    }
  });

  it.each(values)("%s %j is the same in the variance-preserving view", async (name, options, expected) => {
    // Continuous time t = ln sigma: alpha = 1 / sqrt(1 + s²). A solver of sigma space must not notice.
    const preserving = vpView();
    const x = 80 * preserving.alpha(Math.log(80));
    const schedule = { schedule: "karras", sigmaMin: 0.002, sigmaMax: 80 };
    const found = await run(name, { steps: 10, ...schedule, ...options }, gaussianDenoiser(data, preserving), x);
    // x0hat comes from x in float32, whose error at sigma 80 is 80 times larger here.
    expect(Math.abs(found - expected[0])).toBeLessThan(1e-5);
  });

  it("flowEuler", async () => {
    // The straight line from x = 1 at pure noise.
    for (const [steps, expected] of [
      [4, 0.64054054],
      [10, 0.7307826],
      [50, 0.78539674],
    ]) {
      expect(Math.abs((await run("flowEuler", { steps }, gaussianDenoiser(data, line), 1)) - expected)).toBeLessThan(
        1e-6,
      );
    }
  });

  it("euler and flowEuler are DDIM, on any path", async () => {
    const spaced = { steps: 10, clip: false };
    const ddim = await run("ddim", spaced, gaussianDenoiser(data, discrete), 1);
    expect(ddim).toBeCloseTo(0.66924973, 6); // N = 10, trailing, linear schedule
    expect(await run("euler", { steps: 10 }, gaussianDenoiser(data, discrete), 1)).toBeCloseTo(ddim, 5);
    expect(await run("flowEuler", { steps: 10 }, gaussianDenoiser(data, line), 1)).toBeCloseTo(
      await run("ddim", spaced, gaussianDenoiser(data, line), 1),
      6,
    );
  });
});

/** A variance-preserving path whose time is ln s. */
function vpView(): Path {
  const alpha = (t: number) => 1 / Math.hypot(1, Math.exp(t));
  const at = (t: number): Level => ({
    t,
    alpha: alpha(t),
    sigma: Math.exp(t) * alpha(t),
    dAlpha: 0,
    dSigma: 0,
    networkTime: t,
  });
  return {
    ...edm(),
    name: "edm",
    span: [Math.log(0.002), Math.log(80)],
    alpha,
    sigma: (t) => at(t).sigma,
    logSnr: (t) => -2 * t,
    timeOfLogSnr: (wanted) => -wanted / 2,
    at,
  };
}

describe("order of convergence", () => {
  const path = edm({ sigmaMin: 0.1, sigmaMax: 10 });
  const exact = gaussianFlow(data, 7, path.at(10), path.at(0.1));
  const grid = { schedule: "lambda", finalSigma: "sigmaMin" };
  const error = async (name: string, options: object, steps: number) =>
    Math.abs((await run(name, { steps, ...grid, ...options }, gaussianDenoiser(data, path), 7)) - exact);

  it.each([
    ["euler", {}, 1],
    ["lms", { order: 1 }, 1],
    ["lms", { order: 2 }, 2],
    ["heun", {}, 2],
    ["dpm2", {}, 2],
    ["dpmpp2sAncestral", { eta: 0 }, 2],
    ["dpmppSde", { eta: 0 }, 2],
    ["dpmppSde", { eta: 0, r: 0.7 }, 2],
  ])("%s %j: error falls by 2^%s", async (name, options, order) => {
    const [coarse, fine] = [await error(name, options, 40), await error(name, options, 80)];
    expect(Math.log2(coarse / fine)).toBeGreaterThan(order - 0.15);
    expect(Math.log2(coarse / fine)).toBeLessThan(order + 0.35);
  });

  it("of lms with more slopes is not less than 2, which its first step has", async () => {
    for (const order of [3, 4]) {
      const [coarse, fine] = [await error("lms", { order }, 40), await error("lms", { order }, 80)];
      expect(Math.log2(coarse / fine)).toBeGreaterThan(1.85);
      expect(fine).toBeLessThan(await error("lms", { order: 2 }, 80));
    }
  });

  it.each([
    ["flowEuler", line, 1],
    ["flowHeun", line, 2],
    ["flowEuler", gvp(), 1],
    ["flowHeun", gvp(), 2],
  ] as const)("%s on %o", async (name, path, order) => {
    const end = gaussianFlow(data, 1, path.at(1), { alpha: 1, sigma: 0 });
    const errors = [];
    for (const steps of [40, 80])
      errors.push(Math.abs((await run(name, { steps }, gaussianDenoiser(data, path), 1)) - end));
    expect(Math.log2(errors[0] / errors[1])).toBeGreaterThan(order - 0.15);
    expect(Math.log2(errors[0] / errors[1])).toBeLessThan(order + 0.35);
  });

  it("counts its evaluations: N, or 2 N - 1", async () => {
    const evaluations = async (name: string) => {
      const { denoiser, levels } = counted(gaussianDenoiser(data, edm()));
      await run(name, { steps: 6 }, denoiser, 80);
      return levels.length;
    };
    for (const name of ["euler", "eulerAncestral", "lms"]) expect(await evaluations(name)).toBe(6);
    for (const name of ["heun", "dpm2", "dpm2Ancestral", "dpmpp2sAncestral", "dpmppSde"]) {
      expect(await evaluations(name)).toBe(11);
    }
  });
});

describe("data that is one point", () => {
  it.each(["euler", "heun", "dpm2", "dpmpp2sAncestral", "dpmppSde", "eulerAncestral", "dpm2Ancestral", "lms"])(
    "is reached exactly by %s",
    async (name) => {
      const denoiser = gaussianDenoiser({ mean: 0.625, std: 0 }, discrete);
      for (const value of await solve(solverFrom(name, { steps: 5 }), denoiser, { shape: [8, 2], seed: 1 })) {
        expect(value).toBe(0.625);
      }
    },
  );
});

describe("ancestral noise", () => {
  it("splits a step from 10 to 5", () => {
    const { down, up } = ancestralSplit(10, 5, 1);
    expect(up).toBeCloseTo(4.330127, 7);
    expect(down).toBeCloseTo(2.5, 12);
    expect(ancestralSplit(10, 5, 0)).toEqual({ down: 5, up: 0 });
    expect(ancestralSplit(10, 0, 1)).toEqual({ down: 0, up: 0 });
    expect(() => ancestralSplit(5, 10, 1)).toThrow(ConfigError);
  });

  it("keeps the variance of the path, for data that is one point", () => {
    for (const eta of [0.3, 1]) {
      const { down, up } = ancestralSplit(3, 2, eta);
      expect(Math.hypot(down, up)).toBeCloseTo(2, 12);
    }
  });

  it("is one Brownian motion over both parts of a DPM++ SDE step", () => {
    const [z, fresh] = [1, 2].map((seed) => Random.from(seed).normals(50_000));
    const whole = joined(9, 5, 2, z, fresh);
    const mean = (values: ArrayLike<number>, by: ArrayLike<number>) =>
      Array.from(values).reduce((sum, value, i) => sum + value * by[i], 0) / values.length;
    const standardError = 5 / Math.sqrt(50_000);
    expect(Math.abs(mean(whole, whole) - 1)).toBeLessThan(Math.SQRT2 * standardError);
    // Cov(W(5 to 9), W(2 to 9)) = 4, of standard deviations 2 and sqrt(7)
    expect(Math.abs(mean(whole, z) - 4 / (2 * Math.sqrt(7)))).toBeLessThan(Math.SQRT2 * standardError);
  });
});

describe("churn", () => {
  const path = edm();
  const moves = [80, 20, 5, 1].map((sigma, i) => ({ from: path.at(sigma), to: path.at([20, 5, 1, 0.5][i]) }));

  it("raises the levels between sMin and sMax, and as far as the path goes", () => {
    const gammas = (options: object) =>
      churned(path, moves, options).map(({ from, hat }) => hat.sigma / from.sigma - 1);
    expect(gammas({})).toEqual([0, 0, 0, 0]);
    expect(gammas({ sChurn: 1 })).toEqual([0, 0.25, 0.25, 0.25]); // 100 is not on the path
    expect(gammas({ sChurn: 1, sMin: 2, sMax: 10 })).toEqual([0, 0, 0.25, 0]);
    expect(gammas({ sChurn: 100, sMax: 30 })[1]).toBeCloseTo(Math.SQRT2 - 1, 12); // at most
  });

  it("adds the noise that leads there", () => {
    const [, { hat, fresh }] = churned(path, moves, { sChurn: 1, sNoise: 1.5 });
    expect(fresh).toBeCloseTo(1.5 * Math.sqrt(hat.sigma ** 2 - 400), 12);
  });

  it("refuses an sMax whose raised level the path does not have", () => {
    expect(() => churned(path, moves, { sChurn: 1, sMax: 80 })).toThrow(ConfigError);
    expect(() => churned(path, moves, { sChurn: 1, sMax: 80 })).toThrow("raises sigma 80 to 100");
  });
});

describe("lms weights", () => {
  it("are those of Adams and Bashforth for even steps", () => {
    const expected = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]];
    expected.forEach((row, i) => {
      lmsWeights([4, 3, 2, 1].slice(0, i + 1), 5).forEach((weight, j) => {
        expect(weight).toBeCloseTo(row[j], 12);
      });
    });
  });

  it("integrate cubics exactly over uneven levels", () => {
    const places = [3, 4.5, 9, 20];
    const cubic = (u: number) => 2 - u + 0.5 * u ** 2 - 0.1 * u ** 3;
    const integral = (u: number) => 2 * u - u ** 2 / 2 + u ** 3 / 6 - 0.025 * u ** 4;
    const found = lmsWeights(places, 1.2).reduce((sum, weight, j) => sum + weight * cubic(places[j]), 0);
    expect(found).toBeCloseTo(integral(1.2) - integral(3), 10);
  });
});

describe("lcm", () => {
  it("visits the timesteps of distillation", () => {
    expect(lcmTimes(1000, 50, 4)).toEqual([999, 759, 499, 259]);
    expect(lcmTimes(1000, 50, 1)).toEqual([999]);
    expect(lcmTimes(100, 10, 10)).toEqual([99, 89, 79, 69, 59, 49, 39, 29, 19, 9]);
  });

  it("has f = x at t = 0, and x0hat far from it", () => {
    expect(lcmBoundary(0, 10)).toEqual({ cSkip: 1, cOut: 0 });
    const { cSkip, cOut } = lcmBoundary(999, 10);
    expect(cSkip).toBeCloseTo(0.25 / (9990 ** 2 + 0.25), 15);
    expect(cOut).toBeCloseTo(1, 8);
  });

  it.each([
    [1, 18.7097, 0.0244],
    [10, 197.7616, 0.2575],
  ])("has the sums of diffusers' own test, %s steps", async (steps, sum, mean) => {
    // tests/schedulers/test_scheduler_lcm.py, full_loop: scaled linear, noise of manual_seed(0)
    const generator = new TorchGenerator(0);
    const noise = (length: number) => generator.randn(length);
    const denoiser = denoiserOf(dummyNetwork, vp(scaledLinear()), "noise");
    const sampling = { shape: dummyShape, seed: 0, initial: dummySample(), noise };
    const found = absoluteSum(await solve(solverFrom("lcm", { steps }), denoiser, sampling));
    expect(Math.abs(found.sum - sum)).toBeLessThan(1e-3);
    expect(Math.abs(found.mean - mean)).toBeLessThan(1e-3);
  });

  it("stops at the predicted sample of one step", async () => {
    const x = await run("lcm", { steps: 1, boundary: "none" }, gaussianDenoiser(data, discrete), 1);
    const { sample } = await gaussianDenoiser(data, discrete).denoise(Float32Array.of(1), 999);
    expect(x).toBe(sample[0]);
  });
});

describe("limits", () => {
  const far = (path: Path) =>
    oracle((_, x) => ({ sample: x.map((_, i) => (i % 2 ? 3 : -0.4)), noise: x.map(() => 0) }), path);
  it.each(["euler", "heun", "dpm2", "lms", "dpmpp2sAncestral", "dpmppSde", "flowEuler", "flowHeun", "lcm"])(
    "hold the sample of %s, and what it leads to",
    async (name) => {
      const path = name.startsWith("flow") ? line : discrete;
      const sampling = { shape: [2, 4], seed: 1 };
      const images = (options: object) => solve(solverFrom(name, { steps: 3, ...options }), far(path), sampling);
      const near = (values: Float32Array, even: number, odd: number) =>
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(i % 2 ? odd : even, 4);
        });
      near(await images({}), -0.4, 3);
      near(await images({ clip: 1 }), -0.4, 1);
      near(await images({ threshold: { ratio: 1, max: 2 } }), -0.2, 1);
    },
  );
});

describe("the level that the network is asked at", () => {
  it("has the solver's sigma exactly, and the whole timestep where times are rounded", async () => {
    const { denoiser, levels } = counted(gaussianDenoiser(data, discrete));
    await run("dpm2", { steps: 4, schedule: "karras", roundTimes: "nearest" }, denoiser, 1);
    expect(levels.map(({ networkTime }) => Number.isInteger(networkTime))).toEqual(
      [true, false, true, false, true, false, true], // not half way between levels
    );
    const half = levelOfRatio(
      discrete,
      Math.sqrt((levels[0].sigma / levels[0].alpha) * (levels[2].sigma / levels[2].alpha)),
    );
    expect(levels[1]).toEqual(half);
  });
});

describe("bad input", () => {
  const cases: [string, object, Path, string][] = [
    ["euler", { steps: 5 }, line, "give sigmaMax, or take ddim, lcm or (in continuous time) flowEuler or flowHeun"],
    ["heun", { steps: 5, schedule: "karras" }, line, "give sigmaMin and sigmaMax"],
    ["dpmppSde", { steps: 5 }, vp(linear({ zeroTerminalSnr: true })), "pure noise"],
    ["flowEuler", { steps: 5 }, discrete, "take euler, heun, dpm2, lms or ddim"],
    ["flowHeun", { steps: 5 }, edm(), 'give finalSigma "sigmaMin", or take euler or heun'],
    ["lcm", { steps: 5 }, line, 'give boundary "none", or take flowEuler with stochastic true'],
    ["lcm", { steps: 51 }, discrete, "51 steps are chosen among originalSteps 50"],
    ["lcm", { steps: 5, originalSteps: 1001 }, discrete, "the path's 1000 timesteps"],
    ["lms", { steps: 1001 }, discrete, "1001 steps are more than the 1000 timesteps"],
    ["dpm2", { steps: 5, schedule: "karras", sigmaMax: 500 }, discrete, "choose sigmaMin, sigmaMax or sigmas"],
  ];
  it.each(cases)("%s %j", (name, options, path, message) => {
    const solver = solverFrom(name, options);
    const sample = () => solver.sample(gaussianDenoiser(data, path), { shape: [1, 2], seed: 0 });
    expect(sample).toThrow(ConfigError);
    expect(sample).toThrow(message);
  });

  it.each([
    ["euler", { steps: 5, sChurn: -1 }, "sChurn must be"],
    ["heun", { steps: 5, churn: 1 }, "Did you mean sChurn"],
    ["eulerAncestral", { steps: 5, eta: 1.5 }, "eta must be"],
    ["lms", { steps: 5, order: 5 }, "order must be an integer from 1 to 4"],
    ["dpmppSde", { steps: 5, r: 1 }, "r must be"],
    ["flowEuler", { steps: 5, sChurn: 1 }, "unknown option"],
    ["lcm", { steps: 5, spacing: "leading" }, "unknown option"],
    ["dpm2", { steps: 0 }, "steps must be an integer from 1"],
  ])("%s %j when it is made", (name, options, message) => {
    expect(() => solverFrom(name, options)).toThrow(ConfigError);
    expect(() => solverFrom(name, options)).toThrow(message);
  });
});
