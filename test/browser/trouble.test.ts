/**
 * What goes wrong while one trains and draws, and what the pages say of it: no shared memory, no graphics card, one that is
 * lost in mid-run, a full disk, a tab that is closed in mid-run, a run folder of another version.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumHere, expectNoErrors, type Studio, startChromiumStudio } from "./chromium.ts";
import { greysOf } from "./pixels.ts";

const shippedRun = new URL("../../assets/digits/run.json", import.meta.url);

const few = encodeURIComponent(JSON.stringify({ name: "ddim", steps: 2 }));
const quickLink = `#/sample?model=shipped%3Adigits&solver=${few}&seed=3&guidance=1&count=1`;

async function begin(page: Page, steps: number): Promise<void> {
  await page.getByLabel("For", { exact: true }).selectOption("steps");
  await page.getByLabel("Steps", { exact: true }).fill(String(steps));
  await page.getByRole("button", { name: "Start training" }).click();
}

const stepOf = async (page: Page) => Number(/^Step\s+([\d,]+) of/.exec(await page.locator("dl").innerText())![1]);

describe.skipIf(!chromiumHere)("trouble on the processor", () => {
  let studio: Studio;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-trouble-"));
    const old = join(folder, "old");
    await mkdir(old);
    const run = JSON.parse(await readFile(shippedRun, "utf8"));
    await writeFile(join(old, "run.json"), JSON.stringify({ ...run, langevin: "9.0.0", momentum: 3 }));
    studio = await startChromiumStudio({ runs: folder });
  }, 120_000);
  afterAll(async () => {
    await studio?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("without shared memory it draws on one thread, and says so", async () => {
    const page = await studio.open();
    await page.route("**/*", async (route) => {
      const response = await route.fetch();
      const { "cross-origin-opener-policy": _, "cross-origin-embedder-policy": __, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
    await page.goto(`${studio.server.url}${quickLink}`);
    await page.reload();
    await page.getByText(/^done in/).waitFor({ timeout: 60_000 });
    expect(await page.evaluate(() => typeof SharedArrayBuffer)).toBe("undefined");
    expect(await page.getByLabel("Device").innerText()).toContain("one thread");
    await page.getByText("Threads are off, because this host does not send the headers").waitFor();
    expectNoErrors(page);
    await page.close();
  }, 90_000);

  test("without a graphics card the choice is closed, or the refusal is told; the processor still draws", async () => {
    const page = await studio.open(quickLink);
    await page.getByText(/^done in/).waitFor({ timeout: 60_000 });
    const device = page.getByLabel("Device");
    if (await device.locator("option", { hasText: "Graphics card" }).isDisabled()) {
      expect(await device.innerText()).toContain("this browser has no WebGPU");
    } else {
      await device.selectOption("webgpu");
      await page.getByRole("button", { name: "Draw", exact: true }).last().click();
      const alert = page.getByRole("alert");
      await alert.getByText(/choose wasm, which runs on the processor/).waitFor();
      await device.selectOption("wasm");
      await alert.getByRole("button", { name: "Try again" }).click();
      await page.getByText(/^done in/).waitFor({ timeout: 60_000 });
    }
    await page.close();
  }, 90_000);

  test("a run folder of another version is named, in the list and where it is opened", async () => {
    const page = await studio.open("#/train");
    const list = page.getByRole("region", { name: "Runs of the command line" });
    await list.getByText(/momentum/).waitFor();
    expect(await list.getByRole("button", { name: "Watch old" }).count()).toBe(0);
    await page.goto(`${studio.server.url}#/sample?model=server%3Aold`);
    await page
      .getByRole("alert")
      .getByText(/momentum/)
      .waitFor();
    await page.close();
  });

  test("a full disk: training ends with what is left, and the run goes on from its last save", async () => {
    const page = await studio.open("#/train");
    const session = await studio.context.newCDPSession(page);
    const origin = new URL(studio.server.url).origin;
    await begin(page, 400);
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText(/^paused; step \d+ is saved$/).waitFor({ timeout: 60_000 });
    const saved = await stepOf(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    const alert = page.getByRole("alert");
    await alert.getByText(/no more room/).waitFor({ timeout: 60_000 });
    await alert.getByText(`Step ${saved} is saved: resume goes on from there.`).waitFor();
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(saved);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Start training" }).waitFor({ timeout: 60_000 });
    await page.close();
  }, 180_000);

  test("a tab that is closed while it trains: the next one offers the last good save, and goes on from it", async () => {
    const page = await studio.open("#/train");
    const row = page
      .getByRole("region", { name: "Runs in this browser" })
      .getByRole("listitem")
      .filter({ hasText: "digits" });
    const before = Number(/step (\d+) of/.exec(await row.innerText())![1]);
    await row.getByRole("button", { name: "Resume" }).click();
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(before);
    await page.close({ runBeforeUnload: false });
    const next = await studio.open("#/train");
    const again = next
      .getByRole("region", { name: "Runs in this browser" })
      .getByRole("listitem")
      .filter({ hasText: "digits" });
    const kept = Number(/step (\d+) of/.exec(await again.innerText())![1]);
    expect(kept).toBeGreaterThanOrEqual(before);
    await again.getByRole("button", { name: "Resume" }).click();
    await expect.poll(() => stepOf(next), { timeout: 60_000 }).toBe(kept + 1);
    await next.getByRole("button", { name: "Stop" }).click();
    await next.getByRole("button", { name: "Start training" }).waitFor({ timeout: 60_000 });
    expectNoErrors(next);
    await next.close();
  }, 180_000);
});

describe.skipIf(!chromiumHere)("trouble on the graphics card", () => {
  let studio: Studio;

  beforeAll(async () => {
    studio = await startChromiumStudio({ webgpu: true });
  }, 120_000);
  afterAll(() => studio?.[Symbol.asyncDispose]());

  test("a card that is lost in mid-run is told; the next drawing is on a new one", async () => {
    const page = await studio.open();
    await page.evaluate(() => localStorage.setItem("langevin.device", "webgpu"));
    await page.goto(
      `${studio.server.url}${quickLink.replace(encodeURIComponent('"steps":2'), encodeURIComponent('"steps":200'))}`,
    );
    await page.reload();
    await page.getByText(/^[2-9] of 200/).waitFor({ timeout: 120_000 });
    await (await studio.browser.newBrowserCDPSession()).send("Browser.crashGpuProcess");
    const alert = page.getByRole("alert");
    await alert.getByText(/lost|went away/).waitFor({ timeout: 60_000 });
    await alert.getByText("The steps that were drawn are kept.").waitFor();
    expect((await greysOf(page.getByRole("group", { name: /^Drawing: The picture so far/ }))).length).toBe(1);
    await page.getByRole("slider", { name: "Steps" }).fill("2");
    await alert.getByRole("button", { name: "Try again" }).click();
    await page.getByText(/^done in/).waitFor({ timeout: 120_000 });
    await page.close();
  }, 240_000);
});
