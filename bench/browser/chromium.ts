/**
 * The benchmark's page in headless Chromium: built with its workers, served with the headers that threads need and with the peers'
 * files under `/peers/`, and asked one side at a time.
 */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { ConfigError } from "../../src/core/errors.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { PeerError } from "../peers/process.ts";
import type { Bench } from "./page/main.ts";
import type { Asked, Reply, SideName } from "./page/worker.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Packages of the peers, and what of them the page loads. */
const packages = ["@tensorflow/tfjs/dist/tf.min.js", "@tensorflow/tfjs-backend-wasm/dist", "@jax-js/jax/dist"];

/** Builds the page; `peers` is a folder in which the peers were installed. */
async function buildPage(peers: string | undefined): Promise<string> {
  const folder = join(repository, "dist", "bench-browser");
  await build({
    configFile: false,
    root: join(repository, "bench", "browser", "page"),
    base: "./",
    logLevel: "warn",
    resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
    worker: { format: "es" },
    build: { outDir: folder, emptyOutDir: true, target: "es2023", chunkSizeWarningLimit: 4000 },
  });
  if (peers === undefined) return folder;
  for (const path of packages) {
    const from = join(peers, "node_modules", path);
    if (existsSync(from)) cpSync(from, join(folder, "peers", path), { recursive: true });
  }
  return folder;
}

export class BenchPage implements AsyncDisposable {
  readonly #server: Server;
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(server: Server, browser: Browser, page: Page) {
    this.#server = server;
    this.#browser = browser;
    this.#page = page;
  }

  /** Raises a ConfigError where there is no Chromium. */
  static async open(peers: string | undefined): Promise<BenchPage> {
    const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
    if (!existsSync(executablePath)) {
      throw new ConfigError(`there is no browser at ${executablePath}: install Chromium, or set CHROMIUM_PATH`);
    }
    const server = await startServer({ root: await buildPage(peers) });
    const webgl = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"];
    const quiet = ["--disable-quic", "--disable-background-timer-throttling", "--disable-renderer-backgrounding"];
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...webgl, ...quiet] });
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.waitForFunction(() => "bench" in globalThis);
    return new BenchPage(server, browser, page);
  }

  get browserVersion(): string {
    return this.#browser.version();
  }

  /** Raises a PeerError with the side's own words, or where it has no answer within `timeoutMs`. */
  async ask<R extends Reply>(side: SideName, asked: Asked, timeoutMs: number): Promise<Exclude<R, { error: string }>> {
    const answer = this.#page.evaluate(
      ([side, asked]) => (globalThis as unknown as { bench: Bench }).bench.ask(side, asked),
      [side, asked] as const,
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Reply>((resolve) => {
      const error = `no answer within ${Math.round(timeoutMs / 1000)} s`;
      timer = setTimeout(() => resolve({ error }), timeoutMs);
    });
    const reply = await Promise.race([answer, late]).finally(() => clearTimeout(timer));
    if ("error" in reply) throw new PeerError(reply.error);
    return reply as Exclude<R, { error: string }>;
  }

  async close(side: SideName): Promise<void> {
    await this.#page.evaluate((side) => (globalThis as unknown as { bench: Bench }).bench.close(side), side);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}
