/**
 * The studio's frame: navigation by keyboard, the skip link, both themes, pages that are fetched when they are needed,
 * a first paint within a second, and what it says on a host that allows no threads.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { chromiumHere, expectNoErrors, openStudio } from "./chromium.ts";

describe.skipIf(!chromiumHere)("the studio's frame", () => {
  let page: Page;

  beforeAll(async () => {
    page = await openStudio("");
    await page.getByRole("heading", { level: 1, name: "Noise" }).waitFor();
  });
  afterEach(() => expectNoErrors(page));
  afterAll(() => page?.close());

  test("it paints within a second, and fetches neither the engine nor the other pages before they are asked for", async () => {
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Noise" }).waitFor();
    const { paint, fetched } = await page.evaluate(() => ({
      paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
      fetched: performance
        .getEntriesByType("resource")
        .map((entry) => ({ name: entry.name, size: (entry as PerformanceResourceTiming).decodedBodySize })),
    }));
    expect(paint).toBeLessThan(1000);
    expect(fetched.filter(({ name }) => /\/(ort|data)\/|worker/.test(name))).toEqual([]);
    const scripts = fetched.filter(({ name }) => name.endsWith(".js"));
    expect(scripts.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(160_000); // bytes, unpacked
  });

  test("the host sends what threads need", async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await page.getByRole("contentinfo").innerText()).not.toContain("Threads are off");
  });

  test("the keyboard skips to the page, and goes through the pages", async () => {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    for (const name of ["Playground", "Train", "Sample", "Inside", "Noise"]) {
      const link = page.getByRole("navigation").getByRole("link", { name });
      await link.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name }).waitFor();
      expect(await link.getAttribute("aria-current")).toBe("page");
      expect(await page.title()).toBe(`${name} · langevin studio`);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    }
  });

  test("back goes back, and an address of no page is said", async () => {
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Inside" }).waitFor();
    await page.evaluate(() => {
      location.hash = "#/nois";
    });
    await page.getByText("There is no page “nois”; this is Noise.").waitFor();
  });

  test("the other theme is kept for the next visit", async () => {
    const before = await page.locator("html").getAttribute("data-theme");
    const after = before === "dark" ? "light" : "dark";
    await page.getByRole("button", { name: `Use the ${after} colours` }).click();
    expect(await page.locator("html").getAttribute("data-theme")).toBe(after);
    await page.reload();
    expect(await page.locator("html").getAttribute("data-theme")).toBe(after);
    await page.getByRole("button", { name: `Use the ${before} colours` }).click();
  });

  test("nothing jumps while it loads", async () => {
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(globalThis, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as PerformanceEntry & { value: number }).value);
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.reload();
    await page.getByRole("img", { name: /^x t:/ }).waitFor();
    await page.waitForTimeout(300);
    const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts);
    expect(shifts.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.02);
  });

  test("a host that sends no headers: the page works and says that threads are off", async () => {
    await page.route("**/*", async (route) => {
      const response = await route.fetch();
      const { "cross-origin-opener-policy": _, "cross-origin-embedder-policy": __, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
    await page.reload();
    await page.getByText("Threads are off, because this host does not send the headers").waitFor();
    await page.getByRole("slider", { name: "Time" }).waitFor();
    await page.unroute("**/*");
  });
});
