/**
 * How the benchmark talks to the sides that it compares, each a process of its own: one JSON request a line on its
 * stdin, one JSON answer a line on its stdout. `pytorch.py` speaks the same.
 *
 *   node --import tsx peers/langevin.ts --threads 2                  a server, whose requests can alternate with another's
 *   node --import tsx peers/langevin.ts --threads 2 --once REQUEST   one request in a fresh process: for peak memory
 *
 * The server keeps the last prepared network. A request for another one prepares it and makes a first step, which
 * counts for `firstMs` only.
 */
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

export type Task = "train-step" | "sample-forward";

/** UNet2DModel's fields, and the size of the patches around it. */
export type NetworkFields = Readonly<Record<string, unknown>> & { readonly patch?: number };

export interface PeerRequest {
  task: Task;
  network: NetworkFields;
  batch: number;
  /** Steps that are timed. */
  repeats: number;
  /** Steps before them that are not. */
  warmup: number;
}

export interface PeerAnswer {
  /** One for each repeat. */
  ms: number[];
  /** From the request to the end of the first step: building, compiling, running. */
  firstMs: number;
  /** Of that, until there was a session to run. */
  sessionMs?: number;
  /** The largest resident size that the process has ever had, 10⁶ bytes; null where the system does not tell. */
  peakMB: number | null;
  parameters: number;
  threads: number;
  versions: Record<string, string>;
}

/** A side that is ready to make steps. */
export interface Prepared {
  step(): Promise<void>;
  parameters: number;
  sessionMs?(): number;
  release?(): Promise<void>;
}

export interface Side {
  versions: Record<string, string>;
  /** Threads that it really uses. */
  threads: number;
  prepare(request: PeerRequest): Promise<Prepared>;
}

/** Answers requests until stdin ends. `open` gets the threads that were asked for. */
export async function serve(open: (threads: number) => Promise<Side>): Promise<void> {
  const { values } = parseArgs({
    options: { threads: { type: "string", default: "2" }, once: { type: "string" } },
  });
  const server = new Server(await open(Number(values.threads)));
  const lines = values.once === undefined ? createInterface({ input: process.stdin }) : [values.once];
  for await (const line of lines) {
    const answer = await server.answer(line).catch((error: unknown) => ({ error: describe(error) }));
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify(answer)}\n`, resolve));
  }
  process.exit(0); // threads of libraries would keep the process
}

class Server {
  readonly #side: Side;
  #preparedFor?: string;
  #prepared?: Prepared;
  #firstMs = 0;

  constructor(side: Side) {
    this.#side = side;
  }

  async answer(line: string): Promise<PeerAnswer> {
    const request = JSON.parse(line) as PeerRequest;
    const prepared = await this.#prepare(request);
    for (let i = 0; i < request.warmup; i++) await prepared.step();
    const ms: number[] = [];
    for (let i = 0; i < request.repeats; i++) {
      const began = performance.now();
      await prepared.step();
      ms.push(round(performance.now() - began));
    }
    const { parameters, sessionMs } = prepared;
    const { threads, versions } = this.#side;
    const session = sessionMs ? { sessionMs: round(sessionMs()) } : {};
    return { ms, firstMs: this.#firstMs, ...session, peakMB: peakMB(), parameters, threads, versions };
  }

  async #prepare(request: PeerRequest): Promise<Prepared> {
    const wanted = JSON.stringify([request.task, request.network, request.batch]);
    if (this.#prepared && this.#preparedFor === wanted) return this.#prepared;
    await this.#prepared?.release?.();
    this.#prepared = undefined;
    const began = performance.now();
    const prepared = await this.#side.prepare(request);
    await prepared.step();
    this.#firstMs = round(performance.now() - began);
    this.#prepared = prepared;
    this.#preparedFor = wanted;
    return prepared;
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** VmHWM of this process, 10⁶ bytes. */
function peakMB(): number | null {
  if (!existsSync("/proc/self/status")) return null;
  const kB = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return kB === undefined ? null : Math.round((Number(kB) * 1024) / 1e5) / 10;
}
