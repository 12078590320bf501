/**
 * The runtime of a page, as a runtime of the test: graphs are written here, and opened and run there.
 */
import type { Page } from "playwright-core";
import { inputsOf } from "../../src/graph/graph.ts";
import { toOnnx } from "../../src/onnx/export.ts";
import type { BrowserDevice } from "../../src/runtime/browser/onnxruntime.ts";
import { targetOf } from "../../src/runtime/browser/session.ts";
import { checkFeeds } from "../../src/runtime/feeds.ts";
import type { Results, Runtime } from "../../src/runtime/session.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { expectNoErrors, launchChromium, openPage } from "./chromium.ts";
import { borrow, buildLentPage, type Call } from "./lent.ts";
import { decodeArray, encodeArray } from "./pages/runtime/arrays.ts";
import type { Lent } from "./pages/runtime/main.ts";

export interface RemoteRuntime extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly page: Page;
  /** Calls what the page lends. */
  readonly call: Call<Lent>;
}

/** Opens the page in a Chromium of its own and starts its runtime. */
export async function openRemoteRuntime(device: BrowserDevice, threads?: number): Promise<RemoteRuntime> {
  const server: Server = await startServer({ root: await buildLentPage("runtime") });
  const browser = await launchChromium({ webgpu: device === "webgpu" });
  const page = await openPage(browser, server.url);
  const call = await borrow<Lent>(page);
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

function runtimeOf(device: BrowserDevice, call: Call<Lent>): Runtime {
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
