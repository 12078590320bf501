/**
 * The page of the benchmark: each side in a worker of its own, asked from outside through `globalThis.bench`.
 */
import type { Asked, Reply, SideName } from "./worker.ts";

const workers = new Map<SideName, Worker>();

function workerOf(side: SideName): Worker {
  let worker = workers.get(side);
  if (!worker) {
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    workers.set(side, worker);
  }
  return worker;
}

const bench = {
  /** Gives the answer of a side, or its error as text. */
  ask(side: SideName, asked: Asked): Promise<Reply> {
    const worker = workerOf(side);
    return new Promise((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<Reply>) => resolve(data);
      worker.onerror = ({ message }) => resolve({ error: message || "its worker did not start" });
      worker.postMessage(asked);
    });
  },
  close(side: SideName): void {
    workers.get(side)?.terminate();
    workers.delete(side);
  },
};

export type Bench = typeof bench;

Object.assign(globalThis, { bench });
