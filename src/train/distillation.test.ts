/**
 * Every way to few steps, through `train` itself: on Gaussian data a student learns what its closed-form teacher does, and
 * a run that was interrupted ends as one that was not.
 */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { consistencyLevels, consistencyScalings } from "../diffusion/distillation/consistency.ts";
import { huberConstant } from "../diffusion/distillation/consistency-schedules.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import { consistency as consistencySolver } from "../diffusion/solvers/consistency.ts";
import { ddim } from "../diffusion/solvers/ddim.ts";
import { solve } from "../diffusion/solvers/solver.ts";
import { gaussianDenoiser } from "../diffusion/testing/gaussian.ts";
import { gaussianBatchDenoiser, gaussianConsistency } from "../diffusion/testing/gaussian-batch.ts";
import type { ImageNetwork } from "../models/network.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { networkFrom } from "./network-config.ts";
import { makePairs, pairsDataset } from "./pairs.ts";
import { Teacher } from "./teacher.ts";
import { denoiserFor, gaussianData, smallMlp } from "./testing/gaussian-data.ts";
import { tinyData, tinyNetwork, tinyRun } from "./testing/tiny.ts";
import { type Training, type TrainOptions, train } from "./train.ts";

const gaussian = { mean: 0.3, std: 0.5 };
const line = { name: "straightLine" } as const;
const cosine = { name: "continuousCosine" } as const;

function smallRun(options: Partial<TrainOptions> & Pick<TrainOptions, "objective">): TrainOptions {
  return {
    network: smallMlp(),
    data: gaussianData(gaussian),
    runtime: nodeRuntime(),
    steps: 400,
    batch: 128,
    learningRate: { peak: 5e-3, warmup: 20, decay: "cosine" },
    ema: { decay: 0.95 },
    seed: 1,
    threads: 1,
    ...options,
  };
}

async function finished(training: Training): Promise<{ training: Training; losses: number[] }> {
  const losses: number[] = [];
  for await (const { loss } of training) losses.push(loss);
  return { training, losses };
}

/** The largest difference of two lists of points. */
const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** Starts that cover two standard deviations, as [N, 2, 1, 1]. */
const starts = Float32Array.from({ length: 18 }, (_, i) => -2 + (4 * i) / 17);
const request = { shape: [9, 2, 1, 1], seed: 0, initial: starts };

/** The flow of the straight line takes z to mean + std z. */
const ends = (z: Float32Array) => z.map((value) => gaussian.mean + gaussian.std * value);

function gaussianPairs(size = 1024) {
  const images = new Float32Array(2 * size);
  for (let i = 0; i < size; i++) images.set(ends(Random.from(0, "sample", i).normals(2)), 2 * i);
  return pairsDataset({ name: "pairs", imageShape: [2, 1, 1], images, seed: 0 });
}

describe("a student of Gaussian data", () => {
  it("learns the map from noise to data in one step (knowledge)", async () => {
    const data = gaussianPairs();
    const objective = objectiveFrom({ path: line, prediction: "flow", loss: "knowledge" });
    const run = smallRun({ objective, data });
    const { training, losses } = await finished(train(run));
    expect(losses.at(-1)!).toBeLessThan(1e-3);
    expect(losses[0]).toBeCloseTo(0.34, 1); // E (z - 0.3 - 0.5 z)², of a fresh network that gives 0
    const student = denoiserFor(run.network, training.average, objective);
    const drawn = await solve(ddim({ steps: 1, clip: false }), student, request);
    expect(apart(drawn, ends(starts))).toBeLessThan(0.15);
  });

  it("straightens its paths with pairs and the plain loss (reflow)", async () => {
    const data = gaussianPairs();
    const objective = objectiveFrom({ path: line, prediction: "flow" });
    const run = smallRun({ objective, data });
    const { training, losses } = await finished(train(run));
    // Pairs of a straight flow leave nothing to guess: without pairs the loss cannot fall below 0.2 here.
    expect(losses.at(-1)!).toBeLessThan(2e-3);
    const student = denoiserFor(run.network, training.average, objective);
    for (const steps of [1, 4]) {
      const drawn = await solve(ddim({ steps, clip: false }), student, request);
      expect(apart(drawn, ends(starts))).toBeLessThan(0.25);
    }
  });

  it("takes the two steps that its teacher takes as four (progressive)", async () => {
    const objective = objectiveFrom({
      path: cosine,
      prediction: "v",
      weight: "truncatedSnr",
      loss: { name: "progressive", steps: 2 },
    });
    const run = smallRun({ objective, teacher: gaussianBatchDenoiser(gaussian, objective.path) });
    const { training, losses } = await finished(train(run));
    expect(losses.at(-1)!).toBeLessThan(2e-3);
    const student = await solve(
      ddim({ steps: 2, clip: false }),
      denoiserFor(run.network, training.average, objective),
      request,
    );
    const teacher = gaussianDenoiser(gaussian, objective.path);
    expect(apart(student, await solve(ddim({ steps: 4, clip: false }), teacher, request))).toBeLessThan(0.05);
    // and not those of a teacher of two
    expect(apart(student, await solve(ddim({ steps: 2, clip: false }), teacher, request))).toBeGreaterThan(0.1);
  });

  it.each([
    [cosine, "v", { name: "consistencyDistillation", levels: 12, spacing: "time", targetDecay: 0, rule: "ddim" }],
    [cosine, "v", { name: "consistencyDistillation", levels: 8, spacing: "time", targetDecay: 0.5, rule: "heun" }],
    [
      { name: "edm", sigmaMin: 0.01, sigmaMax: 10 },
      { name: "consistency", sigmaMin: 0.01 },
      { name: "consistencyTraining", levels: 80, firstLevels: 10 },
    ],
  ] as const)("learns the end of every trajectory on %j from %j by %j", async (path, prediction, loss) => {
    const objective = objectiveFrom({ path, prediction, loss });
    const teacher = loss.name === "consistencyTraining" ? undefined : gaussianBatchDenoiser(gaussian, objective.path);
    const run = smallRun({ objective, teacher, steps: 500, network: smallMlp({ timeScale: 0.1 }) });
    const { training } = await finished(train(run));
    const student = denoiserFor(run.network, training.average, objective);
    const exact = gaussianConsistency(gaussian, objective.path);
    const [least, most] = objective.path.span;
    for (const t of [most, least + 0.1 * (most - least)]) {
      const { alpha, sigma } = objective.path.at(t);
      const x = starts.map((z) => alpha * gaussian.mean + Math.hypot(alpha * gaussian.std, sigma) * z);
      const found = (await student.denoise(x, t)).sample;
      expect(apart(found, (await exact.denoise(x, t)).sample)).toBeLessThan(0.25);
    }
    const solver = consistencySolver({ times: [most], clip: false });
    const [drawn, wanted] = [await solve(solver, student, request), await solve(solver, exact, request)];
    expect(apart(drawn, wanted)).toBeLessThan(0.25);
  });
});

describe("the consistency loss", () => {
  it("of a fresh network is that of the scaled inputs alone", async () => {
    // A fresh MLP gives 0, so f = fromX x, and the loss of the first step can be worked out on the host.
    const objective = objectiveFrom({
      path: { name: "edm" },
      prediction: "consistency",
      loss: { name: "consistencyTraining", growth: "fixed", levels: 10, times: "uniform" },
    });
    const run = smallRun({ objective, batch: 4, steps: 1 });
    const { losses } = await finished(train(run));
    const levels = consistencyLevels(objective.path, 10, "karras");
    const fromX = levels.map((level) => consistencyScalings(objective.prediction, objective.path, level).fromX);
    const random = Random.from(1, "time", 1);
    const noise = Random.from(1, "noise", 1).normals(8);
    const order = Random.from(1, "order", 0).permutation(4096);
    const { images } = await run.data.read([...order.slice(0, 4)]);
    const c = huberConstant(2);
    let expected = 0;
    for (let i = 0; i < 4; i++) {
      const n = random.integer(9);
      const [far, near] = [levels[n].sigma, levels[n + 1].sigma];
      const f = (at: number, sigma: number, k: number) => fromX[at] * (images[k] + sigma * noise[k]);
      const squares = [2 * i, 2 * i + 1].map((k) => (f(n, far, k) - f(n + 1, near, k)) ** 2);
      expected += (Math.sqrt(squares[0] + squares[1] + c * c) - c) / (far - near) / 4;
    }
    expect(losses[0] / expected).toBeCloseTo(1, 4);
  });
});

const tiny = { path: cosine, prediction: "v" } as const;

/** For images of the tiny data, quicker to compile than the tiny U-Net. */
const tinyMlp = () => networkFrom({ mlp: { imageShape: [1, 8, 8], width: 16, blocks: 1, classes: 4 } });

/** A teacher of classes, guided. */
function tinyTeacher(network: ImageNetwork = tinyMlp()) {
  return new Teacher({
    network,
    weights: Weights.initial(network, 8),
    objective: objectiveFrom(tiny),
    runtime: nodeRuntime(),
    threads: 1,
    guidance: 1.5,
  });
}

describe("a distillation that was interrupted", () => {
  it.each([
    [{ name: "progressive", steps: 4 }, tinyMlp()],
    [{ name: "consistencyDistillation", spacing: "time", targetDecay: 0.9, growth: "root", levels: 20 }, tinyMlp()],
    [{ name: "consistencyTraining", spacing: "time", levels: 40, firstLevels: 5 }, tinyNetwork()], // has dropout
  ])("ends as one that was not, to the bit (%j)", async (loss, network) => {
    await using teacher = tinyTeacher();
    const options = tinyRun({ network, objective: objectiveFrom({ ...tiny, loss }), teacher, steps: 6 });
    const whole = await finished(train(options));
    const first = train(options);
    const losses: number[] = [];
    for await (const tick of first) {
      losses.push(tick.loss);
      if (tick.step === 3) break;
    }
    await using again = tinyTeacher();
    const second = await finished(train({ ...options, teacher: again, from: first.state() }));
    expect([...losses, ...second.losses]).toEqual(whole.losses);
    expect(second.training.state().slabs).toEqual(whole.training.state().slabs);
  });

  it("ends so with pairs as well, which are the same when they are made again", async () => {
    const pairs = async () => {
      await using teacher = tinyTeacher();
      const solver = ddim({ steps: 2 });
      return pairsDataset(await makePairs({ teacher, solver, count: 10, batch: 4, classes: ["a", "b", "c"] }));
    };
    const objective = objectiveFrom({ ...tiny, loss: "knowledge" });
    const options = tinyRun({ network: tinyMlp(), objective, labelDrop: 0, steps: 6 });
    const whole = await finished(train({ ...options, data: await pairs() }));
    const first = train({ ...options, data: await pairs() });
    for await (const { step } of first) if (step === 3) break;
    const second = await finished(train({ ...options, data: await pairs(), from: first.state() }));
    expect(second.training.state().slabs).toEqual(whole.training.state().slabs);
  });
});

describe("pairs", () => {
  it("are the teacher's images, each with its noise and label, however they are cut into batches", async () => {
    await using teacher = tinyTeacher();
    const solver = ddim({ steps: 2 });
    const classes = ["a", "b", "c"];
    const data = pairsDataset(await makePairs({ teacher, solver, count: 5, batch: 2, classes, seed: 3 }));
    expect(data).toMatchObject({ size: 5, channels: 1, height: 8, width: 8, paired: true });
    const { images, noise, labels } = await data.read([4, 1]);
    expect([...labels!]).toEqual([1, 1]);
    expect([...noise!.subarray(0, 64)]).toEqual([...Random.from(3, "sample", 4).normals(64)]);
    const condition = { classLabels: Int32Array.of(1) };
    const own = await solve(solver, teacher, { shape: [1, 1, 8, 8], seed: 3, firstImage: 4, condition });
    expect(apart(images.subarray(0, 64), own)).toBeLessThan(1e-5);
  });

  it("need the classes of their teacher", async () => {
    await using teacher = tinyTeacher();
    await expect(makePairs({ teacher, solver: ddim({ steps: 1 }), count: 1 })).rejects.toThrow(/give the names/);
  });
});

describe("a teacher", () => {
  it("is guided per image as a solver's denoiser is", async () => {
    await using teacher = tinyTeacher();
    const x = Random.from(2).normals(128);
    const condition = { classLabels: Int32Array.of(0, 2) };
    const levels = [0.3, 0.9].map(teacher.path.at);
    const { sample } = await teacher.denoiseEach(x, levels, condition);
    for (const n of [0, 1]) {
      const one = await teacher.denoise(x.slice(64 * n, 64 * n + 64), levels[n], {
        classLabels: condition.classLabels.slice(n, n + 1),
      });
      expect(apart(sample.subarray(64 * n, 64 * n + 64), one.sample)).toBeLessThan(1e-5);
    }
  });

  it("refuses guidance without classes", () => {
    const network = smallMlp();
    const options = { network, weights: Weights.initial(network, 0), runtime: nodeRuntime() };
    expect(() => new Teacher({ ...options, objective: objectiveFrom(tiny), guidance: 2 })).toThrow(ConfigError);
  });
});

describe("what does not fit", () => {
  const teacher = gaussianBatchDenoiser(gaussian, objectiveFrom(tiny).path);
  const begin = (objective: object, options: Partial<TrainOptions> = {}) =>
    train(tinyRun({ objective: objectiveFrom({ ...tiny, ...objective }), ...options }));

  it.each([
    [{ loss: { name: "progressive", steps: 4 } }, {}, /needs a teacher.*--teacher/],
    [{ path: line, prediction: "flow", loss: "consistencyDistillation" }, { teacher }, /teacher's path is .*Cosine/],
    [{ prediction: "noise", loss: { name: "progressive", steps: 4 } }, { teacher }, /hardly tells the sample/],
    [{ loss: "knowledge" }, { data: tinyData() }, /tiny has images alone.*teacherPairs/],
    [{ loss: "consistencyTraining" }, {}, /use the spacing "time"/],
    [
      { weight: "truncatedSnr", loss: { name: "consistencyTraining", spacing: "time" } },
      {},
      /objective's must be "simple", not "truncatedSnr"/,
    ],
  ])("%j is refused", (objective, options, message) => {
    expect(() => begin(objective, options)).toThrow(ConfigError);
    expect(() => begin(objective, options)).toThrow(message);
  });

  it.each([
    [{ name: "progressive" }, /steps is missing/],
    [{ name: "progressive", steps: 0 }, /integer from 1/],
    [{ name: "consistencyTraining", levels: 1 }, /integer from 2/],
    [{ name: "consistencyTraining", step: 1 }, /unknown option "step"/],
    [{ name: "consistencyTraining", spacing: "time", firstLevels: 50, levels: 20 }, /from 1 to the last, 20/],
  ])("%j is refused", (loss, message) => {
    expect(() => begin({ loss })).toThrow(ConfigError);
    expect(() => begin({ loss })).toThrow(message);
  });
});
