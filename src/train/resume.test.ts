/**
 * A run that is killed with SIGKILL, at any step or in the middle of a save, and taken up again ends with the same
 * weights, moments, average and metrics, to the bit, as a run that was not interrupted.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clearTemporary } from "../io/files.node.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.node.ts";
import { openMetrics, readMetrics } from "./runs.node.ts";
import type { TrainingState } from "./state.ts";
import { tinyRun } from "./testing/tiny.ts";
import { train } from "./train.ts";

const STEPS = 40;
const SAVE_EVERY = 3;
const children = new Set<ChildProcess>();
const child = fileURLToPath(new URL("./testing/run-child.ts", import.meta.url));
let root: string;
let whole: { state: TrainingState; losses: number[] };

/** Trains in this process from what a folder holds, or anew, and keeps metrics. */
async function finish(folder: string, from?: TrainingState) {
  const metrics = await openMetrics(folder, from?.step ?? 0);
  const training = train(tinyRun({ steps: STEPS, from }));
  for await (const { step, loss } of training) await metrics.append({ step, loss });
  return training.state();
}

/** Starts the child in a folder; resolves with its signal and its last step. `onStep` may kill it. */
function startChild(
  folder: string,
  extra: readonly string[],
  onStep: (step: number, kill: () => void) => void = () => {},
) {
  const args = ["--import", "tsx", child, folder, String(STEPS), String(SAVE_EVERY), ...extra];
  const running = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(running);
  let last = 0;
  createInterface({ input: running.stdout }).on("line", (line) => {
    last = Number(line.replace("step ", ""));
    onStep(last, () => running.kill("SIGKILL"));
  });
  return new Promise<{ signal: string | null; last: number }>((resolve) => {
    running.on("close", (_, signal) => {
      children.delete(running);
      resolve({ signal, last });
    });
  });
}

async function expectSame(folder: string, state: TrainingState) {
  const { seconds: _, ...found } = state;
  const { seconds: __, ...expected } = whole.state;
  expect(found.slabs).toEqual(expected.slabs);
  expect(found).toMatchObject({ step: STEPS, examples: expected.examples, lossByNoise: expected.lossByNoise });
  const lines = await readMetrics(folder);
  expect(lines.map((line) => line.step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  expect(lines.map((line) => line.loss)).toEqual(whole.losses);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "langevin-resume-"));
  const folder = await mkdtemp(join(root, "whole-"));
  const state = await finish(folder);
  whole = { state, losses: (await readMetrics(folder)).map((line) => line.loss as number) };
});
afterAll(async () => {
  for (const running of children) running.kill("SIGKILL"); // of a test that failed
  await rm(root, { recursive: true });
});

describe("a run that was killed", () => {
  it("at a random step ends as one that was not", async () => {
    const folder = await mkdtemp(join(root, "step-"));
    const at = SAVE_EVERY + 1 + Math.floor(Math.random() * (STEPS - SAVE_EVERY - 10));
    const delay = Math.random() * 20; // ms, to hit any place of a step
    const { signal } = await startChild(folder, ["linger"], (step, kill) => {
      if (step === at) setTimeout(kill, delay);
    });
    const where = `killed ${delay} ms after step ${at}`;
    expect(signal, where).toBe("SIGKILL");
    await clearTemporary(folder);
    const from = await loadCheckpoint(folder, tinyRun().network);
    expect(from.step === STEPS || from.step % SAVE_EVERY === 0, where).toBe(true);
    expect(from.step, where).toBeGreaterThan(at - SAVE_EVERY - 1);
    await expectSame(folder, await finish(folder, from));
  });

  it.each([
    ["write", 9, 1],
    ["rename", 9, 1],
    ["renamed", 12, 0],
  ] as const)(
    "while saving, at %s, leaves a whole state, that of step %i, and ends the same",
    async (call, step, left) => {
      const folder = await mkdtemp(join(root, "save-"));
      const { signal, last } = await startChild(folder, ["4", call]);
      expect(signal).toBe("SIGKILL");
      expect(last).toBe(11);
      expect(await clearTemporary(folder)).toHaveLength(left);
      expect((await readdir(folder)).sort()).toEqual(["metrics.jsonl", "state.safetensors"]);
      const from = await loadCheckpoint(folder, tinyRun().network);
      expect(from.step).toBe(step);
      await expectSame(folder, await finish(folder, from));
    },
  );

  it("and taken up by another process, through its last save, holds the same state on disk", async () => {
    const folder = await mkdtemp(join(root, "twice-"));
    const first = await startChild(folder, ["linger"], (step, kill) => step === 17 && kill());
    expect(first.signal).toBe("SIGKILL");
    const second = await startChild(folder, []);
    expect(second).toEqual({ signal: null, last: STEPS });
    await expectSame(folder, await loadCheckpoint(folder, tinyRun().network));
  });
});

it("a state saved and loaded is the same to the bit", async () => {
  const folder = await mkdtemp(join(root, "same-"));
  await saveCheckpoint(folder, tinyRun().network, whole.state);
  const { layout: _, ...found } = await loadCheckpoint(folder, tinyRun().network);
  const { layout: __, ...expected } = whole.state;
  expect(found).toEqual(expected);
});
