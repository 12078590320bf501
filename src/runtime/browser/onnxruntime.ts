/**
 * ONNX Runtime in the browser: its WebAssembly build, or the one with WebGPU. Its default entry is never used: that one has
 * an older WebGPU provider, which slices wrongly.
 */
import type * as Ort from "onnxruntime-web";
import { DeviceError } from "../../core/errors.ts";

export type OnnxRuntime = typeof Ort;
export type BrowserDevice = "wasm" | "webgpu";

/** What the runtime is started with; it is started once for a page or a worker. */
export interface StartOptions {
  device: BrowserDevice;
  threads: number;
  /** Address of the folder with ONNX Runtime's `.mjs` and `.wasm` files, with a slash at the end. */
  wasmPaths?: string;
}

/** Loads the build of a device and sets its threads. */
export async function loadOnnxRuntime({ device, threads, wasmPaths }: StartOptions): Promise<OnnxRuntime> {
  const ort: OnnxRuntime =
    device === "wasm" ? await import("onnxruntime-web/wasm") : await import("onnxruntime-web/webgpu");
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

/** Threads that a page may use: more than one needs shared memory, which the page's host has to allow. */
export function checkThreads(asked: number | undefined): number {
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 1)) {
    throw new DeviceError(`threads must be a whole number from 1, not ${asked}`);
  }
  if (globalThis.crossOriginIsolated) return asked ?? Math.max(1, navigator.hardwareConcurrency);
  if (asked === undefined || asked === 1) return 1;
  throw new DeviceError(
    `${asked} threads need shared memory, and this page has none: its host must send the headers ` +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp. Ask for one thread, or serve " +
      "the page with `langevin studio`, which sends them",
  );
}

/** Raises a DeviceError unless this browser gives out a graphics adapter. */
export async function checkWebGpu(): Promise<void> {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } } | undefined)?.gpu;
  if (!gpu) throw new DeviceError("this browser has no WebGPU; choose wasm, which runs on the processor everywhere");
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter) return;
  throw new DeviceError(
    "this browser has WebGPU but gives out no adapter: the graphics driver may be blocked, or switched off in its settings; " +
      "choose wasm, which runs on the processor everywhere",
  );
}
