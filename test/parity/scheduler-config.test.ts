/**
 * Our reading and writing of scheduler files beside diffusers 0.42.1: the defaults of every class, and 40 files that
 * schedulerConfigOf writes. diffusers has loaded each of them by from_config and from_pretrained (make_scheduler_config.py
 * fails otherwise); the times, sigmas and tables that it then has are held here against ours.
 *
 * Golden numbers: scheduler-config.golden.json, made by make_scheduler_config.py, in float32; agreement is to its rounding.
 */
import { describe, expect, it } from "vitest";
import { denoiserOf, isDiscreteVp, type PathConfig, type PredictionConfig } from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, levelsOptions, ratioOf } from "../../src/diffusion/levels.ts";
import { pathFrom } from "../../src/diffusion/path.ts";
import {
  type SchedulerClass,
  type SchedulerFile,
  type SolverChoice,
  schedulerConfigOf,
  schedulerFrom,
  schedulerSolver,
} from "../../src/diffusion/scheduler-config.ts";
import { schedulerFields } from "../../src/diffusion/scheduler-files/fields.ts";
import { solve } from "../../src/diffusion/solvers/solver.ts";
import { spacedTimesteps } from "../../src/diffusion/times.ts";
import { readGoldenJson } from "./golden.ts";

interface Golden {
  defaults: Record<SchedulerClass, Record<string, unknown>>;
  written: { timesteps: number[]; sigmas?: number[]; alphaBars?: number[] }[];
}
interface Case {
  path: PathConfig;
  prediction: PredictionConfig;
  solver: SolverChoice;
  steps: number;
  file: SchedulerFile;
}

const golden = readGoldenJson<Golden>("scheduler-config.golden.json");
const cases = readGoldenJson<Case[]>("scheduler-config.cases.json").map((one, i) => ({ ...one, ...golden.written[i] }));
const titled = cases.map((one) => ({ ...one, title: `${one.file._class_name} ${JSON.stringify(one.solver.options)}` }));

describe("the fields of diffusers' schedulers", () => {
  it.each(Object.keys(schedulerFields) as SchedulerClass[])("%s has its defaults", (name) => {
    const own = Object.fromEntries(
      Object.entries(schedulerFields[name]).map(([field, { fallback }]) => [
        field,
        fallback === -Infinity ? "-Infinity" : fallback,
      ]),
    );
    // The flags that may be null are false either way.
    const flags = (fields: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, value ?? null]));
    expect(flags(own)).toEqual(flags(golden.defaults[name]));
  });
});

describe("the files that are written", () => {
  it.each(titled)("$title", ({ path, prediction, solver, file }) => {
    expect(schedulerConfigOf(pathFrom(path), prediction, solver)).toEqual(file);
  });
});

describe("the schedulers that files make", () => {
  const near = (found: number, expected: number, tolerance: number, where: string) =>
    expect(
      Math.abs(found - expected) / Math.max(1e-2, Math.abs(expected)),
      `${where}: ${found}, ${expected}`,
    ).toBeLessThan(tolerance);

  it.each(titled)("$title", async ({ file, steps, timesteps, sigmas, alphaBars }) => {
    const scheduler = schedulerFrom(file);
    const { path, prediction, solver } = scheduler;
    if (isDiscreteVp(path) && alphaBars !== undefined) {
      [0, 1, 250, 500, 750].forEach((t, i) => {
        near(path.alphaBar(t), alphaBars[i], 2e-5, `alphaBar ${t}`);
      });
    }
    if (solver.name === "ddimInversion") {
      const { spacing, stepsOffset } = solver.options;
      expect(spacedTimesteps(1000, steps, spacing, stepsOffset).reverse()).toEqual(timesteps);
      return;
    }
    const made = schedulerSolver(scheduler, steps);
    const fed: number[] = [];
    const denoiser = denoiserOf(
      async (x, t) => {
        fed.push(t);
        return x.map((value) => 0.1 * value);
      },
      path,
      prediction,
    );
    const variance = new Float32Array(2);
    await solve(
      made,
      { path, denoise: async (x, at, condition) => ({ ...(await denoiser.denoise(x, at, condition)), variance }) },
      { shape: [1, 2], seed: 0 },
    );
    expect(fed).toHaveLength(timesteps.length);
    // Whole numbers are cut off a float32 in diffusers, which may be just below one.
    const cut = (solver.options as LevelsOptions).roundTimes === "down" ? 1 : 0;
    fed.forEach((t, i) => {
      expect(Math.abs(t - timesteps[i]), `time ${i}: ${t}, ${timesteps[i]}`).toBeLessThan(cut + 2e-3);
    });
    if (sigmas === undefined) return;
    const levels = levelsFor(path, levelsOptions(made.config as LevelsOptions));
    const own = levels.map((level) => (path.name === "straightLine" ? level.sigma : ratioOf(level)));
    // Schedulers with two calls a step list every sigma but the ends twice.
    const listed = sigmas.filter((sigma, i) => i === 0 || sigma !== sigmas[i - 1] || sigmas.length === own.length);
    expect(listed).toHaveLength(own.length);
    own.forEach((sigma, i) => {
      near(sigma, listed[i], 1e-4, `sigma ${i}`);
    });
  });
});
