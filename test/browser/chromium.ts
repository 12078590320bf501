/**
 * Chromium for tests: headless, found on this machine (`CHROMIUM_PATH`, or the usual names), driven through
 * playwright-core. Where there is none, tests are skipped with a word; where `CI` is set they fail instead.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { type Server, startServer } from "../../src/server/server.ts";
import { buildStudio } from "./studio-build.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH;
  if (given) return given;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

const executablePath = findChromium();

/** Whether there is a Chromium. In CI there must be one: its absence fails the tests that need it. */
export const chromiumHere = executablePath !== undefined || Boolean(process.env.CI);

if (!chromiumHere) {
  console.warn("no Chromium: tests in the browser are skipped. Install it (apt install chromium) or set CHROMIUM_PATH");
}

const quiet = [
  "--no-first-run",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Pages of tests are often in the background, where timers would be slowed down.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
];

export interface ChromiumOptions {
  /** WebGPU on the processor, by SwiftShader. @default false */
  webgpu?: boolean;
}

/** Starts Chromium. */
export async function launchChromium({ webgpu = false }: ChromiumOptions = {}): Promise<Browser> {
  if (executablePath === undefined) throw new Error("no Chromium on this machine: set CHROMIUM_PATH");
  const gpu = webgpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : ["--disable-gpu"];
  // Chromium's sandbox refuses to run as root, as containers do.
  return await chromium.launch({ executablePath, args: ["--no-sandbox", ...quiet, ...gpu] });
}

const errorsOf = new WeakMap<Page, string[]>();

/** Collects what goes wrong on a page: errors in its console, errors that nobody caught, requests that failed. */
function collectErrors(page: Page): void {
  const errors: string[] = [];
  errorsOf.set(page, errors);
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.stack ?? error.message}`));
}

/** Fails when something went wrong on a page since it was opened, or since the last call. */
export function expectNoErrors(page: Page): void {
  const errors = errorsOf.get(page) ?? [];
  expect(errors.splice(0), "errors on the page").toEqual([]);
}

/** A page of a context, whose errors are collected. */
export async function openPage(context: BrowserContext | Browser, url?: string): Promise<Page> {
  const page = await context.newPage();
  collectErrors(page);
  if (url !== undefined) await page.goto(url);
  return page;
}

/** A browser, the studio's server, and a context: what the tests of one file share. */
export interface Studio extends AsyncDisposable {
  readonly browser: Browser;
  readonly server: Server;
  /** Keeps what a visitor keeps: files of the origin, settings. */
  readonly context: BrowserContext;
  /** A page of the studio, such as `#/noise`. */
  open(hash?: string): Promise<Page>;
}

export interface StudioOptions extends ChromiumOptions {
  /** A folder with runs for the server. */
  runs?: string;
  colorScheme?: "light" | "dark";
  viewport?: { width: number; height: number };
}

/** Builds the studio where its sources have changed, serves it, and starts Chromium. */
export async function startChromiumStudio(options: StudioOptions = {}): Promise<Studio> {
  const { webgpu, runs, colorScheme = "light", viewport = { width: 1280, height: 900 } } = options;
  const root = await buildStudio();
  const server = await startServer({ root, runs });
  const browser = await launchChromium({ webgpu });
  const context = await browser.newContext({ colorScheme, viewport });
  return {
    browser,
    server,
    context,
    open: (hash = "") => openPage(context, `${server.url}${hash}`),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await server.close();
    },
  };
}

/** One page of the studio in a Chromium of its own, which ends with the page. */
export async function openStudio(hash = "", options: StudioOptions = {}): Promise<Page> {
  const studio = await startChromiumStudio(options);
  const page = await studio.open(hash);
  page.once("close", () => void studio[Symbol.asyncDispose]());
  return page;
}

/** The folder of this repository. */
export const repository = fileURLToPath(new URL("../../", import.meta.url));
