/**
 * What a job is: work that is done off the page, told as it goes. It is a plain function, so it runs in a worker, in Node
 * and in a test alike; all that differs between those is handed to it in its context.
 *
 *   for await (const event of job(request, context)) …      the return value is the result
 */
import type { Dataset } from "../data/dataset.ts";
import type { DataConfig } from "../recipes/data.ts";
import type { Runtime } from "../runtime/session.ts";
import type { RunStore } from "./run-store.ts";

export interface JobContext {
  runtime: Runtime;
  /** Where runs are kept. */
  runs: RunStore;
  /** Opens the data that a recipe names. */
  data: (config: DataConfig) => Promise<Dataset>;
  /** Aborted when the job is to stop: it then ends between two steps, and finished work is kept. */
  signal: AbortSignal;
}

/**
 * A job: `Request` and `Event` must be what `structuredClone` copies. What an event holds is given away: its typed arrays
 * are transferred to the page, so a job must yield copies of what it goes on to use.
 */
export type Job<Request, Event, Result> = (
  request: Request,
  context: JobContext,
) => AsyncGenerator<Event, Result, void>;

/** Milliseconds of work after which messages are looked at. */
const BREATH_MS = 30;
let breathed = 0;

/**
 * Lets messages in, such as the one to stop: work that only awaits what is ready already never does. Costs nothing when
 * it was called a moment ago, so it can stand in any loop.
 */
export async function breathe(): Promise<void> {
  const now = performance.now();
  if (now - breathed < BREATH_MS) return;
  await nextTurn();
  breathed = performance.now();
}

/** A turn of the event loop; unlike with timers, browsers do not draw it out. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
