/**
 * The page Inside, driven as a person would, with the weights that come with langevin. What it shows is compared with what
 * Node computes from the same weights, and with closed formulas.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { objectiveFrom } from "../../src/diffusion/objective.ts";
import { solverFrom } from "../../src/diffusion/solvers/registry.ts";
import { toPictures } from "../../src/io/picture.ts";
import { CompiledNetwork } from "../../src/models/compiled.ts";
import { compiledDenoiser } from "../../src/pipelines/denoiser.ts";
import { errorByNoise, watchSteps } from "../../src/pipelines/inside/index.ts";
import { sample } from "../../src/pipelines/sample.ts";
import { openData } from "../../src/recipes/open-data.node.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { loadModel } from "../../src/train/index.node.ts";
import { axeFaults } from "./axe.ts";
import { chromiumHere, expectNoErrors, type Studio, startChromiumStudio } from "./chromium.ts";
import { apart, greyOf } from "./pixels.ts";

const shippedFolder = fileURLToPath(new URL("../../assets/digits", import.meta.url));

/** What Node draws with: the run's own solver in so many steps. */
async function requestOf(steps: number, classLabel: number, seed: number) {
  const { network, weights, run } = await loadModel(shippedFolder);
  const { name: _, ...own } = run!.sampling!.solver as { name: string };
  const solver = solverFrom("ddim", { ...own, steps });
  const objective = objectiveFrom(run!.objective);
  return {
    network,
    weights,
    objective,
    runtime: nodeRuntime("cpu"),
    solver,
    count: 1,
    seed,
    classLabel,
    guidance: 1.5,
  };
}

describe.skipIf(!chromiumHere)("the page Inside", () => {
  let studio: Studio;
  let page: Page;

  beforeAll(async () => {
    studio = await startChromiumStudio();
    page = await studio.open("#/inside?class=7&seed=3&steps=6");
    await page.getByRole("tab", { name: "Attention", selected: true }).waitFor();
  }, 120_000);
  afterEach(() => expectNoErrors(page));
  afterAll(() => studio?.[Symbol.asyncDispose]());

  const tab = (name: string) => page.getByRole("tab", { name });
  const step = () => page.getByRole("slider", { name: "Step", exact: true });
  const atStep = (text: string) =>
    expect.poll(() => step().getAttribute("aria-valuetext"), { timeout: 60_000 }).toContain(text);
  const picker = () => page.getByRole("application");

  describe("attention", () => {
    test("says what Node's attention weights say, for a place that is picked by arrow keys, a head and a layer", async () => {
      await atStep("step 6 of 6");
      await picker().focus();
      await page.keyboard.press("Home");
      for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"]) {
        await page.keyboard.press(key);
      }
      expect(await picker().getAttribute("aria-label")).toContain("row 3, column 5 of 7 × 7");
      await page.getByRole("combobox", { name: "Layer" }).selectOption({ label: "Up 1, attention 2, 7 × 7 places" });
      await page.getByRole("button", { name: "Head 2" }).click();
      await step().focus();
      await page.keyboard.press("Home");
      await page.keyboard.press("ArrowRight");
      await atStep("step 2 of 6");

      const id = "up_blocks.0.attentions.1.probabilities";
      const views = [];
      for await (const seen of watchSteps(await requestOf(6, 7, 3), [id])) views.push(seen.views[id]);
      const row = views[1].data.slice((49 + 2 * 7 + 4) * 49, (49 + 2 * 7 + 5) * 49); // [1, 2 heads, 49, 49]
      const strongest = row.indexOf(Math.max(...row));
      const spread = Math.exp(-row.reduce((sum, weight) => sum + weight * Math.log(weight), 0));
      const said = (await page.getByTestId("attention-summary").innerText()).replaceAll("\u00a0", " ");
      expect(said).toContain(`takes most from row ${Math.floor(strongest / 7) + 1}, column ${(strongest % 7) + 1}:`);
      const [percent, places] = [/: ([\d.]+) %/, /about ([\d.]+) of 49/].map((form) => Number(form.exec(said)![1]));
      expect(Math.abs(percent - 100 * row[strongest])).toBeLessThan(row[strongest] < 0.1 ? 0.06 : 0.6);
      expect(Math.abs(places - spread)).toBeLessThan(0.1);
    }, 90_000);

    test("the pointer picks a place, and the picture is coloured by its weights", async () => {
      const box = (await picker().boundingBox())!;
      await page.mouse.click(box.x + box.width * 0.93, box.y + box.height * 0.07);
      expect(await picker().getAttribute("aria-label")).toContain("row 1, column 7 of 7 × 7");
      const coloured = await picker()
        .locator("canvas")
        .evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((_, i) => i % 4 === 0 && data[i] > data[i + 2] + 100).length;
        });
      expect(coloured).toBeGreaterThan(10); // the strongest cell of 4 × 4 pixels, where there is no stroke
      const before = await greyOf(picker().locator("canvas"));
      await page.getByRole("switch", { name: "Show what the network saw" }).press("Space");
      expect(apart(before, await greyOf(picker().locator("canvas")))).toBeGreaterThan(50);
    });
  });

  test("tabs go by arrow keys", async () => {
    await tab("Attention").focus();
    await page.keyboard.press("End");
    await tab("Parts and their cost").and(page.locator("[aria-selected=true]")).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator(":focus").innerText()).toBe("Feature maps");
    expect(await tab("Feature maps").getAttribute("aria-selected")).toBe("true");
  });

  test("feature maps are those of Node, at the place, the map and the step that are picked", async () => {
    await atStep("step 6 of 6");
    const place = page.getByRole("slider", { name: "Place in the network" });
    await place.focus();
    for (let i = 0; i < 20 && !(await place.getAttribute("aria-valuetext"))!.startsWith("Middle, attention 1"); i++) {
      await page.keyboard.press("ArrowRight");
    }
    await picker().focus();
    await page.keyboard.press("Home");
    for (const key of ["ArrowDown", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    expect(await picker().getAttribute("aria-label")).toContain("Map: 11 of 64"); // rows of eight
    await step().focus();
    await page.keyboard.press("Home");
    await atStep("step 1 of 6");
    const id = "mid_block.attentions.0";
    const first = (await watchSteps(await requestOf(6, 7, 3), [id]).next()).value!;
    const map = [...first.views[id].data.subarray(10 * 49, 11 * 49)];
    const said = (await page.getByTestId("map-summary").innerText()).replaceAll("−", "-");
    const shown = /from (\S+) to (\S+), mean (\S+)\./.exec(said)!.slice(1).map(Number);
    const expected = [Math.min(...map), Math.max(...map), map.reduce((a, b) => a + b, 0) / 49];
    expect(apart(shown, expected)).toBeLessThan(0.011);
  }, 60_000);

  test("swaps of the class: all B at one end, all A at the other, as Node draws them", async () => {
    await tab("Which noise decides what").click();
    const summary = page.getByTestId("swap-summary");
    await summary.getByText(/Pixel by pixel/).waitFor({ timeout: 60_000 });
    await page.getByLabel("A, first").selectOption("1");
    await page.getByLabel("B, after step k").selectOption("0");
    await page.getByRole("button", { name: "Draw with these" }).click();
    await page.getByRole("img", { name: "Seed 5, 1 for 6 steps, then 0" }).waitFor({ timeout: 60_000 });
    await summary.getByText("half of the way from 0 to 1").waitFor({ timeout: 60_000 });
    for (const [k, classLabel] of [
      [0, 0],
      [6, 1],
    ]) {
      const { images, shape } = await sample(await requestOf(6, classLabel, 4));
      const shown = await greyOf(page.getByRole("img", { name: `Seed 4, 1 for ${k} steps, then 0` }));
      expect(apart(shown, [...toPictures(images, shape)[0].data])).toBeLessThanOrEqual(1);
    }
  }, 150_000);

  test("the error at a noise level is Node's", async () => {
    await tab("Error by noise").click();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByLabel("Pictures to measure").fill("6");
    await page.getByRole("button", { name: "Measure again" }).click();
    await page.getByText(/^6 pictures of /).waitFor({ timeout: 60_000 });
    const level = page.getByRole("slider", { name: "Noise level" });
    await level.focus();
    await page.keyboard.press("Home");
    for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
    const ratio = 100 ** (10 / 8 - 1); // of 17 levels from 1/100 to 100
    expect(await level.getAttribute("aria-valuetext")).toContain(`σ / α = ${ratio.toPrecision(2)}`);

    const { network, weights, objective, runtime } = await requestOf(6, 0, 0);
    const dataset = await openData({ name: "digits", split: "test" });
    const indices = Array.from({ length: 6 }, (_, i) => Math.floor((i * dataset.size) / 6));
    const { images, labels } = await dataset.read(indices);
    await using compiled = new CompiledNetwork(network, weights, runtime);
    const denoiser = compiledDenoiser(compiled, objective);
    const condition = { classLabels: labels! };
    const times = [ratio / (1 + ratio)];
    const expected = (await errorByNoise({ denoiser, images, size: 784, condition, times, seed: 0 }).next()).value!;
    const wrongBy = async () => {
      const said = await page.getByTestId("error-summary").innerText();
      return Number(/wrong by ([\d.]+)/.exec(said)![1]);
    };
    expect(Math.abs((await wrongBy()) / expected.sampleError - 1)).toBeLessThan(0.006);
    await page.getByRole("combobox", { name: "Error of" }).selectOption({ label: "the predicted noise" });
    expect(Math.abs((await wrongBy()) / expected.noiseError - 1)).toBeLessThan(0.006);
  }, 120_000);

  test("the tree of parts goes by keys; counts are closed formulas, and every part has its time", async () => {
    await tab("Parts and their cost").click();
    await page.getByRole("button", { name: "Measure again" }).waitFor({ timeout: 60_000 });
    const selected = () => page.getByRole("row", { selected: true });
    const part = page.getByTestId("part");
    await selected().focus();
    expect(await part.innerText()).toMatch(/Weights\s+704,484/);
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
    expect(await selected().innerText()).toContain("First convolution");
    expect(await part.innerText()).toMatch(
      new RegExp(`Multiplications\\s+${(14 * 14 * 9 * 4 * 32).toLocaleString("en")}`),
    );
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowDown"]) {
      await page.keyboard.press(key);
    }
    expect(await selected().getAttribute("aria-level")).toBe("3");
    expect(await page.getByText("attention, mid_block.attentions.0").isVisible()).toBe(true);
    const attention = 4 * 49 * 64 ** 2 + 2 * 49 ** 2 * 64;
    expect(await part.innerText()).toMatch(new RegExp(`Multiplications\\s+${attention.toLocaleString("en")}`));
    expect(await part.innerText()).toMatch(/Time\s+[\d.]+ ms/);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    expect(await selected().getAttribute("aria-expanded")).toBe("false");
    for (const row of await page.getByRole("row").filter({ hasNotText: "Part" }).all()) {
      expect(await row.innerText()).toMatch(/\d ms/);
    }
    await page.getByLabel("Bars show").selectOption({ label: "Weights" });
    await page.getByRole("row", { name: /The whole network.*704 k/ }).waitFor();
  }, 120_000);

  test.each(["light", "dark"] as const)(
    "axe finds no serious fault in any part of the page (%s)",
    async (theme) => {
      const other = page.getByRole("button", { name: `Use the ${theme} colours` });
      if (await other.isVisible()) await other.click();
      for (const name of [
        "Attention",
        "Feature maps",
        "Which noise decides what",
        "Error by noise",
        "Parts and their cost",
      ]) {
        await tab(name).click();
        expect(await axeFaults(page), name).toEqual([]);
      }
    },
    120_000,
  );

  test("at 390 pixels nothing is cut off at the side", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const name of [
      "Attention",
      "Feature maps",
      "Which noise decides what",
      "Error by noise",
      "Parts and their cost",
    ]) {
      await tab(name).click();
      const [inner, outer] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      expect(inner, name).toBeLessThanOrEqual(outer);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test("the address keeps what is shown; what it asks for and is not there is said", async () => {
    await tab("Feature maps").click();
    await expect
      .poll(() => page.url())
      .toContain("show=maps&model=shipped%3Adigits&class=7&seed=3&guidance=1.5&steps=6");
    const other = await studio.open("#/inside?show=walls&steps=1000");
    await other.getByText("show=walls, which this page has not").waitFor();
    await other.getByText("steps=1000, which is no number from 1 to 100").waitFor();
    await other.getByText(/step 20 of 20/).waitFor({ timeout: 60_000 });
    expectNoErrors(other);
    await other.close();
  }, 90_000);

  test("a model that is not there is said", async () => {
    const other = await studio.open("#/inside?model=browser:none");
    const alert = other.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toContain("this browser keeps no run none");
    await other.close();
  });
});
