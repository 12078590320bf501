/** The job that trains, on Node's runtime and a store in memory: what it keeps is a run folder of Node's. */
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileAccessError } from "../../core/errors.ts";
import { objectiveFrom } from "../../diffusion/objective.ts";
import { decodeSafetensors } from "../../io/safetensors.ts";
import { sample as drawSamples } from "../../pipelines/sample.ts";
import { openData } from "../../recipes/open-data.node.ts";
import { type SolverConfig, solverOf } from "../../recipes/recipe.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import type { Runtime } from "../../runtime/session.ts";
import { loadModel, readMetrics } from "../../train/index.node.ts";
import type { JobContext } from "../job.ts";
import { memoryRunStore, type RunStore } from "../run-store.ts";
import { version } from "../version.ts";
import { unzipRun, zipRun } from "../zip-run.ts";
import { sample } from "./sample.ts";
import { type TrainEvent, type TrainRequest, type TrainResult, train } from "./train.ts";

function contextOf(runs: RunStore, signal = new AbortController().signal): JobContext {
  return { runtime: nodeRuntime(), runs, data: openData, signal };
}

/** Runs a job to its end; `stopAt`: the step after whose tick it is told to stop. */
async function run(request: TrainRequest, runs: RunStore, stopAt?: number) {
  const stopping = new AbortController();
  const events: TrainEvent[] = [];
  const job = train({ gridSeconds: 0, saveSeconds: 0, ...request }, contextOf(runs, stopping.signal));
  for (;;) {
    const { done, value } = await job.next();
    if (done) return { events, result: value as TrainResult };
    events.push(value);
    if (value.type === "tick" && stopAt !== undefined && value.step >= stopAt) stopping.abort();
  }
}

const toys: TrainRequest = { run: "first", recipe: "toy-flow", seed: 3, steps: 60, set: { "training.batch": 32 } };
const tensorsOf = async (runs: RunStore) =>
  decodeSafetensors((await runs.read("first", "state.safetensors"))!, "state").tensors;
describe("the train job", () => {
  it("goes on to the bit where it was stopped", async () => {
    const [whole, parts] = [memoryRunStore(), memoryRunStore()];
    const done = await run(toys, whole);
    expect(done.result).toMatchObject({ run: "first", recipe: "toy-flow", step: 60, steps: 60, finished: true });
    const first = await run(toys, parts, 1);
    expect(first.result.finished).toBe(false);
    expect(first.result.step).toBeLessThan(60);
    const second = await run({ run: "first", resume: true }, parts);
    expect(second.events[0]).toMatchObject({ type: "begun", step: first.result.step, steps: 60 });
    expect(second.result).toMatchObject({ step: 60, finished: true });
    const weights = await Promise.all([whole, parts].map((runs) => runs.read("first", "ema.safetensors")));
    expect(weights[1]).toEqual(weights[0]);
    expect(await tensorsOf(parts)).toEqual(await tensorsOf(whole));
    const lines = new TextDecoder()
      .decode(await parts.read("first", "metrics.jsonl"))
      .trim()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line).step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it("keeps a run that Node opens, and that draws there what the sample job draws", async () => {
    const runs = memoryRunStore();
    await run(toys, runs);
    const folder = await mkdtemp(join(tmpdir(), "langevin-job-"));
    for (const [name, bytes] of unzipRun(await zipRun(runs, "first"))) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
    expect((await readMetrics(folder)).length).toBe(60);
    const { network, weights, run: described } = await loadModel(folder);
    const solver = { name: "ddim", steps: 10 } as const satisfies SolverConfig;
    const drawn = await drawSamples({
      network,
      weights,
      objective: objectiveFrom(described!.objective),
      runtime: nodeRuntime(),
      solver: solverOf(solver),
      count: 20,
      seed: 5,
    });
    const job = sample({ from: { run: "first" }, solver, count: 20, seed: 5 }, contextOf(runs));
    const steps: number[] = [];
    for (;;) {
      const { done, value } = await job.next();
      if (done) {
        expect(value.shape).toEqual([20, 2, 1, 1]);
        expect(value.images).toEqual(drawn.images);
        break;
      }
      steps.push(value.step);
    }
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("tells grids and saves as it goes", async () => {
    const { events } = await run({ ...toys, gridSeconds: 0.001, saveSeconds: 0.001, gridCount: 9 }, memoryRunStore());
    const grids = events.filter((event) => event.type === "grid");
    expect(grids.length).toBeGreaterThan(2);
    expect(grids[0]).toMatchObject({ shape: [9, 2, 1, 1] });
    expect(events.filter((event) => event.type === "saved").at(-1)).toMatchObject({ step: 60 });
    expect(events.filter((event) => event.type === "tick").at(-1)).toMatchObject({
      step: 60,
      steps: 60,
      secondsLeft: 0,
    });
  });

  it("leaves a grid that is being drawn when it is told to stop, and saves", async () => {
    const stopping = new AbortController();
    const context = contextOf(memoryRunStore(), stopping.signal);
    const runtime: Runtime = {
      ...context.runtime,
      compile(graph, options) {
        if (graph.outputs.has("out_sample")) stopping.abort(); // the network of a grid
        return context.runtime.compile(graph, options);
      },
    };
    const events: TrainEvent[] = [];
    const job = train({ ...toys, gridSeconds: 0.001 }, { ...context, runtime });
    let result: TrainResult | undefined;
    while (!result) {
      const { done, value } = await job.next();
      if (done) result = value;
      else events.push(value);
    }
    expect(stopping.signal.aborted).toBe(true);
    expect(events.some(({ type }) => type === "grid")).toBe(false);
    expect(events.at(-1)).toMatchObject({ type: "saved", step: result.step });
    expect(result.step).toBeLessThan(60);
  });

  it("counts the images of a whole step for the time that is left", async () => {
    const set = { ...toys.set, "training.accumulate": 3 };
    const { events } = await run({ ...toys, set }, memoryRunStore());
    const ticks = events.filter((event) => event.type === "tick");
    for (const { step, steps, imagesPerSecond, secondsLeft } of ticks) {
      expect(secondsLeft).toBeCloseTo(((steps - step) * 3 * 32) / imagesPerSecond, 9);
    }
  });

  it("keeps the last good save where the loss is no longer finite, and goes on from it", async () => {
    const runs = memoryRunStore();
    await run(toys, runs, 1);
    const saved = await tensorsOf(runs);
    // A rate at which the weights overflow in a few steps.
    const described = JSON.parse(new TextDecoder().decode(await runs.read("first", "run.json")));
    described.training.learningRate = { peak: 1e30 };
    await runs.write("first", "run.json", new TextEncoder().encode(JSON.stringify(described)));
    await expect(run({ run: "first", resume: true }, runs)).rejects.toThrow(/Lower the learning rate/);
    expect(await tensorsOf(runs)).toEqual(saved);
    described.training.learningRate = { peak: 1e-4 };
    await runs.write("first", "run.json", new TextEncoder().encode(JSON.stringify(described)));
    expect((await run({ run: "first", resume: true }, runs)).result).toMatchObject({ step: 60, finished: true });
  });

  it("trains one run in one place at a time, and lets it go in the end", async () => {
    const runs = memoryRunStore();
    let held = false;
    runs.lock = async (name) => {
      if (held) throw new FileAccessError(`${name} is being trained`);
      held = true;
      return {
        async [Symbol.asyncDispose]() {
          held = false;
        },
      };
    };
    await run({ ...toys, steps: 2 }, runs);
    expect(held).toBe(false);
    const job = train({ ...toys, run: "other" }, contextOf(runs));
    await job.next();
    await expect(run({ ...toys, run: "other" }, runs)).rejects.toThrow("other is being trained");
    await job.return(undefined as never);
    expect(held).toBe(false);
  });

  it("lists a run by what it holds, and a damaged one by what is wrong with it", async () => {
    const runs = memoryRunStore();
    await run(toys, runs);
    await runs.write("second", "run.json", new TextEncoder().encode("{"));
    const [a, b] = (await runs.list()).sort((x, y) => (x.name < y.name ? -1 : 1));
    expect(a).toMatchObject({ name: "first", recipe: "toy-flow", data: "checkerboard", step: 60, steps: 60 });
    expect(b.problem).toMatch(/second\/run.json/);
  });

  it.each<[string, TrainRequest, RegExp]>([
    ["a name that is none", { ...toys, run: "../x" }, /cannot be the name of a run/],
    ["a run that is not there", { run: "none", resume: true }, /no run none to go on with/],
    ["no recipe", { run: "new" }, /needs a recipe/],
    ["an unknown recipe", { run: "new", recipe: "toyflow" }, /toy-flow/],
    ["a recipe with a teacher", { run: "new", recipe: "consistency" }, /langevin train/],
    ["a field that is none", { ...toys, run: "new", set: { "training.batches": 3 } }, /batches/],
    ["pictures that are not there", { run: "new", recipe: "ddpm-folder" }, /drop some/],
    ["crops at random", { run: "new", recipe: "ddpm-folder", set: { "data.crop": "random" } }, /data\.crop .*"center"/],
  ])("refuses %s", async (_, request, message) => {
    await expect(run(request, memoryRunStore())).rejects.toThrow(message);
  });

  it("refuses a name that is taken, and a run that is done", async () => {
    const runs = memoryRunStore();
    await run({ ...toys, steps: 2 }, runs);
    await expect(run(toys, runs)).rejects.toThrow(/already/);
    await expect(run({ run: "first", resume: true }, runs)).rejects.toThrow(/done its 2 steps/);
    expect((await run({ run: "first", resume: true, steps: 4 }, runs)).result.step).toBe(4);
  });

  it("has the version of the package", async () => {
    const manifest = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
    expect(version).toBe(manifest.version);
  });
});
