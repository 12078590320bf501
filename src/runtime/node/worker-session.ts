/**
 * A session in a thread of its own, so that its runs do not block the caller and several sessions work at once.
 *
 * A run of onnxruntime-node cannot be interrupted, and a thread that is stopped in the middle of one takes the process
 * with it. So the thread is never terminated: `release` asks it to end, after the runs under way.
 */
import type { Worker } from "node:worker_threads";
import { DeviceError } from "../../core/errors.ts";
import type { GraphInput } from "../../graph/graph.ts";
import { checkFeeds } from "../feeds.ts";
import type { Feeds, Results, Session } from "../session.ts";
import type { SessionPlan } from "./onnxruntime.ts";
import { startWorker } from "./start-worker.ts";

/** What the thread is asked to do; `run` is answered by a reply of the same id. */
export type Request = { kind: "run"; id: number; feeds: Feeds } | { kind: "release" };
export type Reply =
  | { kind: "ready" }
  | { kind: "results"; id: number; results: Results }
  | { kind: "error"; id?: number; message: string };

/** What the thread is started with. */
export interface WorkerStart extends SessionPlan {
  inputs: readonly GraphInput[];
}

interface Waiting {
  resolve(results: Results): void;
  reject(error: Error): void;
}

export class WorkerSession implements Session {
  readonly inputs: readonly GraphInput[];
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #runs = 0;
  #failure?: Error;
  #released = false;

  private constructor(inputs: readonly GraphInput[], worker: Worker) {
    this.inputs = inputs;
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", () => this.#fail(new DeviceError("the thread of this session has ended")));
  }

  /** Starts the thread and compiles the model there. */
  static async open(inputs: readonly GraphInput[], plan: SessionPlan): Promise<WorkerSession> {
    const start: WorkerStart = { inputs, ...plan };
    const worker = startWorker(new URL("./worker-entry.ts", import.meta.url), start);
    await new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (reply: Reply) => {
        worker.off("error", reject);
        if (reply.kind === "error") reject(new DeviceError(reply.message));
        else resolve();
      });
    });
    return new WorkerSession(inputs, worker);
  }

  run(feeds: Feeds): Promise<Results> {
    if (this.#released) throw new DeviceError("this session was released; compile the graph again");
    checkFeeds(this.inputs, feeds);
    if (this.#failure) throw this.#failure;
    const id = this.#runs++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ kind: "run", id, feeds });
    });
  }

  async release(): Promise<void> {
    if (!this.#released) {
      this.#released = true;
      this.#post({ kind: "release" });
    }
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #settle(reply: Reply): void {
    if (reply.kind === "ready" || reply.id === undefined) return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === "results") waiting?.resolve(reply.results);
    else waiting?.reject(new Error(reply.message));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
