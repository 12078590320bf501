/**
 * Pictures of every page of the studio, to be looked at: light and dark at 1280 × 900, and as narrow as a telephone. Says which pages
 * wrote errors to the console, and which are wider than their window.
 *
 *   npm run studio:screens                                   into dist/screens
 *   npm run studio:screens -- --out /tmp/x --runs runs noise 'sample?seed=3'
 *
 * The studio is built where its sources have changed. CHROMIUM_PATH names the browser where it is not /usr/bin/chromium.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { startServer } from "../src/server/server.ts";
import { buildStudio } from "../test/browser/studio-build.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "dist/screens" },
    runs: { type: "string" },
    /** Time for a page to draw what it draws by itself, ms. */
    wait: { type: "string", default: "2500" },
  },
});
const pages = positionals.length > 0 ? positionals : ["noise", "playground", "train", "sample", "inside"];
const looks = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  { name: "narrow", colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true },
] as const;

/** Takes one picture; returns what is wrong with the page. */
async function take(browser: Browser, url: string, page: string, look: (typeof looks)[number]): Promise<string[]> {
  const { name, ...options } = look;
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const tab = await context.newPage();
  const faults: string[] = [];
  tab.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  tab.on("pageerror", (error) => faults.push(error.message));
  await tab.goto(`${url}#/${page}`);
  await tab.waitForSelector("h1");
  await tab.waitForTimeout(Number(values.wait));
  const file = join(values.out, `${page.replaceAll(/[^\w-]+/g, "_")}-${name}.png`);
  await tab.screenshot({ path: file, fullPage: true });
  const [inner, outer] = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (inner > outer) faults.push(`${inner} pixels wide in a window of ${outer}`);
  await context.close();
  console.log(file);
  return faults;
}

mkdirSync(values.out, { recursive: true });
const server = await startServer({ root: await buildStudio(), runs: values.runs });
const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
try {
  for (const page of pages) {
    for (const look of looks) {
      for (const fault of await take(browser, server.url, page, look)) {
        console.error(`  ${page}, ${look.name}: ${fault}`);
        process.exitCode = 1;
      }
    }
  }
} finally {
  await browser.close();
  await server.close();
}
