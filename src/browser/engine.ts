/**
 * The engine of a page: a worker of its own that runs jobs, so that the page never stands still. Nothing of ONNX Runtime
 * is loaded before `openEngine` is called.
 *
 *   const engine = await openEngine({ device: "wasm" });
 *   const running = engine.start("train", { run: "first", recipe: "digits", seed: 0 });
 *   for await (const event of running) …      // then: await running.result
 */
import { DeviceError } from "../core/errors.ts";
import type { Job } from "./job.ts";
import type { jobs } from "./jobs/index.ts";
import {
  type FromWorker,
  fromPlainError,
  type Opened,
  type OpenOptions,
  type Port,
  type ToWorker,
} from "./messages.ts";

export type Jobs = typeof jobs;
export type JobName = keyof Jobs;
export type RequestOf<K extends JobName> = Parameters<Jobs[K]>[0];
export type EventOf<K extends JobName> = Jobs[K] extends Job<never, infer Event, unknown> ? Event : never;
export type ResultOf<K extends JobName> = Jobs[K] extends Job<never, unknown, infer Result> ? Result : never;

/** A job under way. */
export interface Running<Event, Result> extends AsyncIterable<Event> {
  /** What the job returns. Rejects with the error of the job, or with an AbortError where it was stopped without a result. */
  readonly result: Promise<Result>;
  /** Asks the job to end after the step under way. A job that keeps work keeps it then, and still gives its result. */
  stop(): void;
}

export interface Engine {
  /** `wasm` or `webgpu`. */
  readonly device: string;
  /** Threads of WebAssembly. 1 where the page is not cross-origin isolated: it has no SharedArrayBuffer then. */
  readonly threads: number;
  /**
   * Starts a job. The request is copied to the worker. Events wait until they are read, in order; iterate once. Leaving the
   * loop early stops the job. Iterating throws the error of the job.
   */
  start<K extends JobName>(name: K, request: RequestOf<K>): Running<EventOf<K>, ResultOf<K>>;
  /** Stops all jobs, lets them end for a moment, and ends the worker. */
  close(): Promise<void>;
}

export interface EngineOptions extends Partial<Omit<OpenOptions, "device">> {
  /** `wasm`: the processor, everywhere; `webgpu`: the graphics card, where the browser offers it. */
  device: "wasm" | "webgpu";
}

/** Milliseconds that jobs have to end when the engine is closed. */
const CLOSING_MS = 5000;

/**
 * Opens the engine in a worker of its own. Addresses that are left out are `ort/` and `data/` beside the page.
 *
 * Raises a DeviceError where the device is not there or its files do not load: its message says what to do.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const beside = (folder: string) => new URL(folder, document.baseURI).href;
  const { device, threads, wasmPaths = beside("ort/"), data = beside("data/") } = options;
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const line = new Line(worker as unknown as Port, () => worker.terminate());
  worker.onerror = (event) => {
    event.preventDefault();
    line.break(new DeviceError(`the worker of the engine failed: ${event.message || "its script did not load"}`));
  };
  try {
    return await line.open({ device, threads, wasmPaths, data });
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** The engine at the other end of a port, for tests and for workers that somebody else has started. */
export async function engineOn(port: Port, options: OpenOptions): Promise<Engine> {
  return await new Line(port, () => undefined).open(options);
}

/** The page's side of the line. */
class Line {
  readonly #port: Port;
  readonly #end: () => void;
  readonly #running = new Map<number, Inbox>();
  #opening?: Deferred<Opened>;
  #broken?: Error;
  #next = 1;

  constructor(port: Port, end: () => void) {
    this.#port = port;
    this.#end = end;
    port.onmessage = ({ data }) => this.#receive(data as FromWorker);
  }

  async open(options: OpenOptions): Promise<Engine> {
    this.#opening = deferred<Opened>();
    this.#send({ kind: "open", options });
    const { device, threads } = await this.#opening.promise;
    return {
      device,
      threads,
      start: (name, request) => this.#start(name, request) as never,
      close: () => this.#close(),
    };
  }

  /** Ends everything with an error. */
  break(error: Error): void {
    this.#broken ??= error;
    this.#opening?.reject(error);
    for (const inbox of this.#running.values()) inbox.fail(error);
    this.#running.clear();
  }

  #start(job: string, request: unknown): Running<unknown, unknown> {
    if (this.#broken) throw this.#broken;
    const id = this.#next++;
    const inbox = new Inbox(() => this.#send({ kind: "stop", id }));
    this.#running.set(id, inbox);
    try {
      this.#send({ kind: "start", id, job, request });
    } catch (error) {
      this.#running.delete(id);
      throw error; // something in the request cannot be copied to the worker
    }
    return inbox;
  }

  #send(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.kind === "opened") this.#opening?.resolve(message.opened);
    else if (message.kind === "refused") this.#opening?.reject(fromPlainError(message.error));
    else if (message.kind === "event") this.#running.get(message.id)?.push(message.event);
    else {
      const inbox = this.#running.get(message.id);
      this.#running.delete(message.id);
      if (message.kind === "result") inbox?.end(message.result);
      else inbox?.fail(fromPlainError(message.error));
    }
  }

  async #close(): Promise<void> {
    const ending = [...this.#running.values()].map((inbox) => {
      inbox.stop();
      return inbox.result.catch(() => undefined);
    });
    const late = new Promise((resolve) => setTimeout(resolve, CLOSING_MS));
    if (ending.length > 0) await Promise.race([Promise.all(ending), late]);
    this.break(new DeviceError("the engine is closed: open it again"));
    this.#end();
  }
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

function deferred<T>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Events that have come and wait to be read. */
class Inbox implements Running<unknown, unknown> {
  readonly result: Promise<unknown>;
  readonly #result = deferred<unknown>();
  readonly #ask: () => void;
  readonly #events: unknown[] = [];
  #wake?: () => void;
  #ended = false;
  #stopped = false;
  #error?: Error;

  constructor(ask: () => void) {
    this.#ask = ask;
    this.result = this.#result.promise;
    this.result.catch(() => undefined); // whoever only reads events is told by them
  }

  push(event: unknown): void {
    this.#events.push(event);
    this.#wake?.();
  }

  end(result: unknown): void {
    this.#ended = true;
    this.#result.resolve(result);
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#ended = true;
    // A job that was stopped and has nothing to give back ends quietly for who reads its events.
    if (!(this.#stopped && error.name === "AbortError")) this.#error = error;
    this.#result.reject(error);
    this.#wake?.();
  }

  stop(): void {
    if (this.#ended || this.#stopped) return;
    this.#stopped = true;
    this.#ask();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    try {
      for (;;) {
        while (this.#events.length > 0) yield this.#events.shift();
        if (this.#error) throw this.#error;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.stop();
    }
  }
}
