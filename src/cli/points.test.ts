/**
 * The command line with points of the plane, and with paths: nothing here is an image.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { solvers } from "../diffusion/solvers/registry.ts";
import { straightLine } from "../diffusion/straight-line.ts";
import { scheduleChart, timeAt } from "./commands/schedule.ts";
import { openProject, type Project, run } from "./testing/project.ts";

let project: Project;
beforeAll(async () => {
  project = await openProject();
  const small = ["--set", "network.mlp.width=8", "--set", "sampling.count=40", "--threads", "1"];
  const ran = await run("train", "toy-flow", "--out", "points", "--steps", "4", "--batch", "8", ...small);
  expect(ran).toMatchObject({ exitCode: 0 });
});
afterAll(() => project.remove());

describe("a run on points", () => {
  it("leaves a whole run folder, with scatters for pictures and a configuration of its own", async () => {
    const files = await readdir("points");
    for (const name of ["samples.png", "denoising.webp", "forward.png", "model.onnx", "ema.safetensors", "run.json"]) {
      expect(files, name).toContain(name);
    }
    expect(JSON.parse(await readFile("points/config.json", "utf8"))).toMatchObject({ _class_name: "MLP", width: 8 });
    const { width, channels } = await sharp("points/samples.png").metadata();
    expect([width! > 800, channels]).toEqual([true, 3]);
    expect(JSON.parse(await readFile("points/run.json", "utf8")).data).toEqual({
      name: "checkerboard",
      points: 100_000,
      seed: 0,
    });
  });

  it("goes on, is inspected, and is judged by the energy distance", async () => {
    const more = await run("train", "--resume", "points", "--steps", "5", "--no-pictures", "--json");
    expect(JSON.parse(more.out)).toMatchObject({ step: 5 });
    const inspected = await run("inspect", "points");
    expect(inspected.out).toMatch(/network +MLP 8, \d blocks/);
    expect(JSON.parse((await run("inspect", "points", "--json")).out).imageShape).toEqual([2, 1, 1]);
    const judged = JSON.parse((await run("evaluate", "points", "--count", "100", "--json")).out);
    expect(judged).toMatchObject({ run: "points", count: 100 });
    expect(judged.energy.ratio).toBeGreaterThan(5); // five steps do not make a checkerboard
    expect((await run("evaluate", "points", "--count", "50")).out).toMatch(/energy distance: .*real against real/);
    expect(await run("evaluate", "points", "--count", "5")).toMatchObject({ exitCode: 1, out: "" });
  });

  it("is drawn as a scatter, as a strip, as an animation, or as numbers", async () => {
    const args = ["--count", "30", "--steps", "3"];
    const strip = await run("sample", "points", ...args, "--out", "scatter.png", "--trace", "strip.png");
    expect(strip).toMatchObject({ exitCode: 0, out: expect.stringContaining("30 points in") });
    expect(existsSync("scatter.png")).toBe(true);
    const { width, height } = await sharp("strip.png").metadata();
    expect(width! / height!).toBeGreaterThan(1.2); // three columns, two rows
    await run("sample", "points", ...args, "--out", "drawn", "--trace", "way.webp");
    expect((await readFile("drawn/points.csv", "utf8")).trim().split("\n")).toHaveLength(31);
    expect((await sharp("way.webp").metadata()).pages).toBe(3);
  });

  it("is drawn by every solver that its path allows, and told by the others what they need", async () => {
    const refused: string[] = [];
    for (const name of Object.keys(solvers)) {
      const ran = await run("sample", "points", "--solver", name, "--count", "4", "--out", "solved.png", "--json");
      if (ran.exitCode === 0) expect(JSON.parse(ran.out).solver.name).toBe(name);
      else {
        expect(ran).toMatchObject({ exitCode: 2, out: "" });
        expect(ran.error).not.toMatch(/steps is missing|unexpected/);
        refused.push(name);
      }
    }
    // On the straight line sigma / alpha goes to infinity, so what walks down a list of noise levels cannot begin.
    expect(refused).toEqual(expect.arrayContaining(["ddpm", "euler", "heun"]));
    for (const name of ["ddim", "flowEuler", "flowHeun", "unipc", "dpmppMultistep"])
      expect(refused).not.toContain(name);
  });

  it("takes other points, and no images", async () => {
    const small = ["--set", "network.mlp.width=8", "--steps", "1", "--batch", "4", "--no-pictures", "--json"];
    const ran = await run("train", "toy-flow", "--data", "rings", "--out", "rings", ...small);
    expect(JSON.parse(ran.out)).toMatchObject({ folder: "rings", step: 1 });
    for (const [args, message] of [
      [["--data", "images"], /takes points of the plane, not "images"/],
      [["--data", "digits"], /digits.*\[1, 28, 28\].*\[2, 1, 1\]/],
      [["--size", "32"], /no pixels/],
      [["--set", "data.points=0"], /data: points/],
    ] as const) {
      expect(await run("train", "toy-flow", ...args)).toMatchObject({
        exitCode: 2,
        error: expect.stringMatching(message),
      });
    }
  });
});

describe("schedule", () => {
  it("draws paths, and prints what they are", async () => {
    const ran = await run("schedule", "linear", '{"name":"cosine","timesteps":500}', "--out", "charts/schedule.svg");
    expect(ran).toMatchObject({ exitCode: 0, error: expect.stringContaining("charts/schedule.svg") });
    expect(ran.out).toMatch(/linear: 1000 timesteps/);
    expect(ran.out).toMatch(/cosine \(timesteps 500\): 500 timesteps/);
    // Ho et al. 2020: betas from 1e-4 to 0.02, so alpha_0 = sqrt(1 - 1e-4), sigma_0 = 0.01.
    expect(ran.out).toMatch(/^ +0 +0\.99995 +0\.01 +9\.21024 +0\.0001 +0$/m);
    expect(await readFile("charts/schedule.svg", "utf8")).toContain(">β of each timestep</text>");
    await run("schedule", "straightLine", "--out", "schedule.png");
    expect((await sharp("schedule.png").metadata()).format).toBe("png");
  });

  it("prints JSON from which the same paths are made", async () => {
    const { out } = await run("schedule", "straightLine", "linear", "--points", "3", "--json");
    const [straight, linear] = JSON.parse(out);
    expect(straight).toMatchObject({ name: "straightLine", span: [0, 1] });
    expect(straight.rows.map(({ t, alpha, logSnr }: Record<string, number>) => [t, alpha, logSnr])).toEqual([
      [0, 1, null],
      [0.5, 0.5, 0],
      [1, 0, null],
    ]);
    expect(linear).toMatchObject({ name: "linear", timesteps: 1000, start: 1e-4, end: 0.02 });
    expect(linear.rows.map(({ t }: { t: number }) => t)).toEqual([0, 500, 999]);
    expect(linear.rows[2].beta).toBe(0.02);
  });

  it("gives noise levels a logarithmic clock, and [0, 1] an even one", () => {
    const path = { ...straightLine(), span: [0.01, 100] as const };
    expect(timeAt(path, 0.5)).toBeCloseTo(1, 12);
    expect(timeAt(path, 1)).toBe(100);
    expect(timeAt(straightLine(), 0.25)).toBe(0.25);
    expect(timeAt({ ...straightLine(), timesteps: 5, span: [0, 4] }, 0.4)).toBe(2);
    expect(scheduleChart([{ label: "line", path: straightLine() }]).panels).toHaveLength(3);
  });
});
