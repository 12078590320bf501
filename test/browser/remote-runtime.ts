/**
 * The runtime of a page, as a runtime of the test: graphs are written here, and opened and run there.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import * as errors from "../../src/core/errors.ts";
import { inputsOf } from "../../src/graph/graph.ts";
import { toOnnx } from "../../src/onnx/export.ts";
import type { BrowserDevice } from "../../src/runtime/browser/onnxruntime.ts";
import { targetOf } from "../../src/runtime/browser/session.ts";
import { checkFeeds } from "../../src/runtime/feeds.ts";
import type { Results, Runtime } from "../../src/runtime/session.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { expectNoErrors, launchChromium, openPage, repository } from "./chromium.ts";
import { decodeArray, encodeArray } from "./pages/runtime/arrays.ts";
import type { Lent } from "./pages/runtime/main.ts";

export interface RemoteRuntime extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly page: Page;
  /** Calls what the page lends. */
  call<K extends keyof Lent>(name: K, ...given: Parameters<Lent[K]>): Promise<Awaited<ReturnType<Lent[K]>>>;
}

async function buildPage(): Promise<string> {
  const folder = join(repository, "dist", "runtime-page");
  const root = join(repository, "test", "browser", "pages", "runtime");
  await build({
    configFile: false,
    root,
    base: "./",
    logLevel: "warn",
    resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
    build: { outDir: folder, emptyOutDir: true, target: "es2023", chunkSizeWarningLimit: 4000 },
  });
  return folder;
}

/** Opens the page in a Chromium of its own and starts its runtime. */
export async function openRemoteRuntime(device: BrowserDevice, threads?: number): Promise<RemoteRuntime> {
  const server: Server = await startServer({ root: await buildPage() });
  const browser = await launchChromium({ webgpu: device === "webgpu" });
  const page = await openPage(browser, server.url);
  await page.waitForFunction(() => "lent" in globalThis);
  const call: RemoteRuntime["call"] = async (name, ...given) => {
    const outcome = await page.evaluate(
      async ({ name, given }) => {
        const { lent } = globalThis as unknown as { lent: Record<string, (...given: unknown[]) => unknown> };
        try {
          return { value: await lent[name](...given) };
        } catch (error) {
          const failure = error as Error;
          return { kind: failure.constructor.name, message: failure.message };
        }
      },
      { name, given },
    );
    if ("value" in outcome) return outcome.value as never;
    throw asError(outcome as { kind: string; message: string });
  };
  await call("start", { device, threads });
  return {
    runtime: runtimeOf(device, call),
    page,
    call,
    async [Symbol.asyncDispose]() {
      expectNoErrors(page);
      await browser.close();
      await server.close();
    },
  };
}

/** An error of the page as the same class here. Names of classes are shortened in the built page: any error will do then. */
function asError({ kind, message }: { kind: string; message: string }): Error {
  const known = (errors as unknown as Record<string, new (message: string) => Error>)[kind];
  return known ? new known(message) : new Error(message);
}

function runtimeOf(device: BrowserDevice, call: RemoteRuntime["call"]): Runtime {
  return {
    device,
    async compile(graph, options) {
      const inputs = inputsOf(graph);
      const session = await call("compile", inputs, encodeArray(toOnnx(graph, {}, targetOf(device))), options);
      const release = async () => void (await call("release", session));
      return {
        inputs,
        async run(feeds) {
          checkFeeds(inputs, feeds);
          const encoded = Object.entries(feeds).map(([name, feed]) => [name, encodeArray(feed)] as const);
          const results = await call("run", session, Object.fromEntries(encoded));
          const decoded = Object.entries(results).map(([name, result]) => [name, decodeArray(result)] as const);
          return Object.fromEntries(decoded) as Results;
        },
        release,
        [Symbol.asyncDispose]: release,
      };
    },
  };
}
