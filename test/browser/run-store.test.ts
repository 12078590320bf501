/**
 * The run store on Chromium's private file system: what is kept over reloads, a tab that is closed in the middle of a save,
 * and a quota that is used up.
 */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../../src/server/server.ts";
import { chromiumHere, launchChromium, openPage } from "./chromium.ts";
import { borrow, buildLentPage, type Call } from "./lent.ts";
import type { LentStore } from "./pages/store/main.ts";

describe.skipIf(!chromiumHere)("runs in the browser's private files", () => {
  let server: Server;
  let context: BrowserContext;
  let page: Page;
  let call: Call<LentStore>;

  const open = async () => {
    page = await openPage(context, server.url);
    call = await borrow<LentStore>(page);
  };
  beforeAll(async () => {
    server = await startServer({ root: await buildLentPage("store") });
    context = await (await launchChromium()).newContext();
    await open();
  }, 120_000);
  afterAll(async () => {
    await context?.browser()?.close();
    await server?.close();
  });

  it("are there after a reload, with files in folders, and gone when removed", async () => {
    await call("write", "first", "metrics.jsonl", "one\n");
    await call("append", "first", "metrics.jsonl", "two\n");
    await call("write", "first", "samples/step-000010.png", "picture");
    await page.close();
    await open();
    expect(await call("files", "first")).toEqual(["metrics.jsonl", "samples/step-000010.png"]);
    expect(await call("read", "first", "metrics.jsonl")).toBe("one\ntwo\n");
    expect(await call("read", "first", "none.json")).toBeUndefined();
    expect(await call("read", "none", "none.json")).toBeUndefined();
    const [listed] = await call("list");
    expect(listed).toMatchObject({ name: "first", bytes: 15 });
    expect(listed.problem).toMatch(/no run.json/);
    await call("remove", "first");
    await call("remove", "first");
    expect(await call("list")).toEqual([]);
  });

  it("keep the last whole file when the tab is closed in the middle of a save", async () => {
    await call("write", "second", "state.safetensors", "good");
    for (const patience of [0, 5, 20, 60]) {
      await call("beginWrite", "second", "state.safetensors", 200);
      await page.waitForTimeout(patience);
      await page.close();
      await open();
      const kept = (await call("read", "second", "state.safetensors"))!;
      expect(kept === "good" || kept.length === 200e6, `${kept.length} bytes after ${patience} ms`).toBe(true);
      expect(await call("files", "second")).toEqual(["state.safetensors"]);
      await call("write", "second", "state.safetensors", "good");
    }
  });

  it("have no file where the tab is closed in the middle of its first save", async () => {
    await call("write", "fresh", "run.json", "{}");
    await call("beginWrite", "fresh", "state.safetensors", 400);
    await page.waitForTimeout(5);
    await page.close();
    await open();
    const kept = await call("read", "fresh", "state.safetensors");
    expect(kept === undefined || kept.length === 400e6).toBe(true);
    const whole = kept === undefined ? [] : ["state.safetensors"];
    expect(await call("files", "fresh")).toEqual(["run.json", ...whole]);
    await call("write", "fresh", "empty.txt", "");
    expect(await call("read", "fresh", "empty.txt")).toBeUndefined();
    expect(await call("files", "fresh")).toEqual(["run.json", ...whole]);
    await call("remove", "fresh");
  });

  it("are trained in one tab at a time: a closed one lets go", async () => {
    await call("hold", "held");
    await expect(call("hold", "held")).rejects.toThrow(/held is being trained in another tab/);
    const other = await openPage(context, server.url);
    const fromOther = await borrow<LentStore>(other);
    await expect(fromOther("hold", "held")).rejects.toThrow(/held is being trained in another tab/);
    await fromOther("hold", "another");
    await page.close();
    await fromOther("hold", "held");
    await other.close();
    await open();
    await call("hold", "held");
    await call("letGo");
    await call("hold", "held");
  });

  it("keep what was saved when there is no more room, and say so", async () => {
    await call("write", "third", "state.safetensors", "good");
    const session = await context.newCDPSession(page);
    const { origin } = new URL(server.url);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 5e6 });
    const outcome = call("writeLarge", "third", "state.safetensors", 20);
    await expect(outcome).rejects.toThrow(/no more room .*; what was saved before is as it was: export the run/);
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    expect(await call("read", "third", "state.safetensors")).toBe("good");
    await call("writeLarge", "third", "state.safetensors", 20);
  });

  it.each(["../x", "a//b", "/a", "a\\b", "."])("refuse the file %j", async (file) => {
    const outcome = call("write", "fourth", file, "x");
    await expect(outcome).rejects.toThrow("is no file of a run");
  });
});
