/**
 * What every solver of the registry must do. A new solver adds its line to `cases`; the type asks for it.
 */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { type Denoiser, denoiserOf } from "../denoiser.ts";
import { linear, vp } from "../discrete-vp.ts";
import { edm } from "../edm.ts";
import type { Path } from "../path.ts";
import { straightLine } from "../straight-line.ts";
import { type Gaussian, gaussianDenoiser, momentsOf } from "../testing/gaussian.ts";
import { gaussianConsistency } from "../testing/gaussian-batch.ts";
import { ve } from "../ve.ts";
import { type SolverName, type SolverOptions, solverFrom, solvers } from "./registry.ts";
import { type SampleOptions, type SolverStep, solve } from "./solver.ts";

interface Case<K extends SolverName> {
  path: Path;
  /** The perfect denoiser of Gaussian data, for solvers that expect another sample than E[x0 | x]. */
  oracle?: (data: Gaussian, path: Path) => Denoiser;
  /** Few steps, for what does not depend on accuracy; `of` is how many steps they are. */
  few: SolverOptions[K];
  of: number;
  /** Many steps, for the moments of Gaussian data. */
  many: SolverOptions[K];
  /**
   * How far the mean and the standard deviation of N(0.3, 0.5²) are off after so many steps, rounded up: the moments of
   * the chain, which is linear in x, followed in float64.
   */
  bias: number;
  /** The standard deviation of x at the first level of `few`, for data of variance 1. Default 1. */
  spread?: number;
  /** The moments of the chain themselves, where they are held instead of the data's: test/parity/make_sigma_solvers.py. */
  moments?: { mean: number; std: number };
  /** Of solvers whose step size is that of a whole batch: how far an image may be from what it is in another batch. */
  batchTolerance?: number;
}

const path = vp(linear());
const line = straightLine();
const edmSpread = Math.hypot(1, 80);
const cases: { [K in SolverName]: Case<K>[] } = {
  ddpm: [
    { path, few: { steps: 6 }, of: 6, many: { steps: 500, clip: false }, bias: 0.0017 },
    {
      path: vp(linear({ timesteps: 100, end: 0.2 })),
      few: { variance: "small" },
      of: 100,
      many: { clip: false, variance: "small" },
      bias: 0.0321,
    },
  ],
  ddim: [
    { path, few: { steps: 5, eta: 1 }, of: 5, many: { steps: 500, eta: 1, clip: false }, bias: 0.0075 },
    { path, few: { steps: 7 }, of: 7, many: { steps: 500, clip: false }, bias: 0.003 },
    { path: line, few: { steps: 3, eta: 0.5 }, of: 3, many: { steps: 500, eta: 0.5, clip: false }, bias: 0.002 },
  ],
  pndm: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 200 }, bias: 0.003 },
    { path, few: { steps: 6, warmUp: "rungeKutta" }, of: 6, many: { steps: 200, warmUp: "rungeKutta" }, bias: 0.003 },
  ],
  dpmppMultistep: [
    { path, few: { steps: 5, order: 3 }, of: 5, many: { steps: 40 }, bias: 0.003 },
    {
      path,
      few: { steps: 4, form: "noise", variant: "heun" },
      of: 4,
      many: { steps: 100, form: "noise" },
      bias: 0.003,
    },
    { path: line, few: { steps: 4 }, of: 4, many: { steps: 100, order: 3 }, bias: 0.003 },
  ],
  dpmppMultistepSde: [
    { path, few: { steps: 5, order: 3 }, of: 5, many: { steps: 100 }, bias: 0.005 },
    { path: line, few: { steps: 4, eta: 0.5 }, of: 4, many: { steps: 100, variant: "heun" }, bias: 0.005 },
  ],
  dpmppSinglestep: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 60, order: 3 }, bias: 0.003 },
    { path, few: { steps: 4, order: 3, eta: 1 }, of: 4, many: { steps: 400, eta: 1 }, bias: 0.02 },
    { path: line, few: { steps: 6, order: 3 }, of: 6, many: { steps: 100 }, bias: 0.003 },
  ],
  unipc: [
    { path, few: { steps: 5, order: 3 }, of: 5, many: { steps: 40 }, bias: 0.003 },
    { path: line, few: { steps: 4, correctorOff: "all" }, of: 4, many: { steps: 100, order: 3 }, bias: 0.003 },
  ],
  annealedLangevin: [
    { path, few: { steps: 4, stepsPerLevel: 2 }, of: 4, many: { steps: 20, stepsPerLevel: 20 }, bias: 0.041 },
    { path: ve(), few: { sigmas: [20, 5, 1] }, of: 3, many: { sigmaMax: 20, stepsPerLevel: 40 }, bias: 0.0383 },
  ],
  predictorCorrector: [
    { path, few: { steps: 5, corrector: "annealed" }, of: 5, many: { steps: 200, corrector: "none" }, bias: 0.0068 },
    {
      path: ve(),
      spread: Math.hypot(1, ve().sigma(1)),
      few: { steps: 4, predictor: "eulerMaruyama", corrector: "none" },
      of: 4,
      many: { steps: 200, predictor: "ancestral", corrector: "annealed" },
      bias: 0.0055,
    },
  ],
  probabilityFlow: [
    { path, few: { steps: 3, atol: 1e-4 }, of: 3, many: {}, bias: 1e-4, batchTolerance: 0.01 },
    { path: line, few: { steps: 4 }, of: 4, many: {}, bias: 1e-4, batchTolerance: 0.01 },
  ],
  sitSde: [
    { path: line, few: { steps: 4 }, of: 4, many: { steps: 200 }, bias: 0.0059 },
    { path, few: { steps: 5, method: "heun", lastStep: "none" }, of: 5, many: { method: "heun" }, bias: 0.0226 },
  ],
  euler: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.299075, std: 0.485447 } },
    {
      path: edm(),
      spread: edmSpread,
      few: { steps: 4, sChurn: 1, schedule: "exponential" },
      of: 4,
      many: { steps: 100, sChurn: 30 },
      bias: 1e-4,
      moments: { mean: 0.3, std: 0.45541 },
    },
  ],
  eulerAncestral: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.299997, std: 0.468219 } },
  ],
  heun: [
    {
      path: edm(),
      spread: edmSpread,
      few: { steps: 4 },
      of: 4,
      many: { steps: 100 },
      bias: 1e-4,
      moments: { mean: 0.298122, std: 0.500759 },
    },
    {
      path,
      few: { steps: 4, schedule: "beta", finalSigma: "sigmaMin" },
      of: 4,
      many: { steps: 100, schedule: "exponential" },
      bias: 0.005,
    },
    {
      path: edm(),
      spread: edmSpread,
      few: { steps: 4, sChurn: 2, sNoise: 1.003 },
      of: 4,
      many: { steps: 100, sChurn: 30 },
      bias: 1e-4,
      moments: { mean: 0.3, std: 0.504686 },
    },
  ],
  dpm2: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.29905, std: 0.498674 } },
  ],
  dpm2Ancestral: [
    { path, few: { steps: 5 }, of: 5, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.299997, std: 0.50112 } },
  ],
  lms: [
    { path, few: { steps: 6 }, of: 6, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.299047, std: 0.500011 } },
    {
      path: line,
      spread: Math.hypot(1, 100) / 101,
      few: { steps: 4, order: 2, sigmaMax: 100 },
      of: 4,
      many: { steps: 100, sigmaMax: 500 },
      bias: 0.005,
    },
  ],
  dpmpp2sAncestral: [
    {
      path: edm(),
      spread: edmSpread,
      few: { steps: 4 },
      of: 4,
      many: { steps: 100 },
      bias: 1e-4,
      moments: { mean: 0.299987, std: 0.498192 },
    },
    { path, few: { steps: 4, schedule: "karras", rho: 5 }, of: 4, many: { steps: 100, eta: 0 }, bias: 0.003 },
  ],
  dpmppSde: [
    {
      path: edm(),
      spread: edmSpread,
      few: { steps: 4, r: 0.4 },
      of: 4,
      many: { steps: 100 },
      bias: 1e-4,
      moments: { mean: 0.299988, std: 0.499344 },
    },
  ],
  consistency: [
    {
      path: edm(),
      few: { steps: 3 },
      of: 3,
      many: { steps: 8, clip: false },
      bias: 0,
      spread: edmSpread,
      oracle: gaussianConsistency,
    },
    {
      path: line,
      few: { times: [1, 0.6, 0.3] },
      of: 3,
      many: { steps: 8, spacing: "time", clip: false },
      bias: 0,
      oracle: gaussianConsistency,
    },
  ],
  lcm: [
    { path, few: { steps: 4 }, of: 4, many: { steps: 50 }, bias: 1e-4, moments: { mean: 0.300001, std: 0.32849 } },
    {
      path: line,
      few: { steps: 3, boundary: "none" },
      of: 3,
      many: { steps: 100, boundary: "none" },
      bias: 1e-4,
      moments: { mean: 0.3, std: 0.344661 },
    },
  ],
  flowEuler: [
    {
      path: line,
      few: { steps: 4, shift: 3 },
      of: 4,
      many: { steps: 100 },
      bias: 1e-4,
      moments: { mean: 0.3, std: 0.492645 },
    },
    {
      path: line,
      few: { steps: 3, stochastic: true },
      of: 3,
      many: { steps: 100, stochastic: true },
      bias: 1e-4,
      moments: { mean: 0.3, std: 0.344661 },
    },
  ],
  flowHeun: [
    { path: line, few: { steps: 4 }, of: 4, many: { steps: 100 }, bias: 1e-4, moments: { mean: 0.3, std: 0.499922 } },
  ],
};
const flat = (Object.keys(solvers) as SolverName[]).flatMap((name) =>
  (cases[name] as Case<never>[]).map((one) => ({
    name,
    title: `${name} ${JSON.stringify(one.few)} on ${one.path.name}`,
    ...one,
  })),
);

/** A network that mixes the elements of an image, but not images, and depends on time: sample = 0.9 sin(neighbour + t). */
function mixing(on: Path, size: number): Denoiser {
  return denoiserOf(
    async (x, time) => x.map((_, i) => 0.9 * Math.sin(x[i - (i % size) + ((i + 1) % size)] + time / 300)),
    on,
    "sample",
  );
}

async function all(steps: AsyncGenerator<SolverStep>): Promise<SolverStep[]> {
  const collected: SolverStep[] = [];
  for await (const step of steps) collected.push(step);
  return collected;
}

describe.each(flat)("$title", (one) => {
  const { name, path, few, of, many, bias, moments, oracle, spread = 1, batchTolerance = 0 } = one;
  const solver = solverFrom(name, few);
  const shape = [4, 1, 3, 3];
  const denoiser = mixing(path, 9);
  const run = (options: Partial<SampleOptions> = {}) => solve(solver, denoiser, { shape, seed: 5, ...options });

  it("gives the same images for the same seed, others for another", async () => {
    const images = await run();
    expect(images.length).toBe(36);
    expect(images.every(Number.isFinite)).toBe(true);
    expect(await run()).toEqual(images);
    expect(await run({ seed: 6 })).not.toEqual(images);
  });

  it("gives the same images however they are cut into batches", async () => {
    const images = await run();
    const parts = [await run({ shape: [1, 1, 3, 3] }), await run({ shape: [3, 1, 3, 3], firstImage: 1 })];
    const apart = [...parts[0], ...parts[1]].map((value, i) => Math.abs(value - images[i]));
    expect(Math.max(...apart)).toBeLessThanOrEqual(batchTolerance);
    expect(new Set(images).size).toBeGreaterThan(30);
  });

  it("starts from the stream of each image", async () => {
    const own = [0, 1, 2, 3].flatMap((i) => [...Random.from(5, "sample", i).normals(9)]);
    const [start, images] = [Float32Array.from(own, (z) => spread * z), await run()];
    const given = start.slice();
    expect(await run({ initial: given })).toEqual(images);
    expect(given).toEqual(start); // and leaves what it is given alone
  });

  it("reports each step once, with times that fall", async () => {
    const steps = await all(solver.sample(denoiser, { shape, seed: 5 }));
    expect(steps.map((step) => step.step)).toEqual(Array.from({ length: of }, (_, i) => i + 1));
    expect(steps.every((step, i) => step.of === of && (i === 0 || step.t < steps[i - 1].t))).toBe(true);
    expect(steps.every((step) => step.x.length === 36 && step.sample.length === 36)).toBe(true);
    expect(steps.at(-1)!.x).toEqual(await run());
  });

  it("begins later when steps are skipped", async () => {
    const whole = await all(solver.sample(denoiser, { shape, seed: 5 }));
    const rest = await all(solver.sample(denoiser, { shape, seed: 5, skip: 2, initial: whole[1].x }));
    expect(rest.map(({ step, of, t }) => [step, of, t])).toEqual(
      whole.slice(2).map(({ step, of, t }) => [step, of, t]),
    );
    expect(rest.at(-1)!.x).toHaveLength(36);
    const refused = (options: Partial<SampleOptions>) => () => solver.sample(denoiser, { shape, seed: 5, ...options });
    expect(refused({ skip: 2 })).toThrow("give initial");
    expect(refused({ skip: of, initial: whole[0].x })).toThrow(`skip must be below the ${of} steps`);
  });

  it("takes its noise from a given source", async () => {
    const asked: number[] = [];
    const source = (length: number) => {
      asked.push(length);
      return Random.from(9, asked.length).normals(length);
    };
    const initial = Random.from(9, 1)
      .normals(36)
      .map((z) => spread * z);
    const images = await run({ noise: source, seed: 1 });
    const draws = asked.length;
    expect(asked.every((length) => length === 36)).toBe(true);
    asked.splice(1); // the source goes on after the start
    expect(await run({ noise: source, seed: 2, initial })).toEqual(images);
    expect(asked).toHaveLength(draws);
    asked.length = 0;
    await expect(run({ noise: () => new Float32Array(3) })).rejects.toThrow("gave 3");
  });

  it("yields arrays that are the caller's", async () => {
    const images = await run();
    let last = new Float32Array();
    for await (const step of solver.sample(denoiser, { shape, seed: 5 })) {
      last = step.x.slice();
      step.x.fill(7);
      step.sample.fill(7);
    }
    expect(last).toEqual(images);
  });

  it("stops between steps with the reason of its signal", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let seen = 0;
    const stopped = async () => {
      for await (const _ of solver.sample(denoiser, { shape, seed: 5, signal: controller.signal })) {
        if (++seen === 2) controller.abort(reason);
      }
    };
    await expect(stopped()).rejects.toBe(reason);
    expect(seen).toBe(2);
    await expect(run({ signal: controller.signal })).rejects.toBe(reason);
  });

  it("passes the condition on", async () => {
    const condition = { classLabels: Int32Array.of(1, 2, 3, 4) };
    const seen = new Set<unknown>();
    const spy: Denoiser = {
      path,
      denoise: (x, t, given) => {
        seen.add(given);
        return denoiser.denoise(x, t, given);
      },
    };
    await solve(solver, spy, { shape, seed: 5, condition });
    expect([...seen]).toEqual([condition]);
  });

  it("draws Gaussian data", async () => {
    const data = { mean: 0.3, std: 0.5 };
    const size = 10_000;
    const prediction = path.timesteps === undefined ? "flow" : "noise";
    const truth = oracle?.(data, path) ?? gaussianDenoiser(data, path, prediction);
    const images = await solve(solverFrom(name, many), truth, { shape: [1, size], seed: 2 });
    const found = momentsOf(images);
    // Five standard errors, and the bias of so many steps.
    const { mean, std } = moments ?? data;
    expect(Math.abs(found.mean - mean)).toBeLessThan((5 * std) / Math.sqrt(size) + bias);
    expect(Math.abs(found.std - std)).toBeLessThan((5 * std) / Math.sqrt(2 * size) + bias);
  });

  it("is made again from its name and configuration", async () => {
    const again = solverFrom(solver.name, JSON.parse(JSON.stringify(solver.config)));
    expect(again.config).toEqual(solver.config);
    expect(await solve(again, denoiser, { shape, seed: 5 })).toEqual(await run());
  });

  it.each([
    [{ shape: [] }, "shape must be a list"],
    [{ shape: [0, 3] }, "not [0,3]"],
    [{ shape: [1.5] }, "shape"],
    [{ seed: -1 }, "seed must be an integer from 0"],
    [{ seed: Number.NaN }, "not NaN"],
    [{ firstImage: -1 }, "firstImage"],
    [{ skip: 0.5 }, "skip must be an integer from 0"],
    [{ initial: new Float32Array(3) }, "36 numbers for the shape [4, 1, 3, 3], not 3"],
  ])("refuses %j", (options, message) => {
    const start = () => solver.sample(denoiser, { shape, seed: 5, ...options });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(message);
  });
});

describe("solverFrom", () => {
  it("offers the nearest names", () => {
    expect(() => solverFrom("dddim", {})).toThrow('unknown solver "dddim". Did you mean ddim');
    expect(() => solverFrom("ddim", { step: 5 })).toThrow('unknown option "step". Did you mean steps');
  });
});
