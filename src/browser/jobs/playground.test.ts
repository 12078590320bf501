import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, DataError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { pathFrom } from "../../diffusion/path.ts";
import type { Level } from "../../diffusion/path-contract.ts";
import { predictionFrom } from "../../diffusion/prediction.ts";
import { judgePoints } from "../../metrics/energy.ts";
import { CompiledNetwork } from "../../models/compiled.ts";
import { Mlp } from "../../models/mlp.ts";
import { SlabLayout, Weights } from "../../nn/weights.ts";
import { compiledDenoiser } from "../../pipelines/denoiser.ts";
import { sample } from "../../pipelines/sample.ts";
import { type SolverConfig, solverOf } from "../../recipes/recipe.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import type { Job, JobContext } from "../job.ts";
import { memoryRunStore } from "../run-store.ts";
import { gridOf } from "./playground/field.ts";
import { normalQuantile } from "./playground/lines.ts";
import {
  besideTheEnd,
  networkFor,
  objectiveOf,
  type PlaygroundModel,
  type PlaygroundObjective,
} from "./playground/model.ts";
import { DRAWN_SPREAD, pointsOf } from "./playground/source.ts";
import {
  type PlaygroundTrainEvent,
  playgroundDraw,
  playgroundField,
  playgroundLines,
  playgroundTrain,
} from "./playground.ts";

const runtime = nodeRuntime();
const context = (signal = new AbortController().signal): JobContext => ({
  runtime,
  runs: memoryRunStore(),
  data: (): Promise<Dataset> => Promise.reject(new Error("not asked for")),
  signal,
});

/** Runs a job to its end. */
async function finish<Request, Event, Result>(
  job: Job<Request, Event, Result>,
  request: Request,
  onEvent?: (event: Event) => void,
  signal?: AbortSignal,
): Promise<Result> {
  const events = job(request, context(signal));
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
    onEvent?.(value);
  }
}

const flow: PlaygroundObjective = { path: { name: "straightLine" }, prediction: "flow" };
const ddim = (steps: number): SolverConfig => ({ name: "ddim", steps, clip: false });

/** A model with weights that nobody trained: no zeros, so that it says something. */
function untrained(objective: PlaygroundObjective = flow): PlaygroundModel {
  const network = networkFor(objectiveOf(objective));
  const { lengths } = new SlabLayout(new Mlp(network));
  return { objective, network, weights: Float32Array.from({ length: lengths[0] }, (_, i) => 0.15 * Math.sin(1.7 * i)) };
}

/** The same model, through the pipelines: weights compiled in. */
function compiled({ network: options, weights }: PlaygroundModel) {
  const network = new Mlp(options);
  return { network, weights: new Weights(new SlabLayout(network), [weights]) };
}

const furthest = (a: Float32Array, b: ArrayLike<number>) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

describe("training", () => {
  it("fits moons within 600 steps: energy distance at most twice that of real points", async () => {
    const events: PlaygroundTrainEvent[] = [];
    const request = { ...flow, source: { toy: "moons" } as const, length: { steps: 600 }, seed: 0 };
    const { model, ...result } = await finish(playgroundTrain, request, (event) => void events.push(event));
    expect(result).toMatchObject({ step: 600, steps: 600, finished: true });
    const ticks = events.filter((event) => event.type === "tick");
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.at(-1)).toMatchObject({ step: 600, steps: 600 });
    expect(ticks.at(-1)!.imagesPerSecond).toBeGreaterThan(0);
    const source = { toy: "moons" } as const;
    for (const seed of [1, 2]) {
      const drawn = await finish(playgroundDraw, { model, solver: ddim(50), seed, count: 1000, judgedBy: source });
      expect(drawn.energy!.ratio).toBeLessThan(2);
      // The library's own judge, which draws the same real sets.
      const { energy } = await judgePoints({ points: drawn.x.slice(-2000), data: { name: "moons" } });
      expect(drawn.energy!.drawn).toBeCloseTo(energy.generated, 12);
      expect(drawn.energy!.real).toBeCloseTo(energy.real, 12);
    }
    const noise = await finish(playgroundDraw, {
      model: untrained(),
      solver: ddim(20),
      seed: 1,
      count: 500,
      judgedBy: source,
    });
    expect(noise.energy!.ratio).toBeGreaterThan(20);
  });

  it("learns the score of one Gaussian, whose closed form is known", async () => {
    const centre = [0.4, -0.3];
    const source = { drawn: Float32Array.from(centre) };
    const { model } = await finish(playgroundTrain, { ...flow, source, length: { steps: 300 }, seed: 0 });
    const field = await finish(playgroundField, { model, t: 0.5, cells: 8, half: 1 });
    const { alpha, sigma } = field;
    expect([alpha, sigma]).toEqual([0.5, 0.5]);
    const variance = (alpha * DRAWN_SPREAD) ** 2 + sigma ** 2;
    const x = gridOf(8, 1).map((z) => Math.hypot(alpha, sigma) * z);
    const expected = x.map((value, i) => (alpha * centre[i % 2] - value) / variance);
    const error = Math.sqrt(field.score.reduce((sum, value, i) => sum + (value - expected[i]) ** 2, 0));
    expect(error / Math.hypot(...expected)).toBeLessThan(0.1);
  });

  it("is a function of the seed, and hands out the network on the way", async () => {
    const request = { ...flow, source: { toy: "rings" } as const, length: { steps: 30 }, seed: 3 };
    const [one, two] = [await finish(playgroundTrain, request), await finish(playgroundTrain, request)];
    expect(one.model.weights).toEqual(two.model.weights);
    const other = await finish(playgroundTrain, { ...request, seed: 4 });
    expect(other.model.weights).not.toEqual(one.model.weights);
    const models: PlaygroundModel[] = [];
    const long = { ...request, length: { seconds: 1.5 } };
    const timed = await finish(
      playgroundTrain,
      long,
      (event) => event.type === "model" && void models.push(event.model),
    );
    expect(models.length).toBeGreaterThan(0);
    expect(models[0].weights).not.toEqual(timed.model.weights);
    expect(timed.finished).toBe(true);
    expect(timed.seconds).toBeLessThan(4);
  });

  it("ends after the step under way when it is stopped, and keeps what it has", async () => {
    const stopping = new AbortController();
    const request = { ...flow, source: { toy: "moons" } as const, length: { steps: 5000 }, seed: 0 };
    const { finished, step, model } = await finish(playgroundTrain, request, () => stopping.abort(), stopping.signal);
    expect(finished).toBe(false);
    expect(step).toBeLessThan(5000);
    expect(model.weights.some((value) => value !== 0)).toBe(true);
  });

  it.each([
    [{ path: { name: "linear" }, prediction: "noise" }, ddim(5)],
    [{ path: { name: "ve", sigmaMax: 5 }, prediction: "score", weight: "sigmaSquared" }, ddim(5)],
    [
      { path: { name: "edm", sigmaMax: 10 }, prediction: "edm" },
      { name: "heun", steps: 5 },
    ],
    [{ path: { name: "gvp" }, prediction: "velocity" }, ddim(5)],
    [{ path: { name: "straightLine" }, prediction: "noise" }, ddim(5)],
    [
      { path: { name: "gvp" }, prediction: "sample" },
      { name: "probabilityFlow", steps: 5 },
    ],
  ] satisfies [PlaygroundObjective, SolverConfig][])("takes any path and prediction: %j", async (objective, solver) => {
    const source = { drawn: Float32Array.of(0.5, 0.5, -0.5, -0.5) };
    const { model } = await finish(playgroundTrain, { ...objective, source, length: { steps: 60 }, seed: 0 });
    const { x, frames } = await finish(playgroundDraw, { model, solver, seed: 0, count: 10 });
    expect(frames).toBe(6);
    expect(x.every(Number.isFinite)).toBe(true);
  });
});

describe("drawing", () => {
  it.each([
    ["ddim", flow, ddim(7)],
    [
      "ddpm, with noise in every step",
      { path: { name: "linear" }, prediction: "noise" },
      { name: "ddpm", steps: 9, clip: false },
    ],
    ["heun", { path: { name: "ve", sigmaMax: 5 }, prediction: "noise" }, { name: "heun", steps: 6 }],
  ] satisfies [string, PlaygroundObjective, SolverConfig][])(
    "ends where `sample` ends: %s",
    async (_, objective, solver) => {
      const model = untrained(objective);
      const { network, weights } = compiled(model);
      const path = pathFrom(objective.path);
      const { images } = await sample({
        network,
        weights,
        objective: { path, prediction: objective.prediction },
        runtime,
        threads: 1,
        solver: solverOf(solver),
        count: 600, // more than one run of the job's network takes
        seed: 5,
      });
      const drawn = await finish(playgroundDraw, { model, solver, seed: 5, count: 600 });
      const size = Math.max(...images.map(Math.abs));
      expect(furthest(drawn.x.slice(-1200), images) / size).toBeLessThan(1e-4);
      expect(drawn.sample.slice(-1200)).toEqual(drawn.x.slice(-1200));
    },
  );

  it("begins at the seed's noise, and every frame is the state with what is expected of it", async () => {
    const model = untrained();
    const drawn = await finish(playgroundDraw, { model, solver: ddim(4), seed: 2, count: 3 });
    expect(drawn).toMatchObject({ frames: 5, count: 3, of: 4 });
    expect([...drawn.steps]).toEqual([0, 1, 2, 3, 4]);
    expect([...drawn.t]).toEqual([1, 0.75, 0.5, 0.25, 0]);
    const { network, weights } = compiled(model);
    await using asked = new CompiledNetwork(network, weights, runtime, { threads: 1 });
    const denoiser = compiledDenoiser(asked, { path: pathFrom({ name: "straightLine" }), prediction: "flow" });
    for (let frame = 0; frame < 4; frame++) {
      const x = drawn.x.slice(6 * frame, 6 * frame + 6);
      const denoised = await denoiser.denoise(x, drawn.t[frame]);
      expect(furthest(drawn.sample.slice(6 * frame, 6 * frame + 6), denoised.sample)).toBeLessThan(1e-4);
      // DDIM on the straight line is Euler's step: x - dt (eps - x0).
      const next = x.map((value, i) => value - 0.25 * (denoised.noise[i] - denoised.sample[i]));
      expect(furthest(drawn.x.slice(6 * frame + 6, 6 * frame + 12), next)).toBeLessThan(1e-4);
    }
  });

  it("thins out many steps, and keeps the ends", async () => {
    const drawn = await finish(playgroundDraw, {
      model: untrained(),
      solver: ddim(100),
      seed: 0,
      count: 2,
      frames: 12,
    });
    expect(drawn.frames).toBeLessThanOrEqual(12);
    expect([drawn.steps[0], drawn.steps[1], drawn.steps.at(-1)]).toEqual([0, 10, 100]);
    expect(drawn.t[1]).toBeCloseTo(0.9, 12);
  });

  it("stops between two steps", async () => {
    const stopping = new AbortController();
    stopping.abort();
    const request = { model: untrained(), solver: ddim(50), seed: 0, count: 10 };
    await expect(finish(playgroundDraw, request, undefined, stopping.signal)).rejects.toThrow("aborted");
  });
});

describe("the field", () => {
  it("is -noise / sigma, and the flow of the angle, of the model's denoiser", async () => {
    const objective: PlaygroundObjective = { path: { name: "ve", sigmaMax: 5 }, prediction: "noise" };
    const model = untrained(objective);
    const field = await finish(playgroundField, { model, t: 0.6, cells: 24, half: 2 });
    const sigma = 0.01 * 500 ** 0.6;
    expect(field.sigma).toBeCloseTo(sigma, 12);
    const { network, weights } = compiled(model);
    await using asked = new CompiledNetwork(network, weights, runtime, { threads: 1 });
    const denoiser = compiledDenoiser(asked, { path: pathFrom(objective.path), prediction: "noise" });
    const r = Math.hypot(1, sigma);
    const { noise, sample: ends } = await denoiser.denoise(
      gridOf(24, 2).map((z) => r * z),
      0.6,
    );
    expect(
      furthest(
        field.score,
        noise.map((value) => -value / sigma),
      ),
    ).toBeLessThan(1e-4);
    const towards = ends.map((x0, i) => (sigma * x0 - noise[i]) / r);
    expect(furthest(field.flow, towards)).toBeLessThan(1e-4);
  });

  it("has its places in rows from the lowest y", () => {
    expect([...gridOf(2, 1)]).toEqual([-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5]);
  });

  it("is shown at the nearest time at which there is some noise", async () => {
    const field = await finish(playgroundField, { model: untrained(), t: 0, cells: 4, half: 2 });
    expect(field.sigma / field.alpha).toBeCloseTo(0.02, 9);
  });
});

describe("probability-flow lines", () => {
  it("begin at quantiles of the noise and end where the flow takes them", async () => {
    // One Gaussian N(c, s²): the flow keeps quantiles, so a line from q ends in c + s q, with s = 0.03 but for what is not learned.
    const source = { drawn: Float32Array.of(0.2, 0.1) };
    const { model } = await finish(playgroundTrain, { ...flow, source, length: { steps: 300 }, seed: 0 });
    const lines = await finish(playgroundLines, { model, side: 5 });
    expect(lines.count).toBe(25);
    const start = lines.x.slice(0, 50);
    expect(start[0]).toBeCloseTo(-1.2815515655446, 5); // the tenth percentile of N(0, 1)
    expect(start[24]).toBeCloseTo(0, 6);
    const end = lines.x.slice(-50);
    for (let i = 0; i < 25; i++) {
      expect(Math.abs(end[2 * i] - 0.2)).toBeLessThan(0.1);
      expect(Math.abs(end[2 * i + 1] - 0.1)).toBeLessThan(0.1);
    }
  });

  it("knows quantiles of the normal distribution", () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 10);
  });
});

describe("a drawn distribution", () => {
  it("is a mixture of little Gaussians about its points", async () => {
    const points = await pointsOf({ drawn: Float32Array.of(1, 0, -1, 0.5) }, 20_000, 0);
    const mean = (axis: number) => points.reduce((sum, value, i) => (i % 2 === axis ? sum + value : sum), 0) / 20_000;
    expect(mean(0)).toBeCloseTo(0, 1);
    expect(mean(1)).toBeCloseTo(0.25, 1);
    const spread = points.filter((value, i) => i % 2 === 1 && Math.abs(value) < 0.2);
    const variance = spread.reduce((sum, value) => sum + value ** 2, 0) / spread.length;
    expect(Math.sqrt(variance) / DRAWN_SPREAD).toBeCloseTo(1, 1);
    expect(await pointsOf({ drawn: Float32Array.of(1, 0) }, 5, 1)).not.toEqual(
      await pointsOf({ drawn: Float32Array.of(1, 0) }, 5, 2),
    );
  });
});

describe("what it refuses", () => {
  const model = untrained();
  const training = { ...flow, source: { toy: "moons" } as const, length: { steps: 1 }, seed: 0 };
  it.each([
    [
      "no points",
      playgroundTrain,
      { ...training, source: { drawn: new Float32Array(0) } },
      DataError,
      "1 to 20000 pairs",
    ],
    ["half a point", playgroundTrain, { ...training, source: { drawn: Float32Array.of(1, 2, 3) } }, DataError, "pairs"],
    [
      "a far point",
      playgroundTrain,
      { ...training, source: { drawn: Float32Array.of(0, 1.6) } },
      DataError,
      "y of point 1",
    ],
    [
      "no number",
      playgroundTrain,
      { ...training, source: { drawn: Float32Array.of(0, 0, Number.NaN, 0) } },
      DataError,
      "x of point 2 is NaN",
    ],
    ["an unknown toy", playgroundTrain, { ...training, source: { toy: "moon" } }, ConfigError, "moons"],
    [
      "a path without its prediction",
      playgroundTrain,
      { ...training, path: { name: "cosine", zeroTerminalSnr: true }, prediction: "noise" },
      ConfigError,
      "zero terminal SNR",
    ],
    [
      "another number of parameters",
      playgroundDraw,
      { model: { ...model, weights: new Float32Array(3) }, solver: ddim(2), seed: 0, count: 1 },
      CheckpointError,
      "the model brings 3",
    ],
    [
      "a solver of another path",
      playgroundDraw,
      { model, solver: { name: "ddpm" }, seed: 0, count: 1 },
      ConfigError,
      "ddpm",
    ],
    ["no points to draw", playgroundDraw, { model, solver: ddim(2), seed: 0, count: 0 }, ConfigError, "count"],
    ["one frame", playgroundDraw, { model, solver: ddim(2), seed: 0, count: 1, frames: 1 }, ConfigError, "frames"],
    ["a grid of one cell", playgroundField, { model, t: 0.5, cells: 1, half: 1 }, ConfigError, "cells"],
    ["no time", playgroundField, { model, t: Number.NaN, cells: 4, half: 1 }, ConfigError, "NaN"],
    ["no lines", playgroundLines, { model, side: 0 }, ConfigError, "side"],
  ])("%s", async (_, job, request, kind, words) => {
    const work = finish(job as Job<unknown, unknown, unknown>, request);
    await expect(work).rejects.toThrow(words);
    await expect(finish(job as Job<unknown, unknown, unknown>, request)).rejects.toBeInstanceOf(kind);
  });
});

describe("the noise end, where a prediction may not tell the sample", () => {
  const end = (objective: PlaygroundObjective) => {
    const asked: number[] = [];
    const path = pathFrom(objective.path);
    const denoise = async (x: Float32Array, at: number | Level) => {
      asked.push(typeof at === "number" ? at : at.t);
      return { sample: x, noise: x };
    };
    void besideTheEnd({ path, denoise }, predictionFrom(objective.prediction)).denoise(
      Float32Array.of(1),
      path.span[1],
    );
    return asked[0];
  };
  it("is asked a little beside it", () => {
    expect(end({ path: { name: "straightLine" }, prediction: "noise" })).toBe(0.999);
    expect(end({ path: { name: "continuousCosine" }, prediction: "score" })).toBe(0.999);
  });
  it("is asked there where the prediction tells it", () => {
    expect(end(flow)).toBe(1);
    expect(end({ path: { name: "continuousVp" }, prediction: "noise" })).toBe(1);
    expect(end({ path: { name: "linear" }, prediction: "noise" })).toBe(999);
  });
});
