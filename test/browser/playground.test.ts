/**
 * The playground, driven as a person would: moons are learned within seconds and judged beside real points, the way is
 * scrubbed, the solver is changed, the field is looked at, points of one's own are drawn and learned.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFaults } from "./axe.ts";
import { chromiumHere, expectNoErrors, openStudio } from "./chromium.ts";

/** The seconds from a press of Train until the energy stands on the page, by the page's own clock; and the ratio. */
async function train(page: Page): Promise<{ seconds: number; ratio: number }> {
  const shown = page.evaluate(
    () =>
      new Promise<{ seconds: number; ratio: number }>((resolve) => {
        const energy = document.querySelector<HTMLElement>("[data-testid=energy]")!;
        let began = Number.NaN;
        document.addEventListener("click", () => (began = performance.now()), { capture: true, once: true });
        // What is there from before goes when the training begins.
        let gone = energy.dataset.ratio === undefined;
        const look = () => {
          const { ratio } = energy.dataset;
          gone ||= ratio === undefined;
          if (Number.isFinite(began) && gone && ratio !== undefined) {
            resolve({ seconds: (performance.now() - began) / 1000, ratio: Number(ratio) });
          } else setTimeout(look, 10);
        };
        look();
      }),
  );
  await page.getByRole("button", { name: "Train", exact: true }).click();
  return await shown;
}

const words = (page: Page, name: RegExp) => page.getByRole("img", { name }).first();

describe.skipIf(!chromiumHere)("the playground", () => {
  let page: Page;

  beforeAll(async () => {
    page = await openStudio("#/playground");
    await page.getByRole("heading", { level: 1, name: "Playground" }).waitFor();
  });
  afterAll(() => page?.close());

  const plane = () => words(page, /^Drawn points over real ones/);
  const pixels = () => plane().evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const field = () => words(page, /^Plane at/);
  const scrubber = () => page.getByRole("slider", { name: "From noise to points" });
  const energies = () => page.getByTestId("energy");
  const solver = () => page.getByRole("combobox", { name: "Solver", exact: true });
  const trained = () => page.getByText(/\d+ steps, /).innerText();

  test("moons are learned within seconds: at most twice the energy distance between real points", async () => {
    expect(await plane().getAttribute("aria-label")).toContain("1000 real points. No points are drawn yet.");
    await page.getByRole("combobox", { name: "Points to learn" }).selectOption({ label: "Two moons" });
    const { seconds, ratio } = await train(page);
    console.log(`moons: ${ratio.toFixed(2)} times real against real, ${seconds.toFixed(1)} s after Train was pressed`);
    expect(ratio).toBeLessThanOrEqual(2);
    const [drawn, real, shown] = (await energies().first().innerText()).match(/\d\.\d+/g)!.map(Number);
    expect(shown).toBeCloseTo(ratio, 1);
    expect(drawn / real).toBeCloseTo(ratio, 1);
    // The floor of 1000 points is (1/n + 1/n) E|X - X'|, and moons are about 0.75 apart on average.
    expect(real).toBeGreaterThan(0.0007);
    expect(real).toBeLessThan(0.003);
  });

  test("the way is scrubbed back to noise and forth to points", async () => {
    await expect.poll(() => scrubber().getAttribute("aria-valuetext")).toContain("50 of 50, α 1.00, σ 0.00");
    const near = async () => Number(/(\d+) in 100/.exec((await plane().getAttribute("aria-label"))!)![1]);
    expect(await near()).toBeGreaterThan(90);
    const end = await pixels();
    await scrubber().focus();
    await page.keyboard.press("Home");
    expect(await scrubber().getAttribute("aria-valuetext")).toBe("0 of 50, α 0.00, σ 1.00");
    // Noise of unit spread: 1000 numbers have a spread within 0.1 of it.
    const [, across, up] = /spread (\d\.\d+) across and (\d\.\d+) up/.exec(
      (await plane().getAttribute("aria-label"))!,
    )!;
    expect(Math.abs(Number(across) - 1)).toBeLessThan(0.1);
    expect(Math.abs(Number(up) - 1)).toBeLessThan(0.1);
    expect(await near()).toBeLessThan(60);
    expect(await pixels()).not.toBe(end);
    await page.keyboard.press("ArrowRight");
    expect(await scrubber().getAttribute("aria-valuetext")).toBe("1 of 50, α 0.02, σ 0.98");
    await page.getByRole("switch", { name: "Expected ends" }).press("Space");
    await page.getByRole("switch", { name: "Trails" }).press("Space");
    await page.keyboard.press("End");
    await scrubber().press("End");
    expect(await pixels()).not.toBe(end);
    await page.getByRole("switch", { name: "Expected ends" }).press("Space");
    await page.getByRole("switch", { name: "Trails" }).press("Space");
    await expect.poll(pixels).toBe(end);
  });

  test("playing goes on to the end, at the pace of a film", async () => {
    await scrubber().press("Home");
    await page.getByRole("button", { name: "Play: From noise to points" }).click();
    await expect.poll(() => scrubber().getAttribute("aria-valuetext"), { timeout: 10_000 }).toContain("50 of 50");
  });

  test("another solver, steps or seed trains nothing anew", async () => {
    const before = await trained();
    await solver().selectOption("heun");
    await expect.poll(() => plane().getAttribute("aria-label")).toContain("after step 50 of 50");
    await page.getByRole("slider", { name: "Steps", exact: true }).press("Home");
    await expect.poll(() => plane().getAttribute("aria-label")).toContain("after step 1 of 1");
    await expect.poll(async () => Number(await energies().first().getAttribute("data-ratio"))).toBeGreaterThan(2);
    await page.getByRole("slider", { name: "Steps", exact: true }).press("PageUp");
    await expect.poll(() => plane().getAttribute("aria-label")).toContain("after step 21 of 21");
    await expect.poll(async () => Number(await energies().first().getAttribute("data-ratio"))).toBeLessThan(3);
    const one = await plane().getAttribute("aria-label");
    await page.getByRole("spinbutton", { name: "Seed" }).fill("5");
    await expect.poll(() => plane().getAttribute("aria-label")).not.toBe(one);
    await page.getByRole("spinbutton", { name: "Seed" }).fill("0");
    await expect.poll(() => plane().getAttribute("aria-label")).toBe(one);
    expect(await solver().locator("option", { hasText: "not on this path" }).count()).toBeGreaterThan(0);
    expect(await trained()).toBe(before);
  });

  test("two ways side by side begin with the same noise", async () => {
    const [a, b] = [words(page, /^A:/), words(page, /^B:/)];
    await page.getByRole("combobox", { name: "B: Solver" }).selectOption("ddim");
    await expect.poll(() => b.getAttribute("aria-label")).toContain("of 8");
    await page.getByRole("slider", { name: "Share of the steps" }).press("Home");
    const noise = (text: string | null) => text!.replace(/^.*?step \d+ of \d+, /, "");
    expect(noise(await b.getAttribute("aria-label"))).toBe(noise(await a.getAttribute("aria-label")));
    await page.getByRole("slider", { name: "Share of the steps" }).press("End");
    expect(noise(await b.getAttribute("aria-label"))).not.toBe(noise(await a.getAttribute("aria-label")));
    expect(await energies().nth(1).getAttribute("data-ratio")).toBe(
      await energies().first().getAttribute("data-ratio"),
    );
  });

  test("the field points inwards where there is most noise; lines come and go", async () => {
    const inwards =
      "upper left to the lower right, upper right to the lower left, lower left to the upper right, lower right to the upper left";
    await page.getByRole("slider", { name: "Time", exact: true }).press("End");
    await expect.poll(() => field().getAttribute("aria-label")).toContain(`α = 0.00, σ = 1.00`);
    await expect.poll(() => field().getAttribute("aria-label")).toContain(inwards);
    await page.getByRole("combobox", { name: "Arrows" }).selectOption({ label: "The flow" });
    expect(await field().getAttribute("aria-label")).toContain("the flow points");
    await page.getByRole("group", { name: /^minus d z by d phi/ }).waitFor();
    await page.getByRole("switch", { name: "Probability-flow lines" }).press("Space");
    await expect.poll(() => field().getAttribute("aria-label")).toContain("81 lines from noise to data");
    await page.getByRole("slider", { name: "Time", exact: true }).press("Home");
    expect(await field().getAttribute("aria-label")).toContain("α = 0.98, σ = 0.02");
    await page.getByRole("switch", { name: "Probability-flow lines" }).press("Space");
    await expect.poll(() => field().getAttribute("aria-label")).not.toContain("lines from noise");
  });

  test("equations change with the choice beside them, and what does not go together says so", async () => {
    const path = page.getByRole("combobox", { name: "Path from data to noise" });
    const asked = page.getByRole("combobox", { name: "The network predicts" });
    const equation = (name: string | RegExp) => page.getByRole("group", { name }).first();
    await equation("alpha is one minus t, sigma is t").waitFor();
    await path.selectOption("edm");
    await equation("alpha is one, sigma is t").waitFor();
    expect(await asked.inputValue()).toBe("edm");
    await equation(/^the expected x nought is c skip/).waitFor();
    await page.getByText("What is drawn is of the choice before: train to see this one.").waitFor();
    await asked.selectOption("score");
    await equation(/minus epsilon over sigma/).waitFor();
    expect(await page.getByRole("combobox", { name: "What an error weighs" }).inputValue()).toBe("sigmaSquared");
    await equation("the loss is the mean of the squared error of the noise").waitFor();
    await expect.poll(() => page.url()).toContain("path=edm&prediction=score&weight=sigmaSquared");
  });

  test("another path is learned, and its noise is shown at equal size", async () => {
    await page.getByRole("combobox", { name: "Path from data to noise" }).selectOption("ve");
    await page.getByRole("slider", { name: "Training time" }).press("Home");
    const { ratio } = await train(page);
    console.log(`moons, 2 s on the path that explodes: ${ratio.toFixed(2)} times`);
    expect(ratio).toBeLessThan(20);
    await scrubber().press("Home");
    await expect.poll(() => scrubber().getAttribute("aria-valuetext")).toMatch(/^0 of \d+, α 1.00, σ 5.00$/);
    expect(await plane().getAttribute("aria-label")).toMatch(/spread (0\.9|1\.0)\d across/);
    await scrubber().press("End");
  });

  test("points of one's own: by pointer, by random stroke, by list", async () => {
    await page.getByRole("combobox", { name: "Points to learn" }).selectOption("own");
    expect(await page.getByRole("button", { name: "Train", exact: true }).isDisabled()).toBe(true);
    await page.getByText("Draw some points first.").waitFor();
    const pad = page.getByRole("img", { name: /^(An empty plane|Drawn by hand)/ });
    await pad.scrollIntoViewIfNeeded();
    const box = (await pad.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.74, box.y + box.height * 0.5, { steps: 8 });
    await page.mouse.up();
    // 0.49 of 2.7 units in steps of 0.03: 44 of them.
    await page.getByText("45 points", { exact: true }).waitFor();
    expect(await pad.getAttribute("aria-label")).toMatch(
      /45 points about \(−?0\.0\d, 0\.00\), spread 0\.39 across and 0\.00 up/,
    );
    await page.getByRole("button", { name: "Random stroke" }).click();
    await expect.poll(() => page.getByRole("status").allInnerTexts()).not.toContain("45 points");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("45 points", { exact: true }).waitFor();
    await page.getByText("As a list").click();
    const list = page.getByRole("textbox", { name: /^One point on each line/ });
    await expect.poll(async () => (await list.inputValue()).split("\n").length).toBe(45);
    await list.fill("0.5 0.5\n0.5");
    await page.getByRole("button", { name: "Use this list" }).click();
    await page.getByText("Line 2 is “0.5”; a line has two numbers from −1.3 to 1.3").waitFor();
    await page.getByText("45 points", { exact: true }).waitFor();
    await list.fill("0.6 0.6\n-0.6 -0.6");
    await page.getByRole("button", { name: "Use this list" }).click();
    await page.getByText("2 points", { exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Path from data to noise" }).selectOption("straightLine");
    const { ratio } = await train(page);
    console.log(`two clusters of one's own, 2 s: ${ratio.toFixed(1)} times real against real`);
    await scrubber().press("End");
    expect(await plane().getAttribute("aria-label")).toMatch(/spread 0\.[56]\d across and 0\.[56]\d up/);
  });

  test("training that is stopped keeps what it has learned", async () => {
    await page.getByRole("slider", { name: "Training time" }).press("End");
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByText(/\d+ of \d+ steps, /).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/^\d+ steps, /).waitFor();
    await expect.poll(() => energies().first().getAttribute("data-ratio")).not.toBe(null);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("the address keeps the choice; what it has not is said", async () => {
    await page.goto(page.url().replace(/#.*/, "#/playground?points=rings&path=gvp&steps=12&solver=nothing"));
    await page.getByText("The address says solver=nothing, which this page has not; the usual is shown.").waitFor();
    expect(await page.getByRole("combobox", { name: "Points to learn" }).inputValue()).toBe("rings");
    expect(await page.getByRole("combobox", { name: "Path from data to noise" }).inputValue()).toBe("gvp");
    expect(await page.getByRole("slider", { name: "Steps", exact: true }).inputValue()).toBe("12");
    expectNoErrors(page);
  });

  test.each(["light", "dark"] as const)("axe finds no serious fault (%s)", async (theme) => {
    const other = page.getByRole("button", { name: `Use the ${theme} colours` });
    if (await other.isVisible()) await other.click();
    await page.getByRole("combobox", { name: "Points to learn" }).selectOption("own");
    await page.getByText("As a list").click();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByText("As a list").click();
  });

  test("at 390 pixels nothing is cut off at the side", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const [inner, outer] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(inner).toBeLessThanOrEqual(outer);
    expectNoErrors(page);
  });
});
