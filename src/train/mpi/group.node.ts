/**
 * The ranks that mpirun started, as a group to train in. MPI lives in a thread of its own (`thread.node.ts`); arrays are handed
 * over and back, not copied.
 *
 *   await using group = await mpiGroup();       // a group of one where nobody started others
 *   for await (const tick of train({ group, … })) if (group.rank === 0) console.log(tick.loss);
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import type { Worker } from "node:worker_threads";
import { ConfigError, GroupError } from "../../core/errors.ts";
import { startWorker } from "../../runtime/node/start-worker.ts";
import { alone, type Group, gatherTexts, type Shareable } from "../group.ts";
import { type Environment, type Launcher, launcherOf } from "./launcher.node.ts";
import type { Alarm } from "./pulse.node.ts";
import type { ThreadReply, ThreadRequest, ThreadStart } from "./thread.node.ts";

/** Seconds without a word after which a rank counts as lost. */
const SILENCE = 15;
/** Seconds that a rank leaves rank 0 to save, before it ends everything itself. */
const GRACE = 60;

/** A group over MPI. Dispose of it when all is done: it waits for the other ranks. */
export interface MpiGroup extends Group, AsyncDisposable {
  /** The library, such as "Open MPI v4.1.4"; none for a process on its own. */
  readonly library?: string;
  /** Tells the other ranks that this one cannot go on, and why. Their calls raise a GroupError. */
  alarm(message: string): Promise<void>;
  /**
   * Ends all ranks of the launcher, after an error that this one cannot go on from. Rank 0 does so at once; others leave it
   * a minute to save, unless it is what was lost. Does not return.
   */
  abort(exitCode: number): Promise<never>;
}

/** Raised by the calls of a group when a rank failed or is gone. */
export class RankError extends GroupError {
  /** The rank that is gone, where that is what happened. */
  readonly lost?: number;
  /** The rank that noticed, or that failed. */
  readonly rank: number;

  constructor({ message, lost, rank }: Alarm) {
    super(lost === undefined ? `rank ${rank} failed: ${message}` : message);
    this.lost = lost;
    this.rank = rank;
  }
}

/**
 * The group of this process. Raises a GroupError where a launcher started ranks and they cannot be brought together:
 * koffi or the library is missing, or it is not the launcher's.
 */
export async function mpiGroup(env: Environment = process.env): Promise<MpiGroup> {
  const launcher = launcherOf(env);
  if (launcher) return await ThreadGroup.open(launcher, env);
  return {
    ...alone,
    alarm: async () => {},
    abort: async (exitCode) => process.exit(exitCode),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface Waiting {
  resolve(arrays: readonly Shareable[]): void;
  reject(error: Error): void;
}

class ThreadGroup implements MpiGroup {
  readonly rank: number;
  readonly size: number;
  readonly library: string;
  threads?: number;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #failure?: Error;

  private constructor(worker: Worker, ready: Extract<ThreadReply, { kind: "ready" }>) {
    this.#worker = worker;
    this.rank = ready.rank;
    this.size = ready.size;
    this.library = ready.version;
    worker.on("message", (reply: ThreadReply) => this.#settle(reply));
    worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", () => this.#fail(new GroupError("the thread that speaks MPI has ended")));
    worker.unref();
  }

  static async open(launcher: Launcher, env: Environment): Promise<ThreadGroup> {
    // UCX, over which MPICH and Open MPI may send, would try its hooks on the heap while it loads: it shrinks it by what
    // it grew it before, and takes with it what other threads got in between. Their gain is for buffers that stay, ours do not.
    process.env.UCX_MEM_EVENTS ??= "n";
    const start: ThreadStart = { launcher, env: { ...env }, silence: silenceOf(env) * 1000 };
    const worker = startWorker(new URL("./thread.node.ts", import.meta.url), start);
    const ready = await new Promise<Extract<ThreadReply, { kind: "ready" }>>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (reply: ThreadReply) => {
        worker.off("error", reject);
        if (reply.kind === "ready") resolve(reply);
        else
          reject(new GroupError(reply.kind === "broken" ? reply.message : "the thread that speaks MPI did not start"));
      });
    });
    const group = new ThreadGroup(worker, ready);
    group.threads = await threadsOf(group);
    return group;
  }

  async sum<T extends Float32Array | Float64Array>(arrays: readonly T[]): Promise<T[]> {
    return await this.#collective("sum", arrays);
  }

  async broadcast<T extends Shareable>(arrays: readonly T[]): Promise<T[]> {
    return await this.#collective("broadcast", arrays);
  }

  async barrier(): Promise<void> {
    await this.#call((id) => ({ kind: "barrier", id, arrays: [] }));
  }

  async alarm(message: string): Promise<void> {
    await this.#call((id) => ({ kind: "alarm", id, message }), [], true).catch(() => {});
  }

  async abort(exitCode: number): Promise<never> {
    const lost = this.#failure instanceof RankError ? this.#failure.lost : undefined;
    if (this.rank > 0 && lost !== 0) await new Promise((resolve) => setTimeout(resolve, GRACE * 1000));
    this.#worker.ref();
    this.#worker.postMessage({ kind: "abort", exitCode } satisfies ThreadRequest);
    return await new Promise<never>(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#failure) await this.#call((id) => ({ kind: "finish", id }));
  }

  async #collective<T extends Shareable>(kind: "sum" | "broadcast", arrays: readonly T[]): Promise<T[]> {
    const own = arrays.map(owned);
    const request = (id: number) => ({ kind, id, arrays: own }) as unknown as ThreadRequest;
    const buffers = [...new Set(own.map(({ buffer }) => buffer as ArrayBuffer))];
    return (await this.#call(request, buffers)) as unknown as T[];
  }

  #call(
    request: (id: number) => ThreadRequest,
    transfer: ArrayBuffer[] = [],
    evenBroken = false,
  ): Promise<readonly Shareable[]> {
    if (this.#failure && !evenBroken) return Promise.reject(this.#failure);
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request(id), transfer);
    });
  }

  #settle(reply: ThreadReply): void {
    if (reply.kind === "broken") this.#fail(reply.alarm ? new RankError(reply.alarm) : new GroupError(reply.message));
    if (reply.kind !== "done") return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    waiting?.resolve(reply.arrays);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    this.#worker.unref();
  }
}

/** An array that is all of its memory, so that it can be handed over: itself, or a copy. */
function owned<T extends Shareable>(array: T): T {
  const { buffer, byteLength } = array;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? array : (array.slice() as T);
}

function silenceOf(env: Environment): number {
  const given = env.LANGEVIN_MPI_TIMEOUT;
  if (given === undefined) return SILENCE;
  const seconds = Number(given);
  if (seconds >= 2) return seconds;
  throw new ConfigError(
    `LANGEVIN_MPI_TIMEOUT is ${given}; give the seconds after which a silent rank counts as lost, from 2`,
  );
}

/**
 * Threads for each rank: the cores that it may use, shared with the ranks on its machine that may use the same ones. A launcher
 * that binds each rank to cores of its own has shared them out already.
 */
async function threadsOf(group: Group): Promise<number> {
  const place = `${hostname()} ${allowedCores()}`;
  const places = await gatherTexts(group, place);
  return shareOfCores(availableParallelism(), places, group.rank);
}

/** `places`: machine and allowed cores of each rank, as text. */
export function shareOfCores(cores: number, places: readonly string[], rank: number): number {
  return Math.max(1, Math.floor(cores / places.filter((place) => place === places[rank]).length));
}

/** The cores that this process may run on, as Linux tells; elsewhere it does not matter. */
function allowedCores(): string {
  const path = "/proc/self/status";
  if (!existsSync(path)) return "";
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(path, "utf8"))?.[1] ?? "";
}
