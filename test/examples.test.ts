import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-examples-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs an example with a few steps; raises when it ends with an error. */
async function runExample(name: string): Promise<string> {
  const path = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
  const env = { ...process.env, LANGEVIN_SMOKE: "1", LANGEVIN_OUT: folder };
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), path], {
    env,
  });
  return stdout;
}

describe("the examples run", () => {
  it.each([
    ["01-toy-ddpm.ts", /1000 points against real ones of moons/, ["moons.png"]],
    ["02-toy-score.ts", /drawn to .*swiss-roll\.png/, ["swiss-roll.png"]],
    ["03-toy-flow.ts", /2 steps: energy distance \d/, ["steps.svg"]],
    ["04-toy-edm.ts", /heun: energy distance \d/, ["heun.png", "dpmppMultistep.png"]],
  ])("%s", async (example, says, files) => {
    const out = await runExample(example);
    expect(out).toMatch(/3\/3 {2}loss \d/);
    expect(out).toMatch(says);
    for (const name of files) expect(existsSync(join(folder, name)), name).toBe(true);
  });

  it("05-train-digits and 06-sample", async () => {
    expect(await runExample("05-train-digits.ts")).toMatch(/3\/3 {2}loss \d/);
    expect(await runExample("06-sample.ts")).toContain("16 images in 2 steps");
    for (const name of ["run.json", "model.onnx", "samples.png", "1-steps.png", "way.webp"]) {
      expect(existsSync(join(folder, name)), name).toBe(true);
    }
  });
});
