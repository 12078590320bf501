/**
 * The train page, driven as a person would: train, look, pause, reload, resume, export; and the exported run in Node, where
 * it draws the same pictures as in the page. Then a run of the server, watched.
 */
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectiveFrom } from "../../src/diffusion/objective.ts";
import { solverFrom } from "../../src/diffusion/solvers/registry.ts";
import { writePng } from "../../src/io/picture.node.ts";
import { toPictures } from "../../src/io/picture.ts";
import { sample } from "../../src/pipelines/sample.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { loadModel } from "../../src/train/index.node.ts";
import { markTraining } from "../../src/train/training-mark.node.ts";
import { axeFaults } from "./axe.ts";
import { chromiumHere, expectNoErrors, type Studio, startChromiumStudio } from "./chromium.ts";
import { apart, greysOf } from "./pixels.ts";

const STEPS = 14;

describe.skipIf(!chromiumHere)("the train page", () => {
  let studio: Studio;
  let page: Page;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-train-page-"));
    await writeServedRun(join(folder, "runs", "served"), 3);
    studio = await startChromiumStudio({ runs: join(folder, "runs") });
    page = await studio.open("#/train");
    await page.getByRole("heading", { level: 1, name: "Train" }).waitFor();
  }, 120_000);
  afterAll(async () => {
    await studio?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const kept = () => page.getByRole("region", { name: "Runs in this browser" });
  const run = () => page.getByRole("region", { name: /^The run digits/ });
  const button = (name: string) => run().getByRole("button", { name, exact: true });
  const stepOf = async () => Number(/^Step\s+([\d,]+) of/.exec(await run().locator("dl").innerText())![1]);

  test("the form says what is asked of the network, and follows the recipe", async () => {
    await page.getByLabel("Recipe").selectOption("ddpm");
    await page.getByText("The network is asked for the noise in the picture.").waitFor();
    expect(await page.getByLabel("Steps", { exact: true }).inputValue()).toBe("2000");
    await page.getByLabel("Recipe").selectOption("digits");
    await page.getByText("The network is asked for the direction from the picture to the noise.").waitFor();
    expect(await page.getByLabel("Minutes", { exact: true }).inputValue()).toBe("4.5");
  });

  test("it trains: curve, bars and figures appear, and pausing saves", async () => {
    await page.getByLabel("For", { exact: true }).selectOption("steps");
    await page.getByLabel("Steps", { exact: true }).fill(String(STEPS));
    await page.getByRole("button", { name: "Start training" }).click();
    await expect.poll(stepOf, { timeout: 60_000 }).toBeGreaterThanOrEqual(4);
    const asked = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    expect((await asked).type()).toBe("beforeunload"); // steps are not saved yet
    await (await asked).dismiss();
    await button("Pause").click();
    await run()
      .getByText(/^paused; step \d+ is saved$/)
      .waitFor({ timeout: 60_000 });
    expect(
      await run()
        .getByRole("img", { name: /^Loss: loss/ })
        .getAttribute("aria-label"),
    ).toMatch(/Each step from [\d.]+ to/);
    expect(await run().getByRole("row").count()).toBe(11); // ten noise levels and the head
    const step = await stepOf();
    expect(step).toBeLessThan(STEPS);
    await kept().getByText(`step ${step} of ${STEPS}`).waitFor();
  }, 120_000);

  test("no serious fault of accessibility, in light and dark", async () => {
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Use the dark colours" }).click();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Use the light colours" }).click();
  });

  test("after a reload the run is offered, goes on with its curve, and ends with samples", async () => {
    const before = await stepOf();
    await page.reload();
    await kept().getByText(`step ${before} of ${STEPS}`).waitFor();
    await kept().getByRole("button", { name: "Resume digits" }).click();
    await run()
      .getByText(/^finished after/)
      .waitFor({ timeout: 90_000 });
    expect(await stepOf()).toBe(STEPS);
    const summary = await run()
      .getByRole("img", { name: /^Loss: loss/ })
      .getAttribute("aria-label");
    expect(summary).toMatch(/Each step from/);
    await run().getByText(`step ${STEPS}`, { exact: true }).waitFor();
    await page.reload(); // nothing is asked: all is saved
    await kept().getByRole("button", { name: "Show digits" }).click();
    await run()
      .getByRole("img", { name: `Samples after step ${STEPS}` })
      .waitFor();
    expect(
      await run()
        .getByRole("img", { name: /^Loss: loss/ })
        .getAttribute("aria-label"),
    ).toBe(summary);
  }, 300_000);

  test("the exported run draws in Node what it draws in the page", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), button("Export").click()]);
    expect(download.suggestedFilename()).toBe("digits.zip");
    const out = join(folder, "exported");
    for (const [name, bytes] of Object.entries(unzipSync(new Uint8Array(await readFile(await download.path()))))) {
      const path = join(out, ...name.split("/").slice(name.startsWith("digits/") ? 1 : 0));
      await mkdir(dirname(path), { recursive: true });
      if (!name.endsWith("/")) await writeFile(path, bytes);
    }
    const model = await loadModel(out);
    expect(existsSync(join(out, "samples", `step-${String(STEPS).padStart(6, "0")}.png`))).toBe(true);
    const lines = (await readFile(join(out, "metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).step);
    expect(lines).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    const { images, shape } = await sample({
      network: model.network,
      weights: model.weights,
      objective: objectiveFrom(model.run!.objective),
      runtime: nodeRuntime("cpu"),
      solver: solverFrom("ddim", { steps: 10, noiseFromClipped: true }),
      count: 4,
      seed: 5,
      guidance: 1,
    });

    const solver = encodeURIComponent(JSON.stringify({ name: "ddim", steps: 10, noiseFromClipped: true }));
    const other = await studio.open(`#/sample?model=browser:digits&solver=${solver}&seed=5&guidance=1&count=4`);
    await other.getByText(/^done in/).waitFor({ timeout: 60_000 });
    const shown = await greysOf(other.getByRole("group", { name: /^Drawing: The picture so far/ }));
    expect(shown.length).toBe(4);
    toPictures(images, shape).forEach(({ data }, n) => {
      expect(apart([...data], shown[n])).toBeLessThanOrEqual(1); // of 255: 1e-3 may round the other way
    });

    // The zip itself is opened as well, and is the same model.
    const weights = await other.getByText(/· weights [0-9a-f]{16}$/).innerText();
    const zip = { name: "digits.zip", mimeType: "application/zip", buffer: await readFile(await download.path()) };
    await other.getByLabel("Drop the zip").setInputFiles(zip);
    await expect
      .poll(() => other.getByLabel("Run", { exact: true }).inputValue(), { timeout: 10_000 })
      .toBe("disk:digits");
    await other.getByText(weights, { exact: true }).waitFor();
    await other.getByRole("slider", { name: "Steps" }).fill("2");
    await other.getByRole("button", { name: "Draw", exact: true }).last().click();
    await other.getByText(/^done in/).waitFor({ timeout: 60_000 });
    expectNoErrors(other);
    await other.close();
  }, 120_000);

  test("a run is removed when that is confirmed", async () => {
    await kept().getByRole("button", { name: "Remove digits" }).click();
    await kept().getByRole("button", { name: "Keep" }).click();
    await kept().getByRole("button", { name: "Remove digits" }).click();
    await kept().getByRole("alert").getByText("Remove digits for good?").waitFor();
    await kept().getByRole("button", { name: "Remove", exact: true }).click();
    await kept().getByText("None yet.").waitFor();
    await page.getByRole("button", { name: "Start training" }).waitFor();
    expectNoErrors(page);
  });

  test("files that are no pictures are named, and the pictures among them train", async () => {
    await page.getByLabel("Learn from").selectOption("pictures");
    await page.getByLabel("Size").selectOption("16");
    await page.getByLabel("Colours", { exact: true }).selectOption("1");
    const png = join(folder, "grey.png");
    await writePng(png, { width: 20, height: 20, channels: 1, data: new Uint8Array(400).fill(90) });
    const picture = { name: "grey.png", mimeType: "image/png", buffer: await readFile(png) };
    await page
      .getByLabel("Drop pictures here")
      .setInputFiles([
        picture,
        { ...picture, name: "other.png" },
        { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("none") },
      ]);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toContain("“notes.txt” is no picture that this browser can read");
    expect(await alert.innerText()).toContain("The 2 others are kept.");
    await page.getByText("2 pictures; with fewer than a thousand").waitFor();
    await page.getByLabel("For", { exact: true }).selectOption("steps");
    await page.getByLabel("Steps", { exact: true }).fill("3");
    await page.getByRole("button", { name: "Start training" }).click();
    const trained = page.getByRole("region", { name: "The run pictures" });
    await trained.getByText(/^finished after/).waitFor({ timeout: 60_000 });
    expectNoErrors(page);
  }, 90_000);

  test("a run that another process trains is opened by itself, and watched live to its end", async () => {
    const served = join(folder, "runs", "served");
    const training = await markTraining(served);
    const other = await studio.open("#/train");
    const watched = other.getByRole("region", { name: "The run served" });
    await watched.getByText("3 of 8").waitFor();
    await watched.getByText("live", { exact: true }).waitFor();
    expect(await watched.getByRole("button", { name: "Pause" }).count()).toBe(0);
    await watched.getByRole("img", { name: "Samples after step 2" }).waitFor();
    await appendFile(join(served, "metrics.jsonl"), lines(4, 6));
    await watched.getByText("6 of 8").waitFor();
    await writeSquare(join(served, "samples", "step-000006.png"), 90);
    await watched.getByRole("img", { name: "Samples after step 6" }).waitFor();
    await watched.getByRole("slider", { name: "Grid" }).press("Home");
    await watched.getByRole("img", { name: "Samples after step 2" }).waitFor();
    await appendFile(join(served, "metrics.jsonl"), lines(7, 8));
    await training[Symbol.asyncDispose]();
    await watched.getByText("finished", { exact: true }).waitFor();
    expect(await watched.getByRole("img", { name: /^Loss: loss/ }).getAttribute("aria-label")).toContain(
      "Each step from 1 to 0.125",
    );
    await watched.getByRole("button", { name: "Leave" }).click();
    await other.getByRole("button", { name: "Start training" }).waitFor();
    await other.getByRole("button", { name: "Watch served" }).click();
    await watched.getByText("8 of 8").waitFor();
    expectNoErrors(other);
    await other.close();
  });
});

const lines = (from: number, to: number) =>
  Array.from(
    { length: to - from + 1 },
    (_, i) =>
      `${JSON.stringify({ step: from + i, steps: 8, loss: 1 / (from + i), imagesPerSecond: 100, seconds: i })}\n`,
  ).join("");

/** A run folder as the command line leaves it. */
async function writeServedRun(path: string, steps: number): Promise<void> {
  await mkdir(join(path, "samples"), { recursive: true });
  const described = JSON.parse(await readFile(new URL("../../assets/digits/run.json", import.meta.url), "utf8"));
  await writeFile(
    join(path, "run.json"),
    JSON.stringify({ ...described, training: { ...described.training, steps: 8 } }),
  );
  await writeFile(join(path, "metrics.jsonl"), lines(1, steps));
  await writeSquare(join(path, "samples", "step-000002.png"), 200);
}

/** A grey picture of 8 × 8 pixels. */
async function writeSquare(path: string, level: number): Promise<void> {
  await writePng(path, { width: 8, height: 8, channels: 1, data: new Uint8Array(64).fill(level) });
}
