/**
 * The noise page, driven as a person would: a dropped picture, t by the keyboard, both schedules, step by step. The
 * numbers that it shows are compared with closed forms written out here, not with the library.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { axeFaults } from "./axe.ts";
import { chromiumHere, expectNoErrors, openStudio } from "./chromium.ts";

/** alphaBar of DDPM's linear betas at timestep t. */
function linearAlphaBar(t: number): number {
  let alphaBar = 1;
  for (let s = 0; s <= t; s++) alphaBar *= 1 - (1e-4 + (s * (0.02 - 1e-4)) / 999);
  return alphaBar;
}

/** alphaBar of Improved DDPM, eq. 17, at timestep t of 1000 (not clipped there). */
function cosineAlphaBar(t: number): number {
  const f = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return f((t + 1) / 1000) / f(0);
}

const shown = (value: number) => value.toFixed(4).replaceAll("-", "−");

/** Drops a PNG of one colour on the page, 40 × 30 pixels. */
async function dropGrey(page: Page, level: number): Promise<void> {
  const transfer = await page.evaluateHandle(async (grey) => {
    const canvas = new OffscreenCanvas(40, 30);
    const context = canvas.getContext("2d")!;
    context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    context.fillRect(0, 0, 40, 30);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await canvas.convertToBlob()], "grey.png", { type: "image/png" }));
    return transfer;
  }, level);
  await page.locator("label", { hasText: "Drop a picture" }).dispatchEvent("drop", { dataTransfer: transfer });
}

/** A row of the table of the law: its three cells. */
async function row(page: Page, name: string): Promise<string[]> {
  return await page.getByRole("row", { name }).getByRole("cell").allInnerTexts();
}

const numberOf = (text: string) => Number(text.replaceAll("−", "-"));

describe.skipIf(!chromiumHere)("the noise page", () => {
  let page: Page;

  beforeAll(async () => {
    page = await openStudio("#/noise");
    await page.getByRole("heading", { level: 1, name: "Noise" }).waitFor();
  });
  afterEach(() => expectNoErrors(page));
  afterAll(() => page?.close());

  const first = () => page.getByRole("combobox", { name: "First schedule" });
  const second = () => page.getByRole("combobox", { name: "Second schedule" });
  const time = () => page.getByRole("slider", { name: "Time" });

  test("a dropped picture is shown, and a file that is none is refused by name", async () => {
    await dropGrey(page, 191);
    await page.getByRole("button", { name: "grey.png", pressed: true }).waitFor();
    await page.getByLabel("Drop a picture").setInputFiles({
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("no picture"),
    });
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toContain(
      "“notes.txt” is no picture that this browser can read (text/plain, 10 bytes)",
    );
    expect(await alert.innerText()).toContain("The picture before is still shown.");
    expect(await page.getByRole("button", { name: "grey.png" }).getAttribute("aria-pressed")).toBe("true");
  });

  test("the keyboard moves t, and alpha, sigma and the shares are those of DDPM", async () => {
    await time().focus();
    await page.keyboard.press("Home");
    expect(await time().getAttribute("aria-valuetext")).toBe("t = 0 of 0 … 999, picture 100.0 %");
    for (let i = 0; i < 5; i++) await page.keyboard.press("PageUp");
    await page.keyboard.press("ArrowRight");
    const alphaBar = linearAlphaBar(500); // u = 0.501, t = round(500.499)
    expect(await time().getAttribute("aria-valuetext")).toBe(
      `t = 500 of 0 … 999, picture ${(100 * alphaBar).toFixed(1)} %`,
    );
    const side = await page.locator(".jump").innerText();
    for (const value of [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar), alphaBar, 1 - alphaBar]) {
      expect(side).toContain(shown(value));
    }
    expect(side).toContain(`${(10 * Math.log10(alphaBar / (1 - alphaBar))).toFixed(1).replace("-", "−")} dB`);
  });

  test("one jump and ten steps: mean and variance of the law, another draw", async () => {
    const alphaBar = linearAlphaBar(500);
    const sigma = Math.sqrt(1 - alphaBar);
    const numbers = 3 * 96 * 96;
    const [law, ...means] = await row(page, "Mean of x");
    expect(law).toBe(shown(Math.sqrt(alphaBar) * (191 / 127.5 - 1))); // the picture is one grey, without variance
    for (const mean of means) {
      expect(Math.abs(numberOf(mean) - numberOf(law))).toBeLessThan((5 * sigma) / Math.sqrt(numbers));
    }
    const [lawVariance, ...variances] = await row(page, "Variance of x");
    expect(lawVariance).toBe(shown(1 - alphaBar));
    for (const variance of variances) {
      expect(Math.abs(numberOf(variance) / sigma ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / numbers));
    }
    expect(means[0]).not.toBe(means[1]);
    expect(await page.getByTestId("difference").innerText()).toContain(`√2 σ = ${shown(Math.SQRT2 * sigma)}`);
  });

  test("with the same noise both ways give one picture, to rounding", async () => {
    await page.getByRole("switch", { name: "The same noise" }).press("Space");
    const [, jump, steps] = await row(page, "Variance of x");
    expect(jump).toBe(steps);
    const largest = /two pictures is ([\d.e−]+)/.exec(await page.getByTestId("difference").innerText())![1];
    expect(numberOf(largest)).toBeLessThan(1e-5);
    const scrubber = page.getByRole("slider", { name: "Shown after step" });
    await scrubber.press("Home");
    await page.getByText("No step yet: this is the picture.").waitFor();
    await page.getByRole("slider", { name: "Steps" }).press("Home");
    await page.getByRole("columnheader", { name: "One step" }).waitFor();
  });

  test("two schedules side by side, at closed forms", async () => {
    await first().selectOption({ label: "Cosine (Improved DDPM)" });
    await second().selectOption({ label: "Variance exploding (VE)" });
    const cosine = page.getByRole("group", { name: "Cosine (Improved DDPM) at this time" });
    expect(await cosine.innerText()).toContain(`α = ${shown(Math.sqrt(cosineAlphaBar(500)))}`);
    const sigma = 0.01 * 5000 ** 0.501;
    const exploding = page.getByRole("group", { name: "Variance exploding (VE) at this time" });
    expect(await exploding.innerText()).toContain(`σ = ${shown(sigma)}`);
    const chart = page.locator("figure", { has: page.getByRole("img", { name: /^Signal to noise/ }) });
    expect(await chart.innerText()).toContain(shown(1 / sigma ** 2));
    await second().selectOption({ label: "Straight line (flow matching)" });
    const straight = page.getByRole("group", { name: "Straight line (flow matching) at this time" });
    expect(await straight.innerText()).toContain("α = 0.4990");
    expect(await straight.innerText()).toContain("σ = 0.5010");
  });

  test("numbers of a schedule that do not go together are refused in words, and nothing changes", async () => {
    await second().selectOption({ label: "Variance exploding (VE)" });
    await page.getByText("Its numbers").nth(1).click();
    const field = page.getByRole("textbox", { name: "sigmaMax" });
    await field.fill("0.001");
    await field.press("Enter");
    await page.getByText("sigmaMin must be below sigmaMax, but they are 0.01 and 0.001").waitFor();
    const exploding = page.getByRole("group", { name: "Variance exploding (VE) at this time" });
    expect(await exploding.innerText()).toContain(`σ = ${shown(0.01 * 5000 ** 0.501)}`);
    await field.fill("10");
    await field.press("Enter");
    await expect.poll(() => exploding.innerText()).toContain(`σ = ${shown(0.01 * 1000 ** 0.501)}`);
  });

  test("the address keeps what is shown", async () => {
    await expect.poll(() => page.url()).toContain("first=cosine&second=ve&u=0.501&seed=0&steps=1");
    await page.reload();
    await time().waitFor();
    expect(await first().inputValue()).toBe("cosine");
    expect(await time().getAttribute("aria-valuetext")).toMatch(/^t = 500 of 0 … 999/);
  });

  test.each(["light", "dark"] as const)("axe finds no serious fault (%s)", async (theme) => {
    const other = page.getByRole("button", { name: `Use the ${theme} colours` });
    if (await other.isVisible()) await other.click();
    expect(await page.locator("html").getAttribute("data-theme")).toBe(theme);
    expect(await axeFaults(page)).toEqual([]);
  });

  test("at 390 pixels nothing is cut off at the side", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const [inner, outer] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(inner).toBeLessThanOrEqual(outer);
  });
});
