import { describe, expect, it } from "vitest";
import { ConfigError, NotFiniteError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { batches } from "../data/batches.ts";
import { objectiveFrom } from "../diffusion/index.ts";
import type { Objective } from "../diffusion/objective.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import type { Feeds, Runtime } from "../runtime/session.ts";
import { drawStep, dropLabels } from "./draw.ts";
import { alone, type Group, gather, gatherTexts, shareText } from "./group.ts";
import type { LossDraw } from "./losses/loss.ts";
import { lossOf } from "./losses/registry.ts";
import { checkAgreement, partOf, SHARED_EVERY } from "./ranks.ts";
import { slabNames, type TrainingState } from "./state.ts";
import { gaussianData, smallMlp as pointNetwork } from "./testing/gaussian-data.ts";
import { stepOf } from "./testing/loss.ts";
import { memoryGroups, onRanks } from "./testing/memory-group.ts";
import { tinyData, tinyNetwork, tinyRun } from "./testing/tiny.ts";
import { type Tick, type TrainOptions, train } from "./train.ts";

/** Trains to the end; what came of it. */
async function finish(options: TrainOptions) {
  const training = train(options);
  const ticks: Tick[] = [];
  for await (const tick of training) ticks.push(tick);
  return { ticks, state: training.state() };
}

/** What must be the same of two states; the slabs one by one, for a list of all that differs would fill pages. */
function expectSame(found: TrainingState, expected: TrainingState) {
  const told = ({ layout: _, slabs: __, seconds: ___, ...rest }: TrainingState) => rest;
  expect(told(found)).toEqual(told(expected));
  expect(largestDifference(found, expected)).toBe(0);
}

function largestDifference({ slabs: a }: TrainingState, { slabs: b }: TrainingState): number {
  const of = (x: readonly Float32Array[], y: readonly Float32Array[]) =>
    x.flatMap((slab, i) => Array.from(slab, (value, k) => Math.abs(value - y[i][k])));
  return slabNames.flatMap((name) => of(a[name], b[name])).reduce((most, value) => Math.max(most, value), 0);
}

const onAll = (size: number, options: Partial<TrainOptions>) =>
  onRanks(size, (group) => finish(tinyRun({ ...options, group })));

describe("ranks that train together", () => {
  const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise", offsetNoise: 0.1 });

  it.each([2, 3])("%i of them have, to the bit, what one process with that many replicas has", async (size) => {
    const whole = await finish(tinyRun({ objective, batch: 4 * size, replicas: size, accumulate: 1 }));
    const ranks = await onAll(size, { objective, batch: 4, replicas: 1 });
    for (const { state, ticks } of ranks) {
      expectSame(state, whole.state);
      for (const [i, { loss, gradientNorm }] of whole.ticks.entries()) {
        expect(ticks[i].loss).toBeCloseTo(loss, 6); // another order of the sum
        expect(ticks[i].gradientNorm).toBe(gradientNorm);
      }
    }
    expect(whole.state.examples).toBe(12 * 4 * size);
  });

  it("with accumulation and replicas have what one process has that accumulates more", async () => {
    // No parameter whose gradient is nothing but rounding, as those that a norm cancels: Adam would make it large.
    const points = { network: pointNetwork(), data: gaussianData({ mean: 1, std: 0.5 }), labelDrop: 0 };
    const whole = await finish(tinyRun({ ...points, batch: 2, accumulate: 8, replicas: 1 }));
    const [{ state }] = await onAll(2, { ...points, batch: 4, accumulate: 2, replicas: 2, threads: 2 });
    expect(state.examples).toBe(whole.state.examples);
    expect(state.lossByNoise.map(({ count }) => count)).toEqual(whole.state.lossByNoise.map(({ count }) => count));
    expect(largestDifference(state, whole.state)).toBeLessThan(1e-5); // sums in another order, after Adam
  });

  it("share what times that adapt have seen", async () => {
    const adaptive = objectiveFrom({
      path: { name: "linear", timesteps: 6 },
      prediction: "noise",
      time: { name: "lossSecondMoment", timesteps: 6, length: 2 },
    } as never);
    const whole = await finish(tinyRun({ objective: adaptive, batch: 8, replicas: 2 }));
    const ranks = await onAll(2, { objective: adaptive, batch: 4, replicas: 1 });
    expect(whole.state.history!.counts.every((count) => count >= 2)).toBe(true);
    for (const { state } of ranks) expect(state.history).toEqual(whole.state.history);
  });

  it("go on with another number of ranks, from the state that rank 0 has", async () => {
    const whole = await finish(tinyRun({ batch: 12, replicas: 3, steps: 12 }));
    const halted = await onRanks(3, async (group) => {
      const training = train(tinyRun({ batch: 4, replicas: 1, steps: 12, group }));
      for await (const { step } of training) if (step === 7) break;
      return training.state();
    });
    // Twelve images a step as before: two ranks of six.
    const [first, second] = await onRanks(2, (group) =>
      finish(tinyRun({ batch: 6, replicas: 1, steps: 12, group, from: group.rank === 0 ? halted[0] : undefined })),
    );
    expect(first.ticks.map(({ step }) => step)).toEqual([8, 9, 10, 11, 12]);
    expectSame(first.state, second.state);
    expect(first.state.examples).toBe(whole.state.examples);
    expect(first.ticks.at(-1)!.loss).toBeCloseTo(whole.ticks.at(-1)!.loss, 1); // other dropout masks
  });

  it("end together when one of them is asked to stop, and plan the same steps in a budget of time", async () => {
    const stopped = await onRanks(3, async (group) => {
      const controller = new AbortController();
      const training = train(tinyRun({ group, steps: 50, signal: controller.signal }));
      for await (const { step } of training) if (step === 4 && group.rank === 2) controller.abort();
      return training.step;
    });
    expect(stopped).toEqual([5, 5, 5]);
    const planned = await onAll(2, { steps: 100_000, budgetSeconds: 0.3 });
    expect(planned[0].state.step).toBe(planned[1].state.step);
    expect(planned[0].state.seconds).toBe(planned[1].state.seconds);
    expect(planned[0].state.step).toBeLessThan(100_000);
  });

  it("all raise the error of a loss that is not finite on one of them", async () => {
    const data = tinyData();
    const bad = { ...data, read: async (indices: ArrayLike<number>) => blank(await data.read(indices)) };
    const blank = (batch: Awaited<ReturnType<typeof data.read>>) => ({
      ...batch,
      images: batch.images.fill(Number.NaN),
    });
    const ended = await onRanks(2, (group) =>
      finish(tinyRun({ group, data: group.rank === 1 ? bad : data })).catch((error) => error),
    );
    for (const error of ended) expect(error).toBeInstanceOf(NotFiniteError);
    expect(ended[0].message).toContain("loss of step 1 is NaN");
  });

  it("say in what they differ", async () => {
    const runs = (other: (group: Group) => Partial<TrainOptions>) =>
      onRanks(2, (group) => finish(tinyRun({ group, ...other(group) })).catch((error) => error));
    const [first, second] = await runs(({ rank }) => ({ batch: 4 + rank }));
    expect(first).toBeInstanceOf(ConfigError);
    expect(first.message).toContain(
      "rank 1 trains with another batch than rank 0; start every rank with the same command",
    );
    expect(second.message).toContain("another batch than rank 0: 5 instead of 4;");
    const [data] = await runs(({ rank }) => ({ data: tinyData(13 + rank) }));
    expect(data.message).toContain("another data set");
    const [network] = await runs(({ rank }) => ({ network: tinyNetwork({ block_out_channels: [4, 8 + 8 * rank] }) }));
    expect(network.message).toContain("another network");
    // How a rank uses its machine is its own affair.
    const apart = await runs(({ rank }) => ({ replicas: 1 + rank, threads: 1 + rank }));
    expect(largestDifference(apart[0].state, apart[1].state)).toBeLessThan(1e-5);
  });

  it("divide the threads of a machine, where nothing else is asked", async () => {
    const asked: (number | undefined)[] = [];
    const runtime = nodeRuntime();
    const spy = {
      ...runtime,
      compile: (...[graph, options]: Parameters<typeof runtime.compile>) => {
        asked.push(options?.threads);
        return runtime.compile(graph, options);
      },
    };
    const [group] = memoryGroups(1);
    await finish(tinyRun({ runtime: spy, threads: undefined, group: { ...group, threads: 3 }, steps: 1 }));
    await finish(tinyRun({ runtime: spy, threads: 2, group: { ...group, threads: 3 }, steps: 1 }));
    expect(asked).toEqual([3, 2]);
  });
});

it("ranks on unlike machines, whose last bits differ, take the state of rank 0 from time to time", async () => {
  const runtime = nodeRuntime();
  /** A machine that rounds the norm of the gradient in its own way. */
  const unlike = {
    ...runtime,
    async compile(...given: Parameters<typeof runtime.compile>) {
      const session = await runtime.compile(...given);
      const run = session.run.bind(session);
      return Object.assign(session, {
        run: async (feeds: Feeds) => {
          const results = await run(feeds);
          const { "next.parameters.0": parameters } = results;
          return parameters ? { ...results, "next.parameters.0": parameters.map((x) => x * (1 + 1e-6)) } : results;
        },
      });
    },
  } as Runtime;
  const options = { network: pointNetwork(), data: gaussianData({ mean: 0, std: 1 }), labelDrop: 0, batch: 1 };
  const states = await onRanks(2, async (group) => {
    const training = train(
      tinyRun({ ...options, group, runtime: group.rank === 1 ? unlike : runtime, steps: SHARED_EVERY }),
    );
    const seen: TrainingState[] = [];
    for await (const { step } of training) if (step >= SHARED_EVERY - 1) seen.push(training.state());
    return seen;
  });
  expect(largestDifference(states[0][0], states[1][0])).toBeGreaterThan(0);
  expectSame(states[0][1], states[1][1]);
});

describe("what is drawn for a part of a step", () => {
  const imageShape = [1, 3, 5]; // odd, so that parts begin within a pair of normal numbers
  const size = sizeOf(imageShape);

  it("is that of the whole: noise, offsets, dropout, dropped labels", () => {
    const options = { seed: 4, step: 9, imageShape, offsetNoise: 0.3 };
    const whole = drawStep({ ...options, count: 9, runs: 3 });
    const labels = Int32Array.from({ length: 9 }, (_, i) => i);
    const drop = { seed: 4, step: 9, labelDrop: 0.5, nullClass: -1 };
    for (const rank of [0, 1, 2]) {
      const part = partOf({ ...alone, rank, size: 3 }, 3);
      const own = drawStep({ ...options, count: 3, runs: 1, part });
      expect(own.noise).toEqual(whole.noise.slice(rank * 3 * size, (rank + 1) * 3 * size));
      expect(own.dropoutSeeds).toEqual(whole.dropoutSeeds.slice(rank * 2, (rank + 1) * 2));
      expect(dropLabels(labels.slice(3 * rank, 3 * rank + 3), { ...drop, part })).toEqual(
        dropLabels(labels, drop).slice(3 * rank, 3 * rank + 3),
      );
    }
  });

  const vp = { path: { name: "cosine" }, prediction: "v" };
  const teacher = (objective: Objective) => ({
    path: objective.path,
    imageShape,
    predict: async (x: Float32Array) => ({ sample: x.map((v) => v / 2), noise: x.map((v) => v / 3) }),
  });
  it.each([
    ["simple", { ...vp, time: { name: "stratified", timesteps: 1000 } }],
    ["hybrid", { path: { name: "linear" }, prediction: "noise", loss: "hybrid" }],
    ["vdm", { path: { name: "learned" }, prediction: "noise", loss: "vdm", time: { name: "stratified" } }],
    ["slicedScore", { path: { name: "ve" }, prediction: "score", loss: "slicedScore" }],
    ["consistencyTraining", { path: { name: "edm" }, prediction: "edm", loss: "consistencyTraining" }],
  ] as [string, Record<string, unknown>][])("is that of the whole: the loss %s", async (_, config) => {
    const objective = objectiveFrom(config as never);
    const count = 8;
    const numbers = (from: number) => Float32Array.from({ length: count * size }, (_, i) => Math.sin(i + from));
    const [images, noise] = [numbers(0), numbers(1)];
    // The schedule of a loss that learns one begins at zeros.
    const state = { layout: { entries: [] }, slabs: { parameters: [] } };
    const draws = async (rank: number, ranks: number): Promise<LossDraw> => {
      const loss = lossOf(objective, teacher(objective) as never);
      const n = count / ranks;
      const cut = (values: Float32Array) => values.slice(rank * n * size, (rank + 1) * n * size);
      const step = stepOf({ images: cut(images), noise: cut(noise), imageShape, step: 3, state });
      return await loss.draw({ ...step, count: n, part: partOf({ ...alone, rank, size: ranks }, n) });
    };
    const whole = await draws(0, 1);
    const parts = [await draws(0, 2), await draws(1, 2)];
    expect([...parts[0].times, ...parts[1].times]).toEqual([...whole.times]);
    expect(new Set(whole.times).size).toBeGreaterThan(1);
    for (const [name, values] of Object.entries(whole.feeds)) {
      expect([...parts[0].feeds[name], ...parts[1].feeds[name]], name).toEqual([...values]);
    }
  });

  it("is that of the whole: the examples of a stream", async () => {
    const data = tinyData();
    const take = async (options: Parameters<typeof batches>[1], count: number) => {
      const taken = [];
      for await (const batch of batches(data, options)) if (taken.push(batch) === count) break;
      return taken;
    };
    const whole = await take({ batch: 6, seed: 1, from: 5 }, 3);
    const ranks = await Promise.all(
      [0, 1].map((rank) => take({ batch: 3, stride: 6, seed: 1, from: 5 + 3 * rank }, 3)),
    );
    for (const [i, { images, labels }] of whole.entries()) {
      expect([...ranks[0][i].images, ...ranks[1][i].images]).toEqual([...images]);
      expect([...ranks[0][i].labels!, ...ranks[1][i].labels!]).toEqual([...labels!]);
    }
    expect(() => batches(data, { batch: 4, stride: 3, seed: 1 })).toThrow(ConfigError);
  });
});

describe("a group", () => {
  it("of one gives back what it is given", async () => {
    expect(await gather(alone, [1, 2])).toEqual([Float64Array.of(1, 2)]);
    expect(await gatherTexts(alone, "é")).toEqual(["é"]);
    expect(await shareText(alone, "x")).toBe("x");
    await checkAgreement(alone, { any: 1 });
  });

  it("gathers numbers and texts in the order of the ranks, and shares those of rank 0", async () => {
    const found = await onRanks(3, async (group) => ({
      numbers: await gather(group, [group.rank, Number.NaN, -0.5]),
      texts: await gatherTexts(group, "ü".repeat(group.rank)),
      shared: await shareText(group, group.rank === 0 ? "from 0 ✓" : "another, longer than that"),
    }));
    for (const { numbers, texts, shared } of found) {
      expect(numbers).toEqual([0, 1, 2].map((rank) => Float64Array.of(rank, Number.NaN, -0.5)));
      expect(texts).toEqual(["", "ü", "üü"]);
      expect(shared).toBe("from 0 ✓");
    }
  });
});
