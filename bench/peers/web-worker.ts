/**
 * The browser's `Worker` and `navigator.hardwareConcurrency` on Node's worker threads: as much as jax-js needs of them
 * to spread its WebAssembly kernels over threads. Without them it runs on one thread in Node.
 */
import { resolveObjectURL } from "node:buffer";
import { Worker as Thread } from "node:worker_threads";

/** What a browser's worker finds in its global scope, and the code, which comes after the thread has started. */
const PRELUDE = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (data) => parentPort.postMessage(data);
parentPort.once("message", (code) => {
  (0, eval)(code);
  parentPort.on("message", (data) => self.onmessage({ data }));
});
`;

class WebWorker {
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (error: Error) => void;
  readonly #thread = new Thread(PRELUDE, { eval: true, execArgv: [] });
  readonly #started: Promise<void>;

  constructor(url: string) {
    this.#thread.unref();
    this.#thread.on("message", (data) => this.onmessage?.({ data }));
    this.#thread.on("error", (error) => this.onerror?.(error as Error));
    const code = resolveObjectURL(url)!.text();
    this.#started = code.then((text) => this.#thread.postMessage(text));
  }

  postMessage(data: unknown): void {
    this.#started.then(() => this.#thread.postMessage(data));
  }
}

/** Puts both into the global scope; to be called before the library is loaded. */
export function installWebWorkers(threads: number): void {
  Object.defineProperty(globalThis, "Worker", { value: WebWorker, configurable: true });
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: threads }, configurable: true });
}
