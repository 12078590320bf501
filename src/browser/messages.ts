/**
 * What page and worker say to each other.
 *
 *   page → worker    open { options }, start { id, job, request }, stop { id }
 *   worker → page    opened { opened } or refused { error };  event { id, event }, result { id, result }, failed { id, error }
 *
 * Errors come over as their class name and message, and are made again as that class on the other side.
 */
import * as errors from "../core/errors.ts";

/** How the worker is to be set up. Addresses are absolute. */
export interface OpenOptions {
  device: "wasm" | "webgpu";
  /** Threads of WebAssembly; as many as make sense here when absent. */
  threads?: number;
  /** Folder of ONNX Runtime's WebAssembly files, with a slash at the end. */
  wasmPaths: string;
  /** Folder of the data sets, with a slash at the end: `digits/*.gz` in it. */
  data: string;
}

/** What the engine runs on. */
export interface Opened {
  device: string;
  threads: number;
}

export type ToWorker =
  | { kind: "open"; options: OpenOptions }
  | { kind: "start"; id: number; job: string; request: unknown }
  | { kind: "stop"; id: number };

export type FromWorker =
  | { kind: "opened"; opened: Opened }
  | { kind: "refused"; error: PlainError }
  | { kind: "event"; id: number; event: unknown }
  | { kind: "result"; id: number; result: unknown }
  | { kind: "failed"; id: number; error: PlainError };

/** One end of the line: a worker, the inside of one, or a port in a test. */
export interface Port {
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface PlainError {
  name: string;
  message: string;
}

export function toPlainError(error: unknown): PlainError {
  // Thrown where closing something failed as well: what went wrong first is what counts.
  if (error instanceof Error && error.name === "SuppressedError") {
    return toPlainError((error as Error & { suppressed: unknown }).suppressed);
  }
  if (error instanceof Error) return { name: kindOf(error) ?? error.name, message: error.message };
  return { name: "Error", message: String(error) };
}

const kinds = errors as unknown as Readonly<Record<string, new (message: string) => Error>>;

/** The name by which langevin exports the class of an error: a bundler may have shortened the one that the class has. */
function kindOf(error: Error): string | undefined {
  return Object.keys(kinds).find((name) => kinds[name] === error.constructor);
}

/** The error again: of its class where it is one of langevin's, else an Error of its name. */
export function fromPlainError({ name, message }: PlainError): Error {
  if (name !== "LangevinError" && Object.hasOwn(kinds, name)) return new kinds[name](message);
  const error = new Error(message);
  error.name = name;
  return error;
}

/** The buffers of the typed arrays anywhere in a value, each once; they are worthless here once they were transferred. */
export function buffersIn(value: unknown, found: Set<ArrayBuffer> = new Set()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (value instanceof ArrayBuffer) {
    found.add(value);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) buffersIn(part, found);
  }
  return [...found];
}
