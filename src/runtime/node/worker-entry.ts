/**
 * The thread of a `WorkerSession`: compiles one model, runs it when asked, one run at a time.
 */
import { parentPort, workerData } from "node:worker_threads";
import { createSession, runSession } from "./onnxruntime.ts";
import type { Reply, Request, WorkerStart } from "./worker-session.ts";

const port = parentPort!;
const { inputs, ...plan } = workerData as WorkerStart;
const reply = (message: Reply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

try {
  const session = await createSession(plan);
  let last: Promise<void> = Promise.resolve();
  port.on("message", (request: Request) => {
    last = last.then(async () => {
      if (request.kind === "release") {
        await session.release();
        port.close();
        return;
      }
      try {
        const results = await runSession(session, inputs, request.feeds);
        // The results are of no use here: hand over their memory instead of a copy.
        const buffers = new Set(Object.values(results).map((array) => array.buffer as ArrayBuffer));
        reply({ kind: "results", id: request.id, results }, [...buffers]);
      } catch (error) {
        reply({ kind: "error", id: request.id, message: messageOf(error) });
      }
    });
  });
  reply({ kind: "ready" });
} catch (error) {
  reply({ kind: "error", message: messageOf(error) });
}
