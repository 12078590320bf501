/**
 * Runs with a teacher: progressive halvings in phases, interrupted and not, and pairs that stay in the run folder.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, FileAccessError } from "../core/errors.ts";
import { parseRecipe, type Recipe } from "../recipes/recipe.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { loadCheckpoint, loadPairs, pairsFile, readRun } from "../train/index.node.ts";
import { networkFrom } from "../train/index.ts";
import { runPhases } from "./phased-run.ts";
import { recipeOfRun, type TrainingRunOptions } from "./training-run.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "langevin-phases-"));
});
afterAll(() => rm(root, { recursive: true }));

const base = {
  network: { mlp: { width: 16, blocks: 1, classes: 3 } },
  objective: { path: { name: "continuousCosine" }, prediction: "v" },
  data: { name: "moons", points: 256 },
  training: { steps: 6, batch: 16, learningRate: { peak: 1e-3 }, ema: { decay: 0.5 }, threads: 1 },
  sampling: { solver: { name: "ddim", steps: 4 } },
};
const recipe = (fields: object): Recipe => parseRecipe({ ...base, name: "tiny", ...fields }, "tiny");

const halvings = () =>
  recipe({
    objective: { ...base.objective, loss: { name: "progressive", steps: 2 } },
    teacher: { run: join(root, "teacher"), guidance: 1.5 },
    phases: [4, 2].map((steps) => ({ "objective.loss.steps": steps, "sampling.solver.steps": steps })),
  });

function run(
  of: Recipe,
  name: string,
  options: Partial<TrainingRunOptions> & { onPhase?: (phase: number) => void } = {},
) {
  return runPhases({
    recipe: of,
    folder: join(root, name),
    runtime: nodeRuntime(),
    pictures: false,
    sampleEvery: 0,
    signal: new AbortController().signal,
    onTick: () => {},
    onNote: () => {},
    ...options,
  });
}

describe("phases", () => {
  beforeAll(async () => {
    await run(recipe({}), "teacher");
    await run(halvings(), "whole");
  }, 60_000);

  it("are runs in the folder, each taught by the one before; the folder itself is the last", async () => {
    expect((await readdir(join(root, "whole"))).filter((name) => name.startsWith("phase"))).toEqual(["phase-1"]);
    const first = await readRun(join(root, "whole", "phase-1"));
    expect(first).toMatchObject({
      objective: { loss: { name: "progressive", steps: 4 } },
      sampling: { solver: { steps: 4 } },
      teacher: { run: join(root, "teacher"), guidance: 1.5 },
    });
    expect(first.phases).toBeUndefined();
    const last = await readRun(join(root, "whole"));
    expect(last).toMatchObject({ objective: { loss: { steps: 2 } }, sampling: { solver: { steps: 2 } } });
    expect(last.phases).toHaveLength(2);
  });

  it.each([
    ["the first", 1, 2],
    ["the last", 2, 4],
  ])("that are interrupted in %s end as those that were not, to the bit", async (_, phase, step) => {
    const name = `stopped-${phase}`;
    const controller = new AbortController();
    let now = 0;
    const stopped = await run(halvings(), name, {
      signal: controller.signal,
      onPhase(begun) {
        now = begun;
      },
      onTick: (tick) => now === phase && tick.step === step && controller.abort(),
    });
    expect(stopped).toMatchObject({ interrupted: true, step });
    expect(existsSync(join(root, name, "model.safetensors"))).toBe(phase === 2);
    const again = await recipeOfRun(join(root, name));
    const ended = await run(again, name, { resume: true });
    expect(ended).toMatchObject({ interrupted: false, step: 6, folder: join(root, name) });
    for (const file of ["phase-1/ema.safetensors", "ema.safetensors", "model.safetensors"]) {
      expect(await readFile(join(root, name, file)), file).toEqual(await readFile(join(root, "whole", file)));
    }
  });

  it("begin with the weights of their teacher", async () => {
    // One step of a learning rate of 0 would be the teacher itself; so small a one is it to float32.
    const still = { ...halvings(), training: { ...halvings().training, steps: 1, learningRate: { peak: 1e-30 } } };
    await run(recipe({ ...still }), "still");
    const network = networkFrom(base.network);
    const { slabs } = await loadCheckpoint(join(root, "teacher"), network);
    const found = await loadCheckpoint(join(root, "still"), network);
    expect(found.slabs.parameters).toEqual(slabs.average);
  });

  it("refuse to begin in a folder that holds a run", async () => {
    await expect(run(halvings(), "whole")).rejects.toThrow(FileAccessError);
  });
});

describe("a run with a teacher", () => {
  const onPairs = (count = 12) =>
    recipe({
      objective: { ...base.objective, loss: "knowledge" },
      teacher: { run: join(root, "teacher"), pairs: { count, solver: { name: "ddim", steps: 2 } } },
    });

  it("keeps its pairs, so that it goes on without its teacher, to the bit", async () => {
    await run(onPairs(), "pairs");
    const controller = new AbortController();
    const name = "pairs-stopped";
    await run(onPairs(), name, { signal: controller.signal, onTick: ({ step }) => step === 3 && controller.abort() });
    const pairs = await loadPairs(pairsFile(join(root, name)));
    expect(pairs).toMatchObject({ imageShape: [2, 1, 1], seed: 0, classes: ["upper", "lower"] });
    expect(pairs.images).toHaveLength(24);
    const without = await recipeOfRun(join(root, name));
    await run({ ...without, teacher: { ...without.teacher!, run: join(root, "gone") } }, name, { resume: true });
    const file = "ema.safetensors";
    expect(await readFile(join(root, name, file))).toEqual(await readFile(join(root, "pairs", file)));
  });

  it("says what is missing", async () => {
    const unnamed = { ...onPairs(), teacher: { ...onPairs().teacher!, run: undefined } };
    await expect(run(unnamed, "a")).rejects.toThrow(/--teacher runs/);
    const gone = { ...onPairs(), teacher: { ...onPairs().teacher!, run: join(root, "gone") } };
    await expect(run(gone, "b")).rejects.toThrow(/gone is not there: train it first/);
    expect(existsSync(join(root, "b", "run.json"))).toBe(false);
    await expect(loadPairs(join(root, "teacher", "model.safetensors"))).rejects.toThrow(/holds no pairs/);
  });

  it("refuses recipes that do not fit together", () => {
    const progressive = { ...base.objective, loss: { name: "progressive", steps: 4 } };
    expect(() => recipe({ objective: progressive })).toThrow(/tiny: the loss progressive needs a teacher/);
    expect(() => recipe({ objective: { ...base.objective, loss: "knowledge" }, teacher: {} })).toThrow(
      /set teacher\.pairs/,
    );
    expect(() => recipe({ objective: progressive, teacher: {}, phases: [{ "training.steps": 1 }, {}] })).toThrow(
      /phase 1 sets training\.steps, phase 2 none/,
    );
    expect(() => recipe({ objective: progressive, teacher: { guide: 2 } })).toThrow(ConfigError);
    const wrong = recipe({ objective: progressive, teacher: { run: "x" }, phases: [{ "training.step": 1 }] });
    return expect(run(wrong, "c")).rejects.toThrow(/Did you mean steps/);
  });
});
