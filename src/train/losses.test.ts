/**
 * Losses beside the simple one in whole runs: that a run which is saved to disk, loaded and taken up again ends as one
 * that was not, to the bit, with what adaptive times have seen and with the trained parts of a loss; in one graph and in
 * several.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointError } from "../core/errors.ts";
import { objectiveFrom } from "../diffusion/objective.ts";
import { add, detach, mean, square, sub } from "../graph/ops.ts";
import { readBytes, writeFileAtomic } from "../io/files.node.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import { Weights } from "../nn/weights.ts";
import { loadCheckpoint, STATE_FILE, saveCheckpoint } from "./checkpoint.node.ts";
import { drawStep } from "./draw.ts";
import type { Loss } from "./losses/loss.ts";
import { mix } from "./losses/loss.ts";
import { lossOf } from "./losses/registry.ts";
import { simpleLoss } from "./losses/simple.ts";
import { loadModel, saveModel } from "./model-folder.node.ts";
import { describeNetwork } from "./network-config.ts";
import { emptyBuckets, intoBuckets } from "./noise-buckets.ts";
import { createRun } from "./runs.node.ts";
import { weightsOf } from "./state.ts";
import { tinyNetwork, tinyObjective, tinyRun } from "./testing/tiny.ts";
import { type TrainOptions, train } from "./train.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-losses-"));
});
afterAll(() => rm(folder, { recursive: true }));

const learnedPath = { name: "learned", offset: -8, slope: 12, networkRange: [-8, 4] };
const vdm = (more: object) => ({
  objective: objectiveFrom({
    path: learnedPath,
    prediction: "noise",
    time: { name: "stratified" },
    loss: { name: "vdm", gamma: "network", hidden: 8, decoder: "gaussian", ...more },
  }),
  network: tinyNetwork(),
});

/** With so few timesteps that all have their losses, and importance sampling begins, before the run is cut in two. */
const hybrid = {
  objective: objectiveFrom({
    path: { name: "cosine", timesteps: 4 },
    prediction: "noise",
    time: { name: "lossSecondMoment", timesteps: 4, length: 2 },
    loss: "hybrid",
    offsetNoise: 0.1,
  }),
  network: tinyNetwork({ out_channels: 2 }),
};

const kinds: Record<string, Partial<TrainOptions>> = {
  "the hybrid loss with importance sampling": hybrid,
  "the same, accumulated": { ...hybrid, accumulate: 2, batch: 2 },
  "a VDM with a learned schedule": vdm({}),
  "the same in replicas": { ...vdm({}), accumulate: 2, batch: 2, replicas: 2, threads: 2 },
  "sliced scores": {
    objective: objectiveFrom({
      path: { name: "ve" },
      prediction: "score",
      weight: "sigmaSquared",
      loss: "slicedScore",
    }),
    network: tinyNetwork({
      attention_head_dim: 4,
      down_block_types: ["DownBlock2D", "DownBlock2D"],
      up_block_types: ["UpBlock2D", "UpBlock2D"],
      add_attention: false,
    }),
  },
};

async function lossesOf(options: Partial<TrainOptions>, until: number) {
  const training = train(tinyRun({ steps: 12, ...options }));
  const losses: number[] = [];
  for await (const { loss, step } of training) {
    losses.push(loss);
    if (step === until) break;
  }
  return { losses, training };
}

describe("a run through a checkpoint ends as one that was not interrupted", () => {
  it.each(Object.keys(kinds))("%s", async (name) => {
    const { network, objective, ...rest } = kinds[name];
    const options = { network, objective, ...rest } as Partial<TrainOptions> &
      Pick<TrainOptions, "network" | "objective">;
    const whole = await lossesOf(options, 12);
    const begun = await lossesOf(options, 7);
    await saveCheckpoint(folder, options.network, begun.training.state());
    const from = await loadCheckpoint(folder, options.network, lossOf(options.objective).module);
    expect(from.history).toEqual(begun.training.state().history);
    const resumed = await lossesOf({ ...options, from }, 12);
    expect([...begun.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(whole.losses.every(Number.isFinite)).toBe(true);
    const [a, b] = [whole.training.state(), resumed.training.state()];
    expect(b.slabs).toEqual(a.slabs);
    expect([b.history, b.lossByNoise]).toEqual([a.history, a.lossByNoise]);
    if (objective!.time.adaptive) {
      expect(a.history!.counts.reduce((x, y) => x + y)).toBe(48);
      // Importance sampling had begun by then: without it the rest of the run is another.
      expect(begun.training.state().history!.counts.every((count) => count >= 2)).toBe(true);
      const { history: _, ...forgetful } = from;
      expect((await lossesOf({ ...options, from: forgetful }, 12)).losses).not.toEqual(resumed.losses);
    }
  });
});

describe("a learned schedule", () => {
  it("trains with the network and is sampled with", async () => {
    const { training } = await lossesOf({ ...vdm({}), learningRate: { peak: 1e-2 }, ema: { decay: 0 } }, 12);
    const { path, prediction } = training.objective;
    expect([path.name, prediction.name]).toEqual(["learned", "noise"]);
    expect(Math.abs(path.logSnr(0) - 8)).toBeGreaterThan(1e-3);
    expect(path.networkTime(1)).toBeCloseTo(1000, 6);
    // Its interior bends: the middle is not the mean of the ends.
    expect(Math.abs(path.logSnr(0.5) - (path.logSnr(0) + path.logSnr(1)) / 2)).toBeGreaterThan(1e-4);
    const fixed = train(tinyRun({ ...vdm({ gamma: "fixed" }) }));
    expect(fixed.objective.path.logSnr(0)).toBe(8);
    // The ends stay where they are when they are told to.
    const still = (await lossesOf({ ...vdm({ ends: false }), learningRate: { peak: 1e-2 } }, 4)).training;
    expect(still.objective.path.logSnr(0)).toBe(8);
    expect(still.objective.path.logSnr(1)).toBeCloseTo(-4, 12);
  });

  it("leaves the network's beginning as it is, and is left out where only the network is wanted", async () => {
    const { training } = await lossesOf(vdm({}), 1);
    const begin = train(tinyRun(vdm({}))).state();
    const network = vdm({}).network;
    const alone = Weights.initial(network, 3).slabs[0];
    expect(begin.slabs.parameters[0].subarray(0, alone.length)).toEqual(alone);
    // A model's files say which path their weights stand for; so does the state, where there is nothing else.
    await createRun(folder, {
      langevin: "0",
      seed: 3,
      network: describeNetwork(network),
      objective: { ...vdm({}).objective.toJSON() },
      data: {},
      training: {},
    });
    await saveCheckpoint(folder, network, training.state());
    const expected = JSON.parse(JSON.stringify(training.objective.path));
    expect((await loadModel(folder)).run!.objective.path).toEqual(expected);
    const { weights, average, learnedPath } = training;
    await saveModel(folder, { network, weights, average, learnedPath });
    await rm(join(folder, STATE_FILE));
    expect((await loadModel(folder)).run!.objective.path).toEqual(expected);
    await saveCheckpoint(folder, network, training.state());
    const { layout, slabs } = await loadCheckpoint(folder, network);
    expect(layout.entries.some(({ name }) => name.startsWith("loss."))).toBe(false);
    expect(slabs.average[0]).toEqual(training.state().slabs.average[0].subarray(0, slabs.average[0].length));
    const { loss: _, ...plain } = tinyRun();
    const state = await loadCheckpoint(folder, network);
    expect(() => train({ ...plain, ...vdm({}), from: state })).toThrow(CheckpointError);
  });
});

describe("a damaged history", () => {
  it("is a CheckpointError", async () => {
    const { training } = await lossesOf(hybrid, 1);
    await saveCheckpoint(folder, hybrid.network, training.state());
    const path = join(folder, STATE_FILE);
    const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
    tensors.delete("history.counts");
    await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
    await expect(loadCheckpoint(folder, hybrid.network)).rejects.toThrow(
      /history.losses and history.counts are not the losses/,
    );
  });
});

describe("a loss of one's own", () => {
  it("may be fed pictures, wait for the host, and call the network with other weights, detached", async () => {
    const initial = Weights.initial(tinyNetwork({ dropout: 0 }), 9);
    const calls: string[] = [];
    const simple = simpleLoss(tinyObjective);
    const own: Loss = {
      ...simple,
      name: "own",
      feeds: (image) => ({ ...simple.feeds(image), whole: image }),
      graph({ images, noise, feeds, call }) {
        const x = mix(feeds.alpha, images, feeds.sigma, noise);
        const out = call(x, feeds.time);
        const targets = [
          call(feeds.whole, feeds.time, { weights: "average" }),
          call(x, feeds.time, { weights: initial }),
          detach(out),
        ];
        const errors = targets
          .map((target) => mean(square(sub(out, target)), { axes: [1, 2, 3] }))
          .reduce((a, b) => add(a, b));
        return { errors, losses: errors };
      },
      async draw(step) {
        calls.push(`${step.step} of ${step.steps}: ${step.state.step}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
        const { times, feeds } = await simple.draw(step);
        return { times, feeds: { ...feeds, whole: step.images } };
      },
    };
    const network = tinyNetwork({ dropout: 0 });
    for (const accumulate of [1, 2]) {
      const { losses, training } = await lossesOf({ network, initial, loss: own, accumulate, steps: 3 }, 3);
      expect(losses.every((loss) => loss > 0)).toBe(true);
      expect(weightsOf(training.state()).slabs[0]).not.toEqual(initial.slabs[0]);
    }
    expect(calls.slice(0, 3)).toEqual(["1 of 3: 0", "2 of 3: 1", "3 of 3: 2"]);
  });

  it("cannot take a name that the step has", () => {
    const taken: Loss = { ...simpleLoss(tinyObjective), feeds: () => ({ images: [] }) };
    const training = train(tinyRun({ loss: taken }));
    return expect(training[Symbol.asyncIterator]().next()).rejects.toThrow("a loss cannot have a feed called images");
  });
});

describe("parts", () => {
  it("offset noise moves whole channels, by its strength", () => {
    const options = { seed: 1, step: 2, count: 500, imageShape: [2, 3, 3], runs: 1 };
    const plain = drawStep(options);
    const offset = drawStep({ ...options, offsetNoise: 0.3 });
    expect(offset.dropoutSeeds).toEqual(plain.dropoutSeeds);
    const moved = offset.noise.map((value, i) => value - plain.noise[i]);
    const firsts = Array.from({ length: 1000 }, (_, i) => moved[9 * i]);
    expect(Math.max(...moved.map((value, i) => Math.abs(value - firsts[Math.floor(i / 9)])))).toBeLessThan(1e-5);
    // Variance 0.09 with a standard error of 0.09 sqrt(2 / 1000) = 0.004.
    expect(Math.abs(firsts.reduce((sum, x) => sum + x * x, 0) / 1000 - 0.09)).toBeLessThan(0.02);
  });

  it("buckets are even in log-SNR where time is a noise level, and in time where it is a share", () => {
    const { path } = objectiveFrom({ path: { name: "edm" }, prediction: "edm" });
    const buckets = emptyBuckets(path);
    expect([buckets[0].from, buckets[9].to]).toEqual([0.002, 80]);
    const ratio = (80 / 0.002) ** 0.1;
    for (const { from, to } of buckets) expect(to / from / ratio).toBeCloseTo(1, 9);
    const seen = intoBuckets(buckets, [0.002, 0.5, 80], [1, 1, 1]).map(({ count }) => count);
    expect(seen).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 1]); // 0.5 is 5.2 parts up
    const line = emptyBuckets(objectiveFrom({ path: { name: "straightLine" }, prediction: "flow" }).path);
    expect(line.map(({ from }) => from)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => i / 10));
  });
});
