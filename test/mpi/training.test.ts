/** Ranks of mpirun, with every implementation of MPI that this machine has. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCheckpoint } from "../../src/train/index.node.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { endAll, launch, launchers, pathOf } from "./launchers.ts";
import { runOf } from "./run.ts";

const [calls, rank] = ["calls.ts", "rank.ts"].map((name) => pathOf(name, import.meta.url));
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "langevin-mpi-"));
});
afterAll(async () => {
  endAll();
  await rm(root, { recursive: true });
});

const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

async function alone(...[name, options]: Parameters<typeof runOf>): Promise<TrainingState> {
  const training = train(runOf(name, options));
  for await (const _ of training);
  return training.state();
}

function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(...a.map((slab, i) => slab.reduce((most, value, k) => Math.max(most, Math.abs(value - b[i][k])), 0)));
}

describe.each(launchers)("$name", { timeout: 120_000 }, (launcher) => {
  it("sums, broadcasts and gathers over three ranks, and shares the cores", async () => {
    const { exitCode, out, error } = await launch(launcher, 3, [calls]).ended;
    expect(exitCode, error).toBe(0);
    const said = lines(out).sort((a, b) => a.rank - b.rank);
    expect(said.map(({ rank, size }) => [rank, size])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    for (const line of said) {
      expect(line).toMatchObject({
        slabIsRight: true,
        empty: 0,
        small: [1, 3],
        part: [21, 21, 21],
        untouched: true,
        broadcast: [[1, -5], [9]],
        gathered: [[0], [1.5], [3]],
        texts: ["rank 0", "rank 1", "rank 2"],
        text: "of 0",
      });
      expect(line.threads).toBeGreaterThanOrEqual(1);
      expect(line.library).toMatch(new RegExp(`^${launcher.name} v?\\d`));
    }
  });

  it("gives two ranks the weights of one process with twice the batch, to 1e-6 after 50 steps", async () => {
    const folder = await mkdtemp(join(root, "points-"));
    const { exitCode, out, error } = await launch(launcher, 2, [rank, folder, "points", "50", "8"]).ended;
    expect(exitCode, error).toBe(0);
    const whole = await alone("points", { steps: 50, batch: 16, replicas: 1 });
    const found = await loadCheckpoint(folder, runOf("points", { steps: 50, batch: 16 }).network);
    expect(largestDifference(found.slabs.parameters, whole.slabs.parameters)).toBeLessThan(1e-6);
    expect(largestDifference(found.slabs.average, whole.slabs.average)).toBeLessThan(1e-6);
    expect(found).toMatchObject({ step: 50, examples: whole.examples });
    const [first, second] = lines(out);
    expect(first.digest).toBe(second.digest);
    // The weights did move.
    const start = await alone("points", { steps: 1, batch: 16, replicas: 1 });
    expect(largestDifference(start.slabs.parameters, whole.slabs.parameters)).toBeGreaterThan(1e-2);
  });

  it("gives two ranks, to the bit, the U-Net of one process that works in two parts", async () => {
    const folder = await mkdtemp(join(root, "images-"));
    await launch(launcher, 2, [rank, folder, "images", "20", "4"]).ended;
    const whole = await alone("images", { steps: 20, batch: 8, replicas: 2 });
    const found = await loadCheckpoint(folder, runOf("images", { steps: 20, batch: 8 }).network);
    for (const slab of ["parameters", "first", "second", "average"] as const) {
      expect(largestDifference(found.slabs[slab], whole.slabs[slab])).toBe(0);
    }
    expect(found.lossByNoise).toEqual(whole.lossByNoise);
  });

  it("goes on with another number of ranks", async () => {
    const folder = await mkdtemp(join(root, "more-"));
    await launch(launcher, 2, [rank, folder, "points", "10", "6"]).ended;
    const { exitCode, out, error } = await launch(launcher, 3, [rank, folder, "points", "20", "4"]).ended;
    expect(exitCode, error).toBe(0);
    expect(new Set(lines(out).map(({ digest }) => digest)).size).toBe(1);
    const whole = await alone("points", { steps: 20, batch: 12, replicas: 1 });
    const found = await loadCheckpoint(folder, runOf("points", { steps: 20, batch: 12 }).network);
    expect(found).toMatchObject({ step: 20, examples: whole.examples });
  });
});

it.runIf(launchers.length > 1)("a library of the other implementation is noticed", async () => {
  for (const [i, launcher] of launchers.entries()) {
    const { library, name } = launchers[1 - i];
    const { exitCode, error, out } = await launch(launcher, 2, [calls], { env: { LANGEVIN_MPI: library } }).ended;
    expect(exitCode).not.toBe(0);
    expect(out).toBe("");
    expect(error).toMatch(
      new RegExp(
        `mpirun of ${launcher.name} started 2 ranks, but ${library} \\(${name} \\S+\\) counts 1: launcher and`,
      ),
    );
  }
});

it("without a launcher the same program is a run of one", async () => {
  const folder = await mkdtemp(join(root, "one-"));
  const shell = { name: "Open MPI", command: "sh", options: ["-c", 'shift 6; exec "$@"', "sh"], library: "" } as const;
  const { exitCode, out, error } = await launch(shell, 1, [rank, folder, "points", "3", "8"]).ended;
  expect(exitCode, error).toBe(0);
  expect(lines(out)).toMatchObject([{ rank: 0, step: 3 }]);
});
