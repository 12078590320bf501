/**
 * The worker's side of the line: opens a context once, then runs jobs, several at a time where they are asked for. What a
 * job yields goes over as it comes.
 */
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { breathe, type Job, type JobContext } from "./job.ts";
import {
  buffersIn,
  type FromWorker,
  type Opened,
  type OpenOptions,
  type Port,
  type ToWorker,
  toPlainError,
} from "./messages.ts";

export interface Served {
  context: Omit<JobContext, "signal">;
  opened: Opened;
}

type AnyJob = Job<never, unknown, unknown>;

/** Answers the messages of a port. `open` is called once, with the options of the first message. */
export function serve(
  port: Port,
  jobs: Readonly<Record<string, AnyJob>>,
  open: (options: OpenOptions) => Promise<Served>,
): void {
  const running = new Map<number, AbortController>();
  let context: Omit<JobContext, "signal"> | undefined;

  const post = (message: FromWorker, given?: unknown) => {
    port.postMessage(message, given === undefined ? [] : buffersIn(given));
  };

  async function opening(options: OpenOptions): Promise<void> {
    try {
      const served = await open(options);
      context = served.context;
      post({ kind: "opened", opened: served.opened });
    } catch (error) {
      post({ kind: "refused", error: toPlainError(error) });
    }
  }

  async function run(id: number, name: string, request: unknown): Promise<void> {
    const stopping = new AbortController();
    running.set(id, stopping);
    try {
      if (!Object.hasOwn(jobs, name)) {
        throw new ConfigError(`there is no job ${JSON.stringify(name)}. ${didYouMean(name, Object.keys(jobs))}`);
      }
      if (context === undefined) throw new ConfigError("the engine is not open: open it before a job is started");
      const events = jobs[name](request as never, { ...context, signal: stopping.signal });
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          post({ kind: "result", id, result: value }, value);
          return;
        }
        post({ kind: "event", id, event: value }, value);
        await breathe();
      }
    } catch (error) {
      post({ kind: "failed", id, error: toPlainError(error) });
    } finally {
      running.delete(id);
    }
  }

  port.onmessage = ({ data }) => {
    const message = data as ToWorker;
    if (message.kind === "open") void opening(message.options);
    else if (message.kind === "start") void run(message.id, message.job, message.request);
    else running.get(message.id)?.abort();
  };
}
