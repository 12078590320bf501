/** The jobs on the shipped digits model, beside Node's own sampling and the closed forms of errors. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { CheckpointError, ConfigError } from "../../core/errors.ts";
import { flatten } from "../../pipelines/inside/index.ts";
import { furthest } from "../../pipelines/inside/testing/tiny.ts";
import { sample } from "../../pipelines/sample.ts";
import { openData } from "../../recipes/open-data.node.ts";
import { solverOf } from "../../recipes/recipe.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { loadModel } from "../../train/model-folder.node.ts";
import type { Job, JobContext } from "../job.ts";
import { memoryRunStore } from "../run-store.ts";
import { insideErrors } from "./inside-errors.ts";
import { type InsideGraphEvent, insideGraph } from "./inside-graph.ts";
import { insideSwap } from "./inside-swap.ts";
import { insideWatch } from "./inside-watch.ts";
import { drawingOf } from "./open-model.ts";

const names = ["run.json", "config.json", "ema.safetensors"];
const read = async (name: string) => [name, new Uint8Array(await readFile(`assets/digits/${name}`))] as const;
const files = Object.fromEntries(await Promise.all(names.map(read)));
const from = { files, name: "digits" };
const context: JobContext = {
  runtime: nodeRuntime(),
  runs: memoryRunStore(),
  data: (config) => openData(config),
  signal: new AbortController().signal,
};
const solver = { name: "ddim", steps: 4, clip: 1 } as const;

async function all<Request, Event, Result>(job: Job<Request, Event, Result>, request: Request, given = context) {
  const events: Event[] = [];
  const running = job(request, given);
  for (;;) {
    const { done, value } = await running.next();
    if (done) return { events, result: value };
    events.push(value);
  }
}

async function drawn(classLabel: number, seed: number, guidance: number) {
  const { network, weights, run } = await loadModel("assets/digits");
  const { objective } = drawingOf({ run }, {});
  const { runtime } = context;
  const asked = {
    network,
    weights,
    objective,
    runtime,
    solver: solverOf(solver),
    count: 1,
    seed,
    classLabel,
    guidance,
  };
  return (await sample(asked)).images;
}

describe("insideGraph", () => {
  it("tells what a model is, then the time of the parts that were asked for", async () => {
    const { events, result } = await all(insideGraph, { from, time: ["", "mid_block"], runs: 2 });
    const [first, ...times] = events as [Extract<InsideGraphEvent, { type: "graph" }>, ...InsideGraphEvent[]];
    const { model } = first;
    expect(model).toMatchObject({ classes: 10, imageShape: [1, 28, 28] });
    expect(model.run).toMatchObject({
      path: { name: "straightLine" },
      prediction: "flow",
      guidance: 1.5,
      data: "digits",
    });
    expect(flatten(model.tree)[0].parameters).toBe(704_484);
    expect(model.places.filter(({ kind }) => kind === "attention")).toHaveLength(4);
    expect(structuredClone(model)).toEqual(model);
    expect(times).toMatchObject([
      { type: "time", path: "" },
      { type: "time", path: "mid_block" },
    ]);
    expect(result.device).toBe("cpu");
  });

  it("shows the graph of a folder without run.json; what needs the run says so", async () => {
    const { "run.json": _, ...plain } = files;
    const { events } = await all(insideGraph, { from: { files: plain } });
    expect(events).toMatchObject([{ type: "graph", model: { imageShape: [4, 14, 14], run: undefined } }]);
    const asked = { from: { files: plain }, places: [] };
    await expect(all(insideWatch, asked)).rejects.toThrow(/no run.json/);
  });

  it("says what is wrong with a folder", async () => {
    const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
    const wider = new TextEncoder().encode(JSON.stringify({ ...config, block_out_channels: [32, 96] }));
    const wrong = all(insideGraph, { from: { files: { ...files, "config.json": wider } } });
    await expect(wrong).rejects.toThrow(CheckpointError);
    await expect(all(insideGraph, { from: { run: "none" } })).rejects.toThrow(/none\/config.json/);
    const gone = all(insideGraph, { from: { address: "http://127.0.0.1:9/" } });
    await expect(gone).rejects.toThrow(/127\.0\.0\.1:9\/run.json cannot be fetched .*is its host still there/);
  });
});

describe("insideWatch", () => {
  const id = "mid_block.attentions.0.probabilities";

  it("draws what Node draws, and shows attention and maps at each step", async () => {
    const request = { from, places: [id, "down_blocks.0"], solver, seed: 3, classLabel: 7, guidance: 2 };
    const { events } = await all(insideWatch, request);
    expect(events.map(({ step, of }) => `${step}/${of}`)).toEqual(["1/4", "2/4", "3/4", "4/4"]);
    expect(furthest(events[3].x, await drawn(7, 3, 2))).toBeLessThan(1e-3);
    for (const { views, before, alpha, sigma, t } of events) {
      expect([alpha, sigma]).toEqual([1 - t, t]); // the straight line
      expect(before).toHaveLength(784);
      expect(views[id].shape).toEqual([2, 49, 49]);
      expect(views["down_blocks.0"].shape).toEqual([32, 7, 7]);
      const sum = views[id].data.subarray(0, 49).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 4);
    }
  });

  it("refuses a place and a class that are not there", async () => {
    await expect(all(insideWatch, { from, places: ["midblock"] })).rejects.toThrow(ConfigError);
    await expect(all(insideWatch, { from, places: [], classLabel: 11 })).rejects.toThrow(/0 to 10/);
  });
});

describe("insideSwap", () => {
  it("begins with plain B and ends with plain A, row by row", async () => {
    const rows = [
      { from: 1, to: 8, seed: 0 },
      { from: 8, to: 1, seed: 2 },
    ];
    const { events } = await all(insideSwap, { from, rows, at: [0, 2, 4], solver, guidance: 1.5 });
    expect(events.map(({ row, step }) => `${row}.${step}`)).toEqual([
      "0.1",
      "0.2",
      "0.3",
      "0.4",
      "1.1",
      "1.2",
      "1.3",
      "1.4",
    ]);
    for (const [row, { from: a, to: b, seed }] of rows.entries()) {
      const { images } = events[4 * row + 3];
      expect(furthest(images.subarray(0, 784), await drawn(b, seed, 1.5))).toBeLessThan(1e-3);
      expect(furthest(images.subarray(1568), await drawn(a, seed, 1.5))).toBeLessThan(1e-3);
    }
  });
});

describe("insideErrors", () => {
  it("rise with the noise, lie under the linear ones, and the class helps", async () => {
    const { events, result } = await all(insideErrors, { from, count: 48, levels: 5 });
    expect(result).toMatchObject({ data: expect.stringMatching(/test/), count: 48 });
    const [told, untold] = [true, false].map((is) => events.filter(({ told }) => told === is));
    expect(told).toHaveLength(5);
    expect(untold).toHaveLength(5);
    for (let i = 1; i < 5; i++) expect(told[i].sampleError).toBeGreaterThan(told[i - 1].sampleError);
    for (const { sampleError, linearError, noiseError, alpha, sigma } of told) {
      expect(noiseError / ((alpha / sigma) ** 2 * sampleError)).toBeCloseTo(1, 1);
      if (sigma > 0.05) expect(sampleError).toBeLessThan(linearError);
    }
    expect(told[4].sampleError).toBeLessThan(0.98 * untold[4].sampleError); // in noise alone, the class is all there is
    expect(told[4].linearError).toBeCloseTo(untold[4].linearError, 10);
  });

  it("stops when it is told", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(all(insideErrors, { from }, { ...context, signal })).rejects.toThrow("enough");
  });
});
