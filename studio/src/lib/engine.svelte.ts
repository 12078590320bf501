/**
 * The one engine of the studio: opened when a page first needs it, on the device that is chosen, kept until another is
 * chosen. Nothing of ONNX Runtime is loaded before.
 */
import type { Engine } from "langevin/browser";

export type Device = "wasm" | "webgpu";

const KEY = "langevin.device";

class EngineState {
  device = $state<Device>(localStorage.getItem(KEY) === "webgpu" ? "webgpu" : "wasm");
  status = $state<"closed" | "opening" | "open" | "failed">("closed");
  /** Why it did not open. */
  error = $state.raw<unknown>();
  /** Whether this tab may have threads: the host has sent the headers COOP and COEP. */
  readonly threads = globalThis.crossOriginIsolated === true;
  /** Whether this browser has WebGPU at all; an adapter may still be refused. */
  readonly webgpu = "gpu" in navigator;
  #opened: Promise<Engine> | undefined;

  /** The engine; the first call opens it. After a failure the next call tries again. */
  open(): Promise<Engine> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Engine> {
    this.status = "opening";
    this.error = undefined;
    try {
      const { openEngine } = await import("./open-engine.ts");
      const engine = await openEngine({ device: this.device });
      this.status = "open";
      return engine;
    } catch (error) {
      this.status = "failed";
      this.error = error;
      this.#opened = undefined;
      throw error;
    }
  }

  /** Closes the engine, and what runs on it; the next `open` is on `device`. */
  async use(device: Device): Promise<void> {
    localStorage.setItem(KEY, device);
    this.device = device;
    await this.close();
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.status = "closed";
    await opened?.then((engine) => engine.close()).catch(() => undefined);
  }
}

export const engine = new EngineState();

/** Whether an error is of the device: it is not there, or was lost. */
export function isDeviceFault(error: unknown): boolean {
  return error instanceof Error && /^Device(Lost)?Error$/.test(error.name);
}
