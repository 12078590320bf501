/**
 * Trains the digits in a tab, as a visitor does: opens the studio in headless Chromium, chooses the minutes, starts, waits,
 * exports the run, and unpacks it. What it drew is judged on Node by `langevin evaluate`.
 *
 *   node --import tsx scripts/train-in-tab.ts --minutes 9 --out runs/tab
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { unzipRun } from "../src/browser/zip-run.ts";
import { startServer } from "../src/server/server.ts";
import { launchChromium, openPage } from "../test/browser/chromium.ts";
import { buildStudio } from "../test/browser/studio-build.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "9" },
    out: { type: "string", default: "runs/tab" },
    device: { type: "string", default: "wasm" },
  },
});
const minutes = Number(values.minutes);
const server = await startServer({ root: await buildStudio() });
const browser = await launchChromium({ webgpu: values.device === "webgpu" });
const page = await openPage(browser, `${server.url}#/train`);
await page.getByLabel("Recipe").selectOption("digits");
await page.getByLabel("Minutes", { exact: true }).fill(String(minutes));
const began = performance.now();
await page.getByRole("button", { name: "Start training" }).click();
const run = page.getByRole("region", { name: /^The run digits/ });
const figures = async () => (await run.locator("dl").innerText()).replaceAll(/\s+/g, " ");
const telling = setInterval(() => void figures().then(console.log, () => undefined), 30_000);
await run.getByText(/^finished after/).waitFor({ timeout: 60_000 * (minutes + 5) });
clearInterval(telling);
const seconds = (performance.now() - began) / 1000;
console.log(await figures());
const [download] = await Promise.all([
  page.waitForEvent("download"),
  run.getByRole("button", { name: "Export" }).click(),
]);
for (const [name, bytes] of unzipRun(new Uint8Array(readFileSync(await download.path())))) {
  const path = join(values.out, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
await browser.close();
await server.close();
console.log(`${seconds.toFixed(0)} s from the press of the button to the end; written to ${values.out}`);
console.log(`next: npm run langevin -- evaluate ${values.out} --count 100`);
