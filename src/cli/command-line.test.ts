import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readImage } from "../io/picture.node.ts";
import { readMetrics, readRun } from "../train/index.node.ts";
import { openProject, type Project, type Ran, run } from "./testing/project.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const tsx = import.meta.resolve("tsx");

/** Runs the command as users do; `onError` sees what it prints to standard error and may send a signal. */
function runAsChild(
  args: string[],
  onError: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ran> {
  const child = spawn(process.execPath, ["--import", tsx, main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ran: Ran = { exitCode: -1, out: "", error: "" };
  child.stdout.on("data", (data) => {
    ran.out += data;
  });
  child.stderr.on("data", (data) => {
    ran.error += data;
    onError(ran.error, (signal) => child.kill(signal));
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...ran, exitCode: code ?? -1 }));
  });
}

let project: Project;
beforeAll(async () => {
  project = await openProject();
});
afterAll(() => project.remove());

describe("train", () => {
  it("leaves a whole run folder, with the pictures", async () => {
    const ran = await run("train", "tiny", "--sample-every", "4", "--set", "training.clip=1", "--seed", "3");
    expect(ran.error).toMatch(/training tiny into runs.tiny\n/);
    expect(ran).toMatchObject({ exitCode: 0, out: expect.stringContaining("6 steps in") });
    expect(ran.out).toContain("sample runs/tiny --seed 1");
    const files = await readdir("runs/tiny", { recursive: true });
    expect(files.sort()).toEqual([
      "config.json",
      "denoising.webp",
      "diffusion_pytorch_model.safetensors.index.json",
      "ema.safetensors",
      "forward.png",
      "metrics.jsonl",
      "model.onnx",
      "model.safetensors",
      "run.json",
      "samples",
      "samples.png",
      "samples/step-000004.png",
      "state.safetensors",
    ]);
    expect(await readRun("runs/tiny")).toMatchObject({ recipe: "tiny", seed: 3, training: { clip: 1, steps: 6 } });
    const metrics = await readMetrics("runs/tiny");
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(metrics[5].lossByNoise).toHaveLength(10);
  });

  it("takes the next free folder, and goes on with a run that is done only for more steps", async () => {
    const again = await run("train", "tiny", "--json", "--no-pictures", "--steps", "5");
    expect(again.error).toBe("");
    const result = JSON.parse(again.out);
    expect(result).toMatchObject({ folder: "runs/tiny-2", step: 5, steps: 5, interrupted: false, pictures: [] });
    expect(await run("train", "--resume", "runs/tiny-2")).toMatchObject({
      exitCode: 2,
      error: expect.stringContaining("has done its 5 steps; give more with --steps"),
    });
    const more = await run("train", "--resume", "runs/tiny-2", "--steps", "7", "--json", "--no-pictures");
    expect(JSON.parse(more.out)).toMatchObject({ step: 7, steps: 7 });
    expect((await readMetrics("runs/tiny-2")).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await readRun("runs/tiny-2")).toMatchObject({ training: { steps: 7 } });
    expect(await run("train", "--resume", "runs/tiny-2", "--batch", "3")).toMatchObject({
      exitCode: 2,
      error: expect.stringMatching(/batch cannot be given/),
    });
  });

  it("ends well at Ctrl-C, and says how to go on", async () => {
    let killed = false;
    const steps = "1000000";
    const ran = await runAsChild(["train", "tiny", "--out", "stopped", "--steps", steps], (text, kill) => {
      if (!text.includes("step 1/") || killed) return;
      killed = true;
      kill("SIGINT");
    });
    expect(ran.error).toContain("Ctrl-C again quits");
    expect(ran.exitCode).toBe(130);
    const step = Number(/stopped after step (\d+) of 1000000/.exec(ran.out)?.[1]);
    expect(ran.out).toContain("train --resume stopped");
    expect(step).toBeGreaterThan(0);
    const resumed = await run("train", "--resume", "stopped", "--steps", String(step + 2), "--no-pictures", "--json");
    expect(JSON.parse(resumed.out)).toMatchObject({ step: step + 2, interrupted: false });
  });
});

describe("what a run is good for", () => {
  it("sample writes a grid, single images and the way there", async () => {
    const grid = await run("sample", "runs/tiny", "--count", "3", "--seed", "5", "--json", "--set", "eta=1");
    expect(JSON.parse(grid.out)).toMatchObject({
      out: "runs/tiny/samples-seed5.png",
      count: 3,
      seed: 5,
      solver: { name: "ddim", steps: 2, eta: 1 },
      weights: "runs/tiny/ema.safetensors",
    });
    expect(existsSync("runs/tiny/samples-seed5.png")).toBe(true);
    const args = ["--solver", "ddpm", "--steps", "3", "--out", "drawn", "--trace", "way.gif", "--count", "2"];
    expect(await run("sample", "runs/tiny", ...args)).toMatchObject({ exitCode: 0 });
    expect(await readdir("drawn")).toEqual(["00000.png", "00001.png"]);
    expect((await readFile("way.gif")).subarray(0, 4).toString()).toBe("GIF8");
    await run("sample", "runs/tiny", "--steps", "3", "--trace", "strip.png", "--set", "solver.eta=0.5");
    const { width, height } = await readImage("strip.png"); // three steps; a row of states and one of x0 for each of four
    expect([width, height]).toEqual([3 * (56 + 2) + 2, 8 * (56 + 2) + 2]);
  });

  it("inspect shows recipes and runs", async () => {
    const recipe = await run("inspect", "digits");
    expect(recipe.out).toContain("704,484"); // bench/networks.json, and a table of 11 classes of 128 numbers
    expect(recipe.out).toMatch(/flow/);
    const ran = JSON.parse((await run("inspect", "runs/tiny", "--json")).out);
    expect(ran).toMatchObject({ state: "state.safetensors, step 6 of 6", imageShape: [1, 8, 8] });
    expect(ran.blocks.reduce((sum: number, block: { parameters: number }) => sum + block.parameters, 0)).toBe(
      ran.parameters,
    );
    expect(ran.training.ops.matmul ?? ran.training.ops.conv).toBeGreaterThan(0);
  });

  it("inspect checks folders of images", async () => {
    const good = await run("inspect", "images", "--json");
    expect(good.exitCode).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({ images: 6, grey: 6, colour: 0, largest: [8, 8], problems: [] });
    await mkdir("bad");
    await writeFile("bad/x.png", "no image");
    const bad = await run("inspect", "bad");
    expect(bad).toMatchObject({ exitCode: 1, out: expect.stringMatching(/x\.png is not a usable image/) });
  });

  it("recipes lists the project's own", async () => {
    const { exitCode, out } = await run("recipes");
    expect(exitCode).toBe(0);
    for (const name of ["digits", "ddpm-cifar10", "tiny"]) expect(out).toMatch(new RegExp(`^${name} `, "m"));
    expect(JSON.parse((await run("recipes", "--json")).out).map(({ name }: { name: string }) => name)).toContain(
      "tiny",
    );
  });
});

describe("bad usage is one clear line", () => {
  const cases: [string[], number, RegExp][] = [
    [["train", "tny"], 2, /no such recipe: "tny"\. Did you mean tiny\?/],
    [["train"], 2, /name a recipe to train/],
    [["trian", "tiny"], 2, /unknown command 'trian'/],
    [["train", "tiny", "--steps", "0"], 2, /'--steps <n>' argument '0' is invalid\. Give a whole number from 1/],
    [["train", "tiny", "--batch", "0"], 2, /'--batch <n>' argument '0' is invalid/],
    [["train", "tiny", "--batch", "many"], 2, /'many' is invalid/],
    [["train", "tiny", "--bach", "3"], 2, /unknown option '--bach'/],
    [["train", "tiny", "--device", "abacus"], 1, /device abacus is no device.*this machine has .*cpu/],
    [["train", "tiny", "--set", "training.bach=3"], 2, /unknown field training\.bach\. Did you mean batch\?/],
    [["train", "tiny", "--set", "training.batch=x"], 2, /training\.batch: .*given "x"/],
    [["train", "tiny", "--size", "0"], 2, /'--size <pixels>' argument '0'/],
    [["train", "tiny", "--out", "runs/tiny"], 1, /runs\/tiny holds a run already/],
    [["train", "ddpm-folder"], 2, /needs a folder of images.*--data/],
    [["train", "tiny", "--data", "empty"], 1, /there are no images in empty/],
    [["train", "tiny", "--data", "nowhere"], 1, /nowhere/],
    [["train", "tiny", "--data", "spoilt"], 1, /x\.png is not a usable image/],
    [["train", "--resume", "images"], 1, /images is no run folder/],
    [["sample", "nowhere"], 1, /there is no folder nowhere/],
    [["sample", "runs/tiny", "--solver", "dimm"], 2, /unknown solver "dimm"\. Did you mean .*ddim/],
    [["sample", "runs/tiny", "--steps", "21"], 2, /steps must be an integer from 1 to .*20/],
    [["sample", "runs/tiny", "--class", "1"], 2, /no classes/],
    [["sample", "runs/tiny", "--trace", "way.jpg"], 2, /strip to a file that ends in \.png, or an animation to \.webp/],
    [["sample", "runs/tiny", "--set", "eta"], 2, /"eta" sets nothing; write option=value/],
    [["sample", "runs/tiny", "--set", "solver.etta=1"], 2, /ddim: unknown option "etta"\. Did you mean eta/],
    [["schedule"], 2, /missing required argument 'path'/],
    [["schedule", "liner"], 2, /unknown path "liner"\. Did you mean linear/],
    [["schedule", '{"name":"linear","timestep":3}'], 2, /linear: unknown option "timestep"\. Did you mean timesteps/],
    [["schedule", "{name:linear}"], 2, /a path with options is JSON/],
    [["schedule", "linear", "linear"], 2, /linear is given twice/],
    [["schedule", "linear", "--out", "chart.jpg"], 2, /ends in \.svg or \.png, not to chart\.jpg/],
    [["schedule", "linear", "--points", "1"], 2, /'--points <n>' argument '1'/],
    [["evaluate", "runs/tiny"], 2, /judges handwritten digits/],
    [["inspect", "tony"], 2, /neither a folder nor a recipe\. Did you mean tiny/],
  ];
  beforeAll(async () => {
    await mkdir("empty");
    await mkdir("spoilt");
    await writeFile("spoilt/x.png", "no image");
    expect(existsSync("runs/tiny/run.json")).toBe(true);
  });

  it.each(cases)("%j", async (args, exitCode, message) => {
    const ran = await run(...args);
    expect(ran.error).toMatch(message);
    expect(ran).toMatchObject({ exitCode, out: "" });
    expect(ran.error).not.toMatch(/\n {4}at /);
    expect(ran.error.split("\n").filter((line) => line.startsWith("langevin: "))).toHaveLength(1);
  });

  it("a folder with files that are no images trains with --skip-bad", async () => {
    await writeFile("images/x.png", "no image");
    const args = ["train", "tiny", "--out", "skipped", "--steps", "1", "--no-pictures"];
    expect((await run(...args)).error).toMatch(/x\.png is not a usable image/);
    const ran = await run(...args, "--skip-bad");
    expect(ran).toMatchObject({ exitCode: 0, error: expect.stringMatching(/left out: .*x\.png/) });
  });
});

describe("help", () => {
  it("shows examples, and is no error", async () => {
    for (const name of ["train", "sample", "evaluate", "studio", "schedule", "inspect"]) {
      const { exitCode, out } = await run(name, "--help");
      expect(exitCode).toBe(0);
      expect(out).toMatch(/Examples:/);
      expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThan(110);
    }
    expect(await run("--version")).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe("demo", () => {
  it("trains, and leaves pictures and a run folder", { timeout: 180_000 }, async () => {
    const ran = await runAsChild(["demo", "--seconds", "4"]);
    expect(ran.error).toContain("now a fresh model learns them");
    expect(ran.exitCode).toBe(0);
    for (const name of ["samples.png", "denoising.webp", "forward.png", "model.safetensors", "run.json"]) {
      expect(existsSync(`runs/demo/${name}`), name).toBe(true);
    }
    expect(ran.out).toContain("runs/demo/samples.png");
    expect(ran.out).toContain("sample runs/demo --count 100 --seed 1");
  });
});
