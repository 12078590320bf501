/**
 * The thread that speaks MPI, and no other does: it joins the ranks, sums and broadcasts when asked, and in between keeps
 * the pulse.
 *
 * A collective call has two parts. First the ranks meet: the call under way is asked now and then, for the others may still be
 * busy with their steps and need the cores. Then the data go, and the thread does not sleep.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { GroupError } from "../../core/errors.ts";
import type { Shareable } from "../group.ts";
import { Mpi, type Pending } from "./binding.node.ts";
import type { Environment, Launcher } from "./launcher.node.ts";
import { checkSize, findLibrary, loadKoffi } from "./library.node.ts";
import { type Alarm, AlarmError, BEAT_MS, Pulse } from "./pulse.node.ts";

export interface ThreadStart {
  readonly launcher: Launcher;
  readonly env: Environment;
  /** Milliseconds after which a silent rank counts as gone. */
  readonly silence: number;
}

export type ThreadRequest =
  | { kind: "sum"; id: number; arrays: readonly (Float32Array | Float64Array)[] }
  | { kind: "broadcast"; id: number; arrays: readonly Shareable[] }
  | { kind: "barrier"; id: number; arrays: readonly never[] }
  | { kind: "alarm"; id: number; message: string }
  | { kind: "abort"; exitCode: number }
  | { kind: "finish"; id: number };

export type ThreadReply =
  | { kind: "ready"; rank: number; size: number; version: string }
  | { kind: "done"; id: number; arrays: readonly Shareable[] }
  | { kind: "broken"; message: string; alarm?: Alarm };

/** Milliseconds during which a thread that waits does not sleep. */
const AWAKE = 2;
const AWAKE_SENDING = 20;
/** Milliseconds of a sleep: a wait of this long, and of a second and more. */
const NAP = 0.05;
const LONG_NAP = 1;

const port = parentPort!;
const { launcher, env, silence } = workerData as ThreadStart;
const reply = (message: ThreadReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const cell = new Int32Array(new SharedArrayBuffer(4));
const sleep = (milliseconds: number) => void Atomics.wait(cell, 0, 0, milliseconds);

let broken = false;
function breakOff(error: unknown): void {
  if (broken) return;
  broken = true;
  const message = error instanceof Error ? error.message : String(error);
  reply({ kind: "broken", message, ...(error instanceof AlarmError && { alarm: error.alarm }) });
}

async function join(): Promise<{ mpi: Mpi; pulse: Pulse }> {
  const koffi = await loadKoffi();
  const found = findLibrary(koffi, launcher, env);
  const mpi = new Mpi(koffi, found);
  const place = mpi.init();
  checkSize(launcher, { ...place, path: found.path, version: mpi.version });
  reply({ kind: "ready", ...place, version: mpi.version });
  return { mpi, pulse: new Pulse(mpi, place, silence) };
}

function serve(mpi: Mpi, pulse: Pulse): void {
  const beating = setInterval(() => guarded(() => pulse.check()), BEAT_MS / 2);

  function guarded(work: () => void): void {
    if (broken) return;
    try {
      work();
    } catch (error) {
      breakOff(error);
    }
  }

  /** Returns when a call is done. Raises an AlarmError. */
  function wait(pending: Pending, awake: number): void {
    const began = performance.now();
    let checked = began;
    while (!mpi.isDone(pending)) {
      const now = performance.now();
      if (now - checked > BEAT_MS / 2) {
        pulse.check();
        listen();
        checked = now;
      }
      if (now - began > awake) sleep(now - began > 1000 ? LONG_NAP : NAP);
    }
  }

  /** Hears a request to end everything while a call is under way. */
  function listen(): void {
    const next = receiveMessageOnPort(port) as { message: ThreadRequest } | undefined;
    if (!next) return;
    if (next.message.kind === "alarm" || next.message.kind === "abort") act(next.message);
    else throw new GroupError("the ranks of a group are asked for one thing at a time: await each call");
  }

  function collective(id: number, arrays: readonly Shareable[], start?: (array: never) => Pending): void {
    wait(mpi.startBarrier(), AWAKE);
    for (const array of arrays) if (array.length > 0) wait(start!(array as never), AWAKE_SENDING);
    reply({ kind: "done", id, arrays }, [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))]);
  }

  function act(request: ThreadRequest): void {
    switch (request.kind) {
      case "sum":
        collective(request.id, request.arrays, (array) => mpi.startSum(array));
        break;
      case "broadcast":
        collective(request.id, request.arrays, (array) => mpi.startBroadcast(array));
        break;
      case "barrier":
        collective(request.id, []);
        break;
      case "alarm":
        pulse.raise(request.message);
        reply({ kind: "done", id: request.id, arrays: [] });
        break;
      case "abort":
        mpi.abort(request.exitCode);
        break;
      case "finish":
        wait(mpi.startBarrier(), AWAKE);
        pulse.end();
        // Every rank has sent its last beat before it comes here, so all are heard before the library is left.
        wait(mpi.startBarrier(), AWAKE);
        clearInterval(beating);
        pulse.check();
        mpi.finalize();
        reply({ kind: "done", id: request.id, arrays: [] });
        port.close();
    }
  }

  port.on("message", (request: ThreadRequest) => {
    // A broken group can still be told to end.
    if (request.kind === "abort" || request.kind === "alarm") act(request);
    else guarded(() => act(request));
  });
}

try {
  const { mpi, pulse } = await join();
  serve(mpi, pulse);
} catch (error) {
  breakOff(error);
}
