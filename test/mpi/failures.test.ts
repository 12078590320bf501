/** What `langevin train` does under mpirun when something breaks: the reason is said, all ranks end, a checkpoint is left. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProject, type Project, tinyRecipe } from "../../src/cli/testing/project.ts";
import { loadCheckpoint } from "../../src/train/index.node.ts";
import { networkFrom } from "../../src/train/index.ts";
import { endAll, type Launcher, launch, launchers, pathOf, type Running } from "./launchers.ts";

const main = pathOf("../../src/cli/main.ts", import.meta.url);
let project: Project;
beforeAll(async () => {
  project = await openProject();
});
afterAll(async () => {
  endAll();
  await project.remove();
});

const stateOf = (folder: string) => loadCheckpoint(join(project.folder, folder), networkFrom(tinyRecipe.network));

/** Ranks that train without end. */
function endless(launcher: Launcher, size: number, folder: string, env: Record<string, string> = {}): Running {
  const args = ["train", "tiny", "--out", folder, "--steps", "1000000", "--sample-every", "0", "--no-pictures"];
  return launch(launcher, size, [main, ...args], { cwd: project.folder, env });
}

async function goOn(launcher: Launcher, size: number, folder: string) {
  const steps = String((await stateOf(folder)).step + 4);
  const args = ["train", "--resume", folder, "--steps", steps, "--no-pictures", "--json"];
  const { exitCode, out, error } = await launch(launcher, size, [main, ...args], { cwd: project.folder }).ended;
  expect(exitCode, error).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ step: Number(steps), interrupted: false });
}

const seconds = async (ended: Promise<unknown>) => {
  const began = performance.now();
  await ended;
  return (performance.now() - began) / 1000;
};

describe.each(launchers)("$name", { timeout: 120_000 }, (launcher) => {
  const folderOf = (name: string) => `${name}-${launcher.name.replace(" ", "")}`;

  it("ends all ranks when one is killed, says so, and leaves what goes on with another number of ranks", async () => {
    const folder = folderOf("killed");
    const running = endless(launcher, 2, folder);
    await running.printed(/step 1\//);
    process.kill(await running.pid(1), "SIGKILL");
    expect(await seconds(running.ended)).toBeLessThan(30);
    const { exitCode, out, error } = await running.ended;
    expect(exitCode).not.toBe(0);
    expect(out + error).toMatch(/signal 9/); // the launcher's own words
    await goOn(launcher, 3, folder);
  });

  it("notices by itself that a rank does not answer, saves, and ends the others", async () => {
    const folder = folderOf("stopped");
    const running = endless(launcher, 3, folder, { LANGEVIN_MPI_TIMEOUT: "5" });
    await running.printed(/step 1\//);
    process.kill(await running.pid(1), "SIGSTOP");
    expect(await seconds(running.ended)).toBeLessThan(30);
    const { exitCode, error } = await running.ended;
    expect(exitCode).not.toBe(0);
    expect(error).toMatch(
      /langevin: rank 1 has not been heard of for \d s: its process was killed, or its machine is out/,
    );
    const step = Number(/saved step (\d+); go on with: .*--resume/.exec(error)?.[1]);
    expect((await stateOf(folder)).step).toBe(step);
    expect(step).toBeGreaterThan(0);
    await goOn(launcher, 2, folder);
  });

  it("says once what fails on all ranks, and what fails on one of them", async () => {
    const wrong = await launch(launcher, 3, [main, "train", "tinny"], { cwd: project.folder }).ended;
    expect(wrong.exitCode).toBe(2);
    expect(wrong.error.match(/no such recipe: "tinny"/g)).toHaveLength(1);
    // Rank 1 starts where the data are not.
    const elsewhere = join(project.folder, folderOf("elsewhere"));
    await mkdir(elsewhere);
    const folder = folderOf("one");
    const running = launch(
      launcher,
      2,
      [pathOf("elsewhere.ts", import.meta.url), elsewhere, "train", "tiny", "--out", folder],
      {
        cwd: project.folder,
      },
    );
    const { exitCode, error } = await running.ended;
    expect(exitCode).toBe(1);
    expect(error).toMatch(/langevin: rank 1 failed: there is no folder images; check the path/);
    expect(existsSync(join(elsewhere, folder))).toBe(false);
    await rm(elsewhere, { recursive: true });
  });

  it("ends well at Ctrl-C, on all ranks after the same step", async () => {
    const folder = folderOf("interrupted");
    const running = endless(launcher, 2, folder);
    await running.printed(/step 1\//);
    process.kill(await running.pid(1), "SIGINT"); // one of them suffices
    const { error, out } = await running.ended;
    const step = Number(/stopped after step (\d+) of 1000000/.exec(out)?.[1]);
    expect((await stateOf(folder)).step, error).toBe(step);
  });
});
