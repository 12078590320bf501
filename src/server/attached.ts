/**
 * The studio beside a training in the same process, in a thread of its own.
 *
 * A run of ONNX Runtime blocks the thread that asks for it, for as long as a step takes: a server there would answer between steps
 * only, and every file that it reads would make the training wait. A thread answers at once and shares nothing with the training but
 * the run folder; unlike a process, it cannot outlive the training.
 */
import { once } from "node:events";
import { ConfigError } from "../core/errors.ts";
import { startWorker } from "../runtime/node/start-worker.ts";
import type { ServerOptions } from "./server.ts";

/** What the thread says: where it serves, or why not. */
export type AttachedReply = { url: string } | { error: string };

export interface Attached extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves the studio from a thread until disposed of; who watches the run is told its end before. Raises a ConfigError when no port can
 * be listened on.
 */
export async function attachStudio(options: ServerOptions): Promise<Attached> {
  const worker = startWorker(new URL("./attached-entry.ts", import.meta.url), options);
  const [reply] = (await once(worker, "message")) as [AttachedReply];
  const ended = once(worker, "exit");
  if ("error" in reply) {
    await ended;
    throw new ConfigError(reply.error);
  }
  // The training goes on without its studio; whoever watches sees the connection lost.
  worker.on("error", () => {});
  worker.unref();
  return {
    url: reply.url,
    async [Symbol.asyncDispose]() {
      worker.ref();
      worker.postMessage("close");
      await ended.catch(() => {});
    },
  };
}
