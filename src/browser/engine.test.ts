/** Page and worker over a real line, a MessageChannel: what comes over, in which order, and how jobs end. */
import { afterEach, describe, expect, it } from "vitest";
import { ConfigError, DeviceError, DeviceLostError, FileAccessError } from "../core/errors.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { type Engine, engineOn } from "./engine.ts";
import { breathe, type Job, type JobContext } from "./job.ts";
import { fromPlainError, type OpenOptions, type Port, toPlainError } from "./messages.ts";
import { memoryRunStore } from "./run-store.ts";
import { serve } from "./serve.ts";

const options: OpenOptions = { device: "wasm", threads: 1, wasmPaths: "http://x/ort/", data: "http://x/data/" };

interface CountRequest {
  to: number;
  fail?: "known" | "strange" | "aborted";
}

let alive = 0;
/** Counts to a number; gives the last one, as a job that keeps its work does, also when it is stopped. */
async function* count({ to, fail }: CountRequest, { signal }: JobContext): AsyncGenerator<number, number, void> {
  alive++;
  try {
    let n = 0;
    while (n < to) {
      yield ++n;
      if (fail === "known") throw new DeviceLostError("the device was lost");
      if (fail === "strange") throw new RangeError("too far");
      if (fail === "aborted") signal.throwIfAborted();
      if (signal.aborted) break;
      await breathe();
    }
    return n;
  } finally {
    alive--;
  }
}

const given: Float32Array[] = [];
async function* arrays(): AsyncGenerator<{ deep: { x: Float32Array }[]; same: Float32Array }, Uint8Array, void> {
  const x = Float32Array.of(1, 2, 3);
  given.push(x);
  yield { deep: [{ x }], same: x };
  return Uint8Array.of(7);
}

const table = { count, arrays } satisfies Record<string, Job<never, unknown, unknown>>;

const open: { port1: MessagePort; port2: MessagePort }[] = [];
afterEach(() => {
  for (const { port1, port2 } of open.splice(0)) {
    port1.close();
    port2.close();
  }
});

type Loose = Omit<Engine, "start"> & {
  start(name: string, request: unknown): AsyncIterable<unknown> & { result: Promise<unknown>; stop(): void };
};

async function engine(refusal?: Error): Promise<Loose> {
  const { port1, port2 } = new MessageChannel();
  open.push({ port1, port2 });
  serve(port2 as unknown as Port, table, async ({ device }) => {
    if (refusal) throw refusal;
    const context = { runtime: nodeRuntime(), runs: memoryRunStore(), data: () => Promise.reject(new Error("none")) };
    return { context, opened: { device, threads: 2 } };
  });
  return (await engineOn(port1 as unknown as Port, options)) as unknown as Loose;
}

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const event of events) read.push(event);
  return read;
}

describe("the engine", () => {
  it("tells what it runs on, and all events in order before the result", async () => {
    const opened = await engine();
    expect([opened.device, opened.threads]).toEqual(["wasm", 2]);
    const running = opened.start("count", { to: 500 });
    expect(await running.result).toBe(500);
    expect(await all(running)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1)); // they have waited
  });

  it("gives typed arrays away, each once, wherever they stand", async () => {
    const running = (await engine()).start("arrays", {});
    const [event] = (await all(running)) as { deep: { x: Float32Array }[]; same: Float32Array }[];
    expect(event.same).toEqual(Float32Array.of(1, 2, 3));
    expect(event.deep[0].x.buffer).toBe(event.same.buffer);
    expect(given[0].length).toBe(0); // it is the page's now
    expect(await running.result).toEqual(Uint8Array.of(7));
  });

  it("runs several jobs at a time", async () => {
    const opened = await engine();
    const many = [3, 5, 4].map((to) => opened.start("count", { to }));
    expect(await Promise.all(many.map((running) => running.result))).toEqual([3, 5, 4]);
  });

  it("stops a job, which gives what it has", async () => {
    const running = (await engine()).start("count", { to: 1e9 });
    const seen: number[] = [];
    for await (const event of running) {
      seen.push(event as number);
      if (seen.length === 3) running.stop();
    }
    expect(await running.result).toBe(seen.at(-1));
    expect(alive).toBe(0);
  });

  it("stops a job whose events nobody reads any more", async () => {
    const running = (await engine()).start("count", { to: 1e9 });
    for await (const event of running) if (event === 2) break;
    expect(await running.result).toBeGreaterThanOrEqual(2);
    expect(alive).toBe(0);
  });

  it("a job that was stopped without a result ends quietly for who reads, and is told to who waits", async () => {
    const running = (await engine()).start("count", { to: 1e9, fail: "aborted" });
    running.stop();
    await all(running);
    await expect(running.result).rejects.toMatchObject({ name: "AbortError" });
  });

  it("raises the errors of a job as their class, for who reads and who waits", async () => {
    const opened = await engine();
    const lost = opened.start("count", { to: 2, fail: "known" });
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const event of lost) read.push(event);
    })();
    await expect(reading).rejects.toThrow(DeviceLostError);
    expect(read).toEqual([1]);
    await expect(lost.result).rejects.toThrow("the device was lost");
    const strange = opened.start("count", { to: 2, fail: "strange" });
    await expect(strange.result).rejects.toMatchObject({ name: "RangeError", message: "too far" });
    expect(await opened.start("count", { to: 2 }).result).toBe(2); // it is still there
  });

  it("names a job that is none, and a request that cannot be copied", async () => {
    const opened = await engine();
    await expect(opened.start("cuont", {}).result).rejects.toThrow(/no job "cuont".*count/);
    await expect(opened.start("cuont", {}).result).rejects.toThrow(ConfigError);
    expect(() => opened.start("count", { to: () => 3 })).toThrow(/could not be cloned/);
  });

  it("does not open where the worker refuses", async () => {
    await expect(engine(new DeviceError("no WebGPU here"))).rejects.toThrow(new DeviceError("no WebGPU here"));
  });

  it("stops what runs when it is closed, and starts nothing after", async () => {
    const opened = await engine();
    const running = opened.start("count", { to: 1e9 });
    await opened.close();
    expect(await running.result).toBeGreaterThan(0);
    expect(alive).toBe(0);
    expect(() => opened.start("count", { to: 1 })).toThrow(/closed: open it again/);
  });
});

describe("errors between page and worker", () => {
  it("keep their class where a bundler has shortened its name", () => {
    class Short extends FileAccessError {}
    Object.defineProperty(FileAccessError, "name", { value: "e", configurable: true });
    try {
      const error = toPlainError(new FileAccessError("full"));
      expect(error).toEqual({ name: "FileAccessError", message: "full" });
      expect(fromPlainError(error)).toBeInstanceOf(FileAccessError);
      expect(toPlainError(new Short("own")).name).toBe("Short");
    } finally {
      Object.defineProperty(FileAccessError, "name", { value: "FileAccessError", configurable: true });
    }
  });

  it("are errors where something else was thrown", () => {
    expect(fromPlainError(toPlainError("just text"))).toMatchObject({ name: "Error", message: "just text" });
  });
});
