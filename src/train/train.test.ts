/**
 * The training loop: determinism, the two forms of the step, accumulation, labels, budget, stopping, and bad input.
 * Numbers of the step itself are compared with PyTorch in `test/parity/training.test.ts`.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { CheckpointError, ConfigError, DataError, NotFiniteError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { straightLine } from "../diffusion/index.ts";
import { topological } from "../graph/graph.ts";
import { Patched } from "../models/patched.ts";
import { UNet } from "../models/unet.ts";
import { Weights } from "../nn/weights.ts";
import type { Runtime } from "../runtime/session.ts";
import { drawStep, dropLabels } from "./draw.ts";
import { drawCoefficients } from "./losses/simple.ts";
import { emptyBuckets, intoBuckets } from "./noise-buckets.ts";
import { Pace, planSteps } from "./pace.ts";
import { fusedProgram, gradientsProgram, updateProgram } from "./programs.ts";
import { initialState, type SlabName, type StateSlabs, slabNames } from "./state.ts";
import { compileStep, SplitStep, type StepInputs } from "./step.ts";
import { tinyData, tinyNetwork, tinyObjective, tinyRun, tinyUNet } from "./testing/tiny.ts";
import { type Tick, type TrainOptions, train } from "./train.ts";

async function ticksOf(options: Partial<TrainOptions> = {}, stopAfter = Number.POSITIVE_INFINITY) {
  const training = train(tinyRun(options));
  const ticks: Tick[] = [];
  for await (const tick of training) {
    ticks.push(tick);
    if (tick.step === stopAfter) break;
  }
  return { training, ticks, losses: ticks.map((tick) => tick.loss) };
}

function largestDifference(a: StateSlabs, b: StateSlabs, names: readonly SlabName[] = slabNames): number {
  let largest = 0;
  for (const name of names) {
    a[name].forEach((slab, s) => {
      slab.forEach((value, i) => {
        largest = Math.max(largest, Math.abs(value - b[name][s][i]));
      });
    });
  }
  return largest;
}

describe("a run", () => {
  let run: Awaited<ReturnType<typeof ticksOf>>;
  beforeAll(async () => {
    run = await ticksOf();
  });

  it("has the same losses, norms and weights, to the bit, in two runs with one seed", async () => {
    const again = await ticksOf();
    expect(again.losses).toEqual(run.losses);
    expect(again.ticks.map((tick) => tick.gradientNorm)).toEqual(run.ticks.map((tick) => tick.gradientNorm));
    expect(again.training.state().slabs).toEqual(run.training.state().slabs);
  });

  it("has others with another seed", async () => {
    const other = await ticksOf({ seed: 4, steps: 2 });
    expect(other.losses[0]).not.toBe(run.losses[0]);
  });

  it("tells of its progress", () => {
    const { ticks, training } = run;
    expect(ticks.map((tick) => tick.step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(ticks.every((tick) => tick.steps === 12 && tick.imagesPerSecond > 0)).toBe(true);
    // Warm-up over 3 steps to 5e-3, then half a cosine that ends at 0: at step 3 + 9/3 it is 3/4 of the peak.
    expect(ticks[0].learningRate).toBeCloseTo(5e-3 / 3, 12);
    expect(ticks[5].learningRate).toBeCloseTo(0.75 * 5e-3, 12);
    expect(ticks[11].learningRate).toBeCloseTo(0, 12);
    expect(ticks[11].seconds).toBeGreaterThan(ticks[0].seconds);
    expect(ticks[11].lossByNoise.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(48);
    expect(training.state()).toMatchObject({ step: 12, steps: 12, examples: 48, seed: 3 });
  });

  it("lowers the loss when it learns one image by heart", async () => {
    const data = tinyData(1);
    const options = { data, steps: 150, batch: 8, learningRate: { peak: 2e-2 }, labelDrop: 0 };
    const { losses } = await ticksOf({ ...options, network: tinyNetwork({ dropout: 0 }) });
    const mean = (part: number[]) => part.reduce((a, b) => a + b) / part.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.6 * mean(losses.slice(0, 5)));
  });

  it("is taken up again within one Training after the loop was left", async () => {
    const { training } = await ticksOf({}, 5);
    expect(training.step).toBe(5);
    const rest: number[] = [];
    for await (const tick of training) rest.push(tick.loss);
    expect(rest).toEqual(run.losses.slice(5));
    for await (const _ of training) throw new Error("the run has ended");
  });

  it("goes on from a state with the same numbers, across the end of an epoch, and leaves the state as it was", async () => {
    const { training } = await ticksOf({}, 7);
    const state = training.state();
    const kept = state.slabs.parameters.map((slab) => slab.slice());
    const resumed = await ticksOf({ from: state, network: tinyNetwork() });
    expect(resumed.losses).toEqual(run.losses.slice(7));
    expect(resumed.training.state().slabs).toEqual(run.training.state().slabs);
    expect(resumed.ticks.at(-1)!.lossByNoise).toEqual(run.ticks.at(-1)!.lossByNoise);
    expect(state.slabs.parameters).toEqual(kept); // a state is not changed by what comes after it
  });

  it("averages the weights with the decay of the EMA", async () => {
    const { training } = await ticksOf({ steps: 1, ema: { decay: 0.25, warmup: "none" } });
    const initial = Weights.initial(tinyNetwork(), 3).slabs[0];
    const { parameters, average } = training.state().slabs;
    parameters[0].forEach((value, i) => {
      expect(average[0][i]).toBeCloseTo(0.25 * initial[i] + 0.75 * value, 6);
    });
  });

  it("begins with given weights, and does not change them", async () => {
    const initial = Weights.initial(tinyNetwork(), 77);
    const before = initial.slabs[0].slice();
    const { losses } = await ticksOf({ initial, steps: 1 });
    expect(losses[0]).not.toBe(run.losses[0]);
    expect(initial.slabs[0]).toEqual(before);
  });

  it("trains a network in patches, without classes, on the straight line", async () => {
    const { num_class_embeds: _, ...fields } = tinyUNet;
    const inner = { ...fields, sample_size: 4, in_channels: 4, out_channels: 4 };
    const network = new Patched(new UNet(structuredClone(inner) as never), 2);
    const path = straightLine();
    const objective = {
      ...tinyObjective,
      path,
      time: { ...tinyObjective.time, draw: () => Float64Array.of(0.1, 0.5, 0.9, 1) },
    };
    const { ticks } = await ticksOf({ network, objective, labelDrop: 0, steps: 3 });
    expect(ticks[2].lossByNoise.map((bucket) => bucket.count)).toEqual([0, 3, 0, 0, 0, 3, 0, 0, 0, 6]);
  });
});

describe("forms of the step", () => {
  const network = tinyNetwork({ dropout: 0 });
  const program = (batch: number) => {
    const { layout, slabs } = initialState({ network, steps: 1, seed: 1, lossByNoise: [] });
    return { slabs, program: { network, layout, batch, optimiser: { weightDecay: 0.01 }, clip: 0.1 } };
  };
  const inputs: StepInputs = {
    ...drawStep({ seed: 0, step: 1, count: 4, imageShape: [1, 8, 8], runs: 2 }),
    feeds: drawCoefficients(tinyObjective, { seed: 0, step: 1, count: 4, state: {} }).feeds,
    images: Random.from(8).normals(4 * 64),
    classLabels: Int32Array.of(0, 1, 2, 3),
    scalars: { stepSize: 1e-3, epsilon: 1e-8, keep: 0.999, emaDecay: 0.5 },
  };
  const { runtime } = tinyRun();

  it("one graph and two graphs give the same numbers", async () => {
    const { slabs, program: options } = program(4);
    await using fused = await compileStep(options, { runs: 1, replicas: 1, threads: 1 }, runtime);
    const gradients = await runtime.compile(gradientsProgram(options), { threads: 1 });
    const update = await runtime.compile(updateProgram(options), { threads: 1 });
    await using split = new SplitStep(options, 1, [gradients], update);
    let [a, b] = [slabs, slabs];
    for (let step = 0; step < 5; step++) {
      const [one, two] = [await fused.run(a, inputs), await split.run(b, inputs)];
      expect(two.loss).toBe(one.loss);
      expect(two.errors).toEqual(one.errors);
      expect(two.gradientNorm).toBe(one.gradientNorm);
      [a, b] = [one.next!, two.next!];
    }
    expect(largestDifference(a, slabs)).toBeGreaterThan(1e-4);
    expect(b).toEqual(a);
  });

  it("with checkpoints has the same loss, and the same moments but for the order of sums", async () => {
    const { slabs, program: options } = program(4);
    const forgetful = { ...options, checkpointing: true };
    const nodes = topological(fusedProgram(forgetful).outputs.values());
    expect(nodes.filter((node) => node.is("checkpoint")).length).toBe(network.segments.length);
    await using kept = await compileStep(options, { runs: 1, replicas: 1, threads: 1 }, runtime);
    await using forgotten = await compileStep(forgetful, { runs: 1, replicas: 1, threads: 1 }, runtime);
    const [a, b] = [await kept.run(slabs, inputs), await forgotten.run(slabs, inputs)];
    expect(b.losses).toEqual(a.losses);
    for (const name of ["first", "second"] as const) {
      const size = Math.max(...a.next![name][0].map(Math.abs));
      expect(largestDifference(a.next!, b.next!, [name]) / size).toBeLessThan(1e-6);
    }
  });

  it("twice two images are four images", async () => {
    const { slabs, program: four } = program(4);
    await using whole = await compileStep(four, { runs: 1, replicas: 1, threads: 1 }, runtime);
    await using halves = await compileStep(program(2).program, { runs: 2, replicas: 1, threads: 1 }, runtime);
    const [a, b] = [await whole.run(slabs, inputs), await halves.run(slabs, inputs)];
    expect(Math.abs(b.loss - a.loss) / a.loss).toBeLessThan(1e-6);
    expect(Math.abs(b.gradientNorm - a.gradientNorm) / a.gradientNorm).toBeLessThan(1e-5);
    for (const name of ["first", "second"] as const) {
      const size = Math.max(...a.next![name][0].map(Math.abs));
      a.next![name][0].forEach((value, i) => {
        expect(Math.abs(value - b.next![name][0][i]) / size).toBeLessThan(1e-5);
      });
    }
  });

  it("accumulation draws the same images, times and noise as one large batch", async () => {
    const options = { network, steps: 4, labelDrop: 0.5 };
    const whole = await ticksOf({ ...options, batch: 4 });
    const halves = await ticksOf({ ...options, batch: 2, accumulate: 2 });
    halves.losses.forEach((loss, i) => {
      expect(Math.abs(loss - whole.losses[i]) / loss).toBeLessThan(1e-5);
    });
    expect(halves.training.state().examples).toBe(16);
  });
});

describe("replicas", () => {
  it("give the same bits in two runs and after a resume, and the losses of one network but for rounding", async () => {
    const network = tinyNetwork({ dropout: 0 });
    const options = { network, replicas: 2, threads: 2, accumulate: 2, steps: 6 };
    const whole = await ticksOf(options);
    const begun = await ticksOf(options, 3);
    const resumed = await ticksOf({ ...options, from: begun.training.state() });
    expect([...begun.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(resumed.training.state().slabs).toEqual(whole.training.state().slabs);
    const one = await ticksOf({ ...options, replicas: 1, threads: 1 });
    whole.losses.forEach((loss, i) => {
      expect(Math.abs(loss - one.losses[i]) / loss).toBeLessThan(1e-5);
    });
  });

  it("that do not divide a batch are refused", () => {
    expect(() => train(tinyRun({ replicas: 3 }))).toThrow("3 replicas do not divide a batch of 4 images");
  });
});

describe("parts of a step", () => {
  it("draws noise and times that depend on seed and step alone", () => {
    const draw = (seed: number, step: number, runs = 1) => ({
      ...drawStep({ seed, step, count: 4, imageShape: [3], runs }),
      ...drawCoefficients(tinyObjective, { seed, step, count: 4, state: {} }),
    });
    expect(draw(1, 5)).toEqual(draw(1, 5));
    expect(draw(1, 5).noise).not.toEqual(draw(1, 6).noise);
    expect(draw(1, 5).times).not.toEqual(draw(2, 5).times);
    expect(draw(1, 5, 3).dropoutSeeds).toHaveLength(6);
    expect(new Set(draw(1, 5, 3).dropoutSeeds).size).toBe(6);
    expect(draw(1, 5, 3).noise).toEqual(draw(1, 5).noise);
  });

  it("drops labels with the probability that is asked for", () => {
    const labels = new Int32Array(4000).fill(2);
    const dropped = (labelDrop: number) =>
      dropLabels(labels, { seed: 0, step: 1, labelDrop, nullClass: 10 }).filter((label) => label === 10).length;
    expect(dropped(0)).toBe(0);
    expect(dropped(1)).toBe(4000);
    expect(Math.abs(dropped(0.1) / 4000 - 0.1)).toBeLessThan(0.02);
  });

  it("keeps a mean of the error for each tenth of the times", () => {
    const empty = emptyBuckets(tinyObjective.path);
    expect(empty).toHaveLength(10);
    expect([empty[0].from, empty[0].to, empty[9].to]).toEqual([0, 100, 1000]);
    const once = intoBuckets(empty, [0, 99, 100, 999], [1, 3, 5, 7]);
    expect(once.map((bucket) => bucket.count)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    // Weights 0.99 and 1 for the older and the newer of two errors.
    expect(once[0].loss).toBeCloseTo((0.99 * 1 + 3) / 1.99, 12);
    expect(empty[0].count).toBe(0);
    const [first] = intoBuckets(empty, new Float64Array(5000), new Float64Array(5000).fill(2));
    expect(first.loss).toBeCloseTo(2, 12);
  });

  it("plans the steps that fit in a budget", () => {
    const plan = { budgetSeconds: 100, secondsPerStep: 0.5, most: 1000 };
    expect(planSteps({ step: 9, steps: 1000, seconds: 5 }, plan)).toBe(1000); // not yet measured
    expect(planSteps({ step: 10, steps: 1000, seconds: 5 }, plan)).toBe(10 + 190);
    expect(planSteps({ step: 50, steps: 200, seconds: 30 }, plan)).toBe(50 + 140); // slower than planned
    expect(planSteps({ step: 50, steps: 200, seconds: 10 }, plan)).toBe(50 + 180); // faster
    expect(planSteps({ step: 51, steps: 200, seconds: 10 }, plan)).toBe(200);
    expect(planSteps({ step: 200, steps: 210, seconds: 50 }, plan)).toBe(210); // the end stays where it is
    expect(planSteps({ step: 10, steps: 1000, seconds: 5 }, { ...plan, most: 50 })).toBe(50);
    expect(planSteps({ step: 10, steps: 1000, seconds: 200 }, plan)).toBe(10);
    const pace = new Pace();
    for (const seconds of [9, 1, 2, 3]) pace.add(seconds);
    expect(pace.secondsPerStep).toBe(2);
  });

  it("ends a run within its budget", async () => {
    const { ticks } = await ticksOf({ steps: 1_000_000, budgetSeconds: 0.5 });
    const last = ticks.at(-1)!;
    expect(last.step).toBe(last.steps);
    expect(last.step).toBeGreaterThanOrEqual(10);
    expect(last.seconds).toBeLessThan(10);
    expect(last.learningRate).toBeLessThan(1e-3);
  });
});

describe("stopping", () => {
  it("finishes the step under way when the signal is aborted, and ends without an error", async () => {
    const controller = new AbortController();
    const training = train(tinyRun({ signal: controller.signal }));
    let seen = 0;
    for await (const tick of training) {
      seen = tick.step;
      if (seen === 4) setImmediate(() => controller.abort());
    }
    expect(seen).toBeGreaterThanOrEqual(4);
    expect(seen).toBeLessThanOrEqual(6);
    expect(training.state().step).toBe(seen);
  });

  it("gives its sessions back however the loop ends", async () => {
    const { runtime } = tinyRun();
    let open = 0;
    const counting: Runtime = {
      device: "cpu",
      async compile(graph, options) {
        const session = await runtime.compile(graph, options);
        open++;
        return {
          inputs: session.inputs,
          run: (feeds) => session.run(feeds),
          async release() {
            open--;
            await session.release();
          },
          async [Symbol.asyncDispose]() {
            throw new Error("released by its name");
          },
        };
      },
    };
    await ticksOf({ runtime: counting, accumulate: 2 }, 2);
    expect(open).toBe(0);
    const training = train(tinyRun({ runtime: counting }));
    const loop = training[Symbol.asyncIterator]();
    await loop.next();
    expect(open).toBe(1);
    expect(() => training[Symbol.asyncIterator]()).toThrow(/already; use one loop/);
    await training[Symbol.asyncDispose]();
    expect(open).toBe(0);
  });

  it("stops at a loss that is not finite, names the step, and keeps the state before it", async () => {
    const data = tinyData();
    let reads = 0;
    const broken = {
      ...data,
      async read(indices: ArrayLike<number>) {
        const batch = await data.read(indices);
        if (++reads === 6) batch.images[70] = Number.NaN;
        return batch;
      },
    };
    for (const accumulate of [1, 2]) {
      reads = 0;
      const training = train(tinyRun({ data: broken, accumulate }));
      const loop = async () => {
        for await (const tick of training) expect(Number.isFinite(tick.loss)).toBe(true);
      };
      const failure = loop();
      await expect(failure).rejects.toThrow(NotFiniteError);
      await expect(failure).rejects.toThrow(
        /loss of step 6 is NaN; the weights are still those of step 5.*learning rate/,
      );
      expect(training.state().step).toBe(5);
      expect(training.state().slabs.parameters.every((slab) => slab.every(Number.isFinite))).toBe(true);
    }
  });

  it("hands on what the data set raises", async () => {
    const data = { ...tinyData(), read: () => Promise.reject(new DataError("image 3 is broken")) };
    await expect(ticksOf({ data })).rejects.toThrow("image 3 is broken");
  });
});

describe("bad input", () => {
  const bad: [string, object, RegExp][] = [
    ["steps of 0", { steps: 0 }, /training: steps: expected a whole number from 1, given 0/],
    ["fractional steps", { steps: 2.5 }, /training: steps: expected a whole number from 1, given 2.5/],
    ["steps that are not a number", { steps: Number.NaN }, /training: steps: expected a whole number from 1/],
    ["steps as text", { steps: "10" }, /training: steps: expected a whole number from 1, given "10"/],
    ["a batch of 0", { batch: 0 }, /training: batch: expected a whole number from 1, given 0/],
    ["a fractional batch", { batch: 1.5 }, /training: batch: expected a whole number from 1, given 1.5/],
    ["a negative batch", { batch: -4 }, /training: batch: expected a whole number from 1, given -4/],
    ["accumulate of 0", { accumulate: 0 }, /accumulate: expected a whole number from 1, given 0/],
    ["a seed below 0", { seed: -1 }, /seed: expected a whole number from 0, given -1/],
    ["a clip of 0", { clip: 0 }, /clip: expected a number above 0, given 0/],
    ["a budget of 0", { budgetSeconds: 0 }, /budgetSeconds: expected a number above 0, given 0/],
    ["a beta of 1", { optimiser: { beta2: 1 } }, /optimiser.beta2: .*given 1/],
    ["an unknown field", { learningRat: 1 }, /unknown field learningRat. Did you mean learningRate\?/],
    [
      "an unknown field further in",
      { learningRate: { peek: 1 } },
      /unknown field learningRate.peek. Did you mean peak/,
    ],
    ["more than all labels dropped", { labelDrop: 1.5 }, /labelDrop: .*given 1.5/],
    [
      "images of another size",
      { data: { ...tinyData(), height: 9 } },
      /tiny has images \[1, 9, 8\].*expects \[1, 8, 8\]/,
    ],
    [
      "a learned variance",
      { network: tinyNetwork({ out_channels: 2 }) },
      /2 output channels .*the simple loss does not train variances; set out_channels to 1/,
    ],
    [
      "classes without labels",
      { data: { ...tinyData(), classes: undefined } },
      /network has 4 classes, but tiny has no labels/,
    ],
    [
      "too few rows",
      { network: tinyNetwork({ num_class_embeds: 3 }) },
      /3 rows.*tiny has 3 and the null class; set num_class_embeds to 4/,
    ],
    [
      "a null class without classes",
      { network: tinyNetwork({ num_class_embeds: null }) },
      /labelDrop is 0.3, but the network has no classes/,
    ],
  ];
  it.each(bad)("%s", (_, options, message) => {
    expect(() => train(tinyRun(options))).toThrow(ConfigError);
    expect(() => train(tinyRun(options))).toThrow(message);
  });

  it("a state of another architecture: the first differing tensor is named", () => {
    const from = train(tinyRun()).state();
    const network = tinyNetwork({ block_out_channels: [4, 16] });
    expect(() => train(tinyRun({ from, network }))).toThrow(CheckpointError);
    expect(() => train(tinyRun({ from, network }))).toThrow(
      "have down_blocks.1.attentions.0.group_norm.weight [8] where the network has down_blocks.1.attentions.0.group_norm.weight [16]",
    );
  });

  it("a state of another seed", () => {
    const from = train(tinyRun()).state();
    expect(() => train(tinyRun({ from, seed: 9 }))).toThrow(/run with seed 3, not 9/);
  });
});
