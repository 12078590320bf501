/**
 * The sample page, driven as a person would, with the weights that come with langevin: two solvers, steps to scrub, a
 * comparison, a row between two seeds, a part painted over and filled in, links that draw the same in a new page, files.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectiveFrom } from "../../src/diffusion/objective.ts";
import { solverFrom } from "../../src/diffusion/solvers/registry.ts";
import { pngChunks } from "../../src/io/apng.ts";
import { toPictures } from "../../src/io/picture.ts";
import { sample } from "../../src/pipelines/sample.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { loadModel } from "../../src/train/index.node.ts";
import { axeFaults } from "./axe.ts";
import { chromiumHere, expectNoErrors, type Studio, startChromiumStudio } from "./chromium.ts";
import { apart, greysOf } from "./pixels.ts";

const shippedFolder = fileURLToPath(new URL("../../assets/digits", import.meta.url));

describe.skipIf(!chromiumHere)("the sample page", () => {
  let studio: Studio;
  let page: Page;

  beforeAll(async () => {
    studio = await startChromiumStudio();
    page = await studio.open("#/sample");
    await page.getByRole("button", { name: "Draw", exact: true, pressed: true }).waitFor();
  }, 120_000);
  afterAll(() => studio?.[Symbol.asyncDispose]());

  const group = (on: Page, name: RegExp) => on.getByRole("group", { name });
  const state = (on: Page = page) => greysOf(group(on, /^Drawing: The picture so far/));
  const mode = (name: string) =>
    page.getByRole("group", { name: "What to draw" }).getByRole("button", { name, exact: true });
  const done = (on: Page = page) => on.getByText(/^done in/).waitFor({ timeout: 60_000 });

  async function slide(name: string, value: number): Promise<void> {
    await page.getByRole("slider", { name, exact: true }).fill(String(value));
  }

  /** Clicks and waits for the end of what begins. */
  async function drawWith(words: string): Promise<void> {
    const all = page.getByRole("button", { name: words, exact: true });
    await all.last().click();
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await done();
  }

  test("it draws what the library draws in Node", async () => {
    await slide("Steps", 8);
    await slide("Pictures", 4);
    await page.getByLabel("Class").selectOption("7");
    await page.getByLabel("Seed", { exact: true }).fill("3");
    await drawWith("Draw");
    const model = await loadModel(shippedFolder);
    const { name: _, ...own } = model.run!.sampling!.solver as { name: string };
    const { images, shape } = await sample({
      network: model.network,
      weights: model.weights,
      objective: objectiveFrom(model.run!.objective),
      runtime: nodeRuntime("cpu"),
      solver: solverFrom("ddim", { ...own, steps: 8 }),
      count: 4,
      seed: 3,
      guidance: 1.5,
      classLabel: 7,
    });
    const shown = await state();
    toPictures(images, shape).forEach(({ data }, n) => {
      expect(apart([...data], shown[n])).toBeLessThanOrEqual(1); // of 255: 1e-3 may round the other way
    });
  }, 90_000);

  test("the steps are scrubbed by the keyboard, from noise to the picture", async () => {
    const last = await state();
    const scrubber = page.getByRole("slider", { name: "Step", exact: true });
    expect(await scrubber.getAttribute("aria-valuetext")).toMatch(/^step 8 of 8, t = /);
    await scrubber.focus();
    await page.keyboard.press("Home");
    expect(await scrubber.getAttribute("aria-valuetext")).toMatch(/^step 1 of 8/);
    const first = await state();
    expect(apart(first[0], last[0])).toBeGreaterThan(60);
    await page.keyboard.press("ArrowRight");
    expect(await scrubber.getAttribute("aria-valuetext")).toMatch(/^step 2 of 8/);
    await page.keyboard.press("End");
    expect(await state()).toEqual(last);
  });

  test("a link opened in a new page draws the same, to the pixel", async () => {
    const other = await studio.open();
    await other.goto(page.url());
    await done(other);
    expect(await state(other)).toEqual(await state());
    expect(await other.getByRole("alert").count()).toBe(0);
    expectNoErrors(other);
    await other.close();
  }, 90_000);

  test("a link of other weights under the same name says so; one that cannot be read draws nothing else quietly", async () => {
    const other = await studio.open();
    await other.goto(page.url().replace(/weights=\w+/, "weights=0123456789abcdef"));
    await other.getByRole("alert").getByText("The link was made with other weights (0123456789abcdef)").waitFor();
    await other.goto(page.url().replace(/seed=\d+/, "seed=minus"));
    await other.getByRole("alert").getByText('the link has seed "minus"').waitFor();
    await other.goto(page.url().replace(/model=[^&]+/, "model=browser%3Agone"));
    await other.getByRole("alert").getByText("this browser keeps no run gone").waitFor();
    await other.close();
  }, 90_000);

  test("another solver draws another picture; solvers that cannot are told apart", async () => {
    const before = await state();
    const solver = page.getByLabel("Solver");
    await solver.selectOption("unipc");
    await page.getByText("Predicts a step, then corrects it").waitFor();
    await drawWith("Draw");
    expect(apart(before[0], (await state())[0])).toBeGreaterThan(3);
    expect(await solver.locator("option", { hasText: "DDPM (not for this run)" }).isDisabled()).toBe(true);
    await solver.selectOption("ddim");
  }, 90_000);

  test("a PNG and an animation that Chromium plays are saved", async () => {
    await drawWith("Draw");
    const [png] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save PNG" }).click(),
    ]);
    expect(png.suggestedFilename()).toBe("digits-seed3.png");
    expect(pngChunks(await readFile(await png.path()))[0].type).toBe("IHDR");
    const [way] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save animation" }).click(),
    ]);
    const bytes = await readFile(await way.path());
    const frames = await page.evaluate(
      async (list) => {
        const Decoder = (
          globalThis as unknown as {
            ImageDecoder: new (
              init: object,
            ) => { tracks: { ready: Promise<void>; selectedTrack: { frameCount: number } } };
          }
        ).ImageDecoder;
        const decoder = new Decoder({ data: new Uint8Array(list), type: "image/png" });
        await decoder.tracks.ready;
        return decoder.tracks.selectedTrack.frameCount;
      },
      [...bytes],
    );
    expect(frames).toBe(8);
  }, 90_000);

  test("two settings with one seed are compared", async () => {
    await mode("Compare").click();
    await slide("A: Steps", 8);
    await slide("B: Steps", 4);
    await drawWith("Draw both");
    const difference = page.getByText(/^Difference: [\d.]+ per pixel/);
    await difference.waitFor({ timeout: 60_000 });
    const [a, b] = await Promise.all(
      [/^A: The picture so far/, /^B: The picture so far/].map((name) => greysOf(group(page, name))),
    );
    expect(a.length).toBe(4);
    const squares = a.flatMap((levels, n) => levels.map((level, i) => ((level - b[n][i]) / 127.5) ** 2));
    const rms = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
    expect(Number(/[\d.]+/.exec(await difference.innerText())![0])).toBeCloseTo(rms, 1);
    expect(rms).toBeGreaterThan(0.01);
  }, 90_000);

  test("a row goes from the picture of one seed to that of another", async () => {
    await mode("Between two seeds").click();
    await page.getByLabel("Class").selectOption("7");
    await page.getByLabel("To seed").fill("4");
    await slide("Steps", 8);
    await drawWith("Draw the row");
    const row = await greysOf(group(page, /^From seed 3 to seed 4: The picture so far/));
    expect(row.length).toBe(8);
    await mode("Draw").click();
    const first = (await state())[0];
    expect(apart(row[0], first)).toBeLessThanOrEqual(1);
    expect(apart(row[7], first)).toBeGreaterThan(60);
  }, 90_000);

  test("a painted part is filled in, the rest stays to the pixel; its link does the same", async () => {
    await page.getByRole("button", { name: "2 of 4" }).first().click();
    const picture = (await state())[1];
    await page.getByRole("button", { name: "Fill in picture 2" }).click();
    const painter = page.getByRole("application", { name: /^Picture to paint on/ });
    await page.getByText("Paint over the part that is to be drawn anew.").waitFor();
    const box = (await painter.locator("canvas").boundingBox())!;
    await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.6 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.6 * box.height, { steps: 5 });
    await page.mouse.up();
    const words = await painter.getByText(/pixels are marked/).innerText();
    const marked = Number(/^\d+/.exec(words)![0]);
    expect(marked).toBeGreaterThan(40);
    await painter.focus();
    for (const key of ["ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "Space"]) await page.keyboard.press(key);
    expect(Number(/^\d+/.exec(await painter.getByText(/pixels are marked/).innerText())![0])).toBeGreaterThan(marked);
    await drawWith("Fill in");
    const filled = await greysOf(group(page, /^Filled in: The picture so far/));
    expect(filled.length).toBe(4);
    const changed = filled.map((levels) => levels.filter((level, i) => level !== picture[i]).length);
    for (const count of changed) expect(count).toBeLessThan(300);
    expect(Math.max(...changed)).toBeGreaterThan(10);

    const other = await studio.open();
    await other.goto(page.url());
    await done(other);
    expect(await greysOf(group(other, /^Filled in: The picture so far/))).toEqual(filled);
    expectNoErrors(other);
    await other.close();
  }, 120_000);

  test("a file that is no picture, a zip that is none, a folder that is no run: each is told, and what was stays", async () => {
    const text = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
    await page.getByLabel("Drop a picture").setInputFiles(text);
    await page.getByRole("alert").getByText("“notes.txt” is no picture").waitFor();
    await page.getByText("The picture before is still there.").waitFor();
    await page.getByLabel("Drop the zip").setInputFiles({ ...text, name: "run.zip" });
    await page.getByRole("alert").getByText(/zip/).first().waitFor();
    await page.getByText("digits stays open.").waitFor();
    await page.getByLabel("Choose a run folder").setInputFiles(fileURLToPath(new URL("../parity", import.meta.url)));
    await page.getByRole("alert").getByText("is no run folder: it holds no run.json").waitFor();
  });

  test("a run folder on disk is opened", async () => {
    await page.getByLabel("Choose a run folder").setInputFiles(shippedFolder);
    await expect
      .poll(() => page.getByLabel("Run", { exact: true }).inputValue(), { timeout: 10_000 })
      .toBe("disk:digits");
    await slide("Steps", 2);
    await drawWith("Draw");
  }, 90_000);

  test("no serious fault of accessibility, in light and dark; nothing in the console", async () => {
    for (const colours of ["dark", "light"]) {
      for (const name of ["Draw", "Compare", "Between two seeds", "Fill in"]) {
        await mode(name).click();
        expect(await axeFaults(page), `${name}, before ${colours}`).toEqual([]);
      }
      await page.getByRole("button", { name: `Use the ${colours} colours` }).click();
    }
    expectNoErrors(page);
  }, 60_000);
});
