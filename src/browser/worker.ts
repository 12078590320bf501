/**
 * The inside of the worker: opens the runtime, the run store and the data, and serves the jobs. Only here is ONNX Runtime
 * loaded, and only the build of it that the device needs.
 */
import { browserData } from "./data.ts";
import { jobs } from "./jobs/index.ts";
import type { OpenOptions, Port } from "./messages.ts";
import { opfsRunStore } from "./opfs-run-store.ts";
import { type Served, serve } from "./serve.ts";

async function open({ device, threads, wasmPaths, data }: OpenOptions): Promise<Served> {
  const { browserRuntime } = await import("../runtime/browser/session.ts");
  const runtime = await browserRuntime({ device, threads, wasmPaths });
  return {
    context: { runtime, runs: opfsRunStore(), data: browserData(data) },
    opened: { device: runtime.device, threads: runtime.sessionThreads },
  };
}

serve(globalThis as unknown as Port, jobs, open);
