/**
 * Sessions on onnxruntime-web, in the calling worker: WebAssembly on the processor, or WebGPU.
 *
 * All work for the GPU waits in one line: two runs of one session at a time hang there, and two sessions at a time fail
 * while they read back. The graphs are the plain forms of `onnx/lowerings.ts`; what a GPU lacks, the provider leaves to the
 * processor.
 */
import type { InferenceSession } from "onnxruntime-web";
import { DeviceError, DeviceLostError } from "../../core/errors.ts";
import { sizeOf, type TensorArray } from "../../core/shape.ts";
import { type GraphInput, graphOf, inputsOf } from "../../graph/graph.ts";
import { input, neg } from "../../graph/ops.ts";
import { type OnnxTarget, toOnnx } from "../../onnx/export.ts";
import { checkFeeds } from "../feeds.ts";
import type { CompileOptions, DeviceArray, DeviceFeeds, Feeds, Results, Runtime, Session } from "../session.ts";
import { type BrowserDevice, checkThreads, checkWebGpu, loadOnnxRuntime, type OnnxRuntime } from "./onnxruntime.ts";

export interface BrowserRuntimeOptions {
  /** `wasm`, on the processor, everywhere; or `webgpu`. */
  device: BrowserDevice;
  /** Threads of WebAssembly. All cores where the page may share memory, else 1. */
  threads?: number;
  /** Address of the folder with ONNX Runtime's files, with a slash at the end; beside its script by default. */
  wasmPaths?: string;
}

/**
 * A runtime of this browser. To be called in a worker: runs block the thread that calls them.
 *
 * Raises a DeviceError where there is no WebGPU, where several threads are asked for on a page that may not share memory,
 * and where the files of the runtime do not load.
 */
export async function browserRuntime({ device, threads, wasmPaths }: BrowserRuntimeOptions): Promise<BrowserRuntime> {
  const most = checkThreads(threads);
  if (device === "webgpu") await checkWebGpu();
  const ort = await loadOnnxRuntime({ device, threads: most, wasmPaths });
  const queue = device === "webgpu" ? new GpuQueue(ort) : undefined;
  // The runtime destroys the device with its last session, and cannot make another: this one stays.
  if (queue) await queue.add(() => createSession(ort, device, toOnnx(graphOf({ y: neg(input("x", [1])) }))));
  async function open(inputs: readonly GraphInput[], bytes: Uint8Array, options?: CompileOptions): Promise<Session> {
    const resident = device === "webgpu" ? (options?.resident ?? []) : [];
    const session = await inLine(queue, () => createSession(ort, device, bytes, { ...options, resident }));
    return new BrowserSession(ort, session, inputs, queue, resident);
  }
  return {
    device,
    // One session on all threads: sessions cannot be spread over threads of their own here.
    threads: 1,
    sessionThreads: most,
    open,
    compile: (graph, options) => open(inputsOf(graph), toOnnx(graph, {}, targetOf(device)), options),
  };
}

export interface BrowserRuntime extends Runtime {
  /** Threads of each session. */
  readonly sessionThreads: number;
  /** A session of the model of a graph, which has these inputs. */
  open(inputs: readonly GraphInput[], bytes: Uint8Array, options?: CompileOptions): Promise<Session>;
}

/** What the models of a device are written with. */
export function targetOf(device: BrowserDevice): OnnxTarget {
  return { ownSine: device === "webgpu" };
}

/** Runs work of the GPU when it is its turn, other work at once. */
function inLine<T>(queue: GpuQueue | undefined, work: () => Promise<T>): Promise<T> {
  return queue ? queue.add(work) : work();
}

async function createSession(
  ort: OnnxRuntime,
  device: BrowserDevice,
  bytes: Uint8Array,
  { preparation, resident = [] }: CompileOptions = {},
): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: [device],
      graphOptimizationLevel: preparation === "quick" ? "basic" : "all",
      enableMemPattern: false, // measured on Node to halve the peak of a training step
      logSeverityLevel: 3,
      preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, "gpu-buffer"])),
    });
  } catch (error) {
    throw new DeviceError(`${device} cannot run this graph here: ${messageOf(error)}`, { cause: error });
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** One run after the other, over all sessions of the GPU; and whether the GPU is still there. */
class GpuQueue {
  readonly #ort: OnnxRuntime;
  #last: Promise<unknown> = Promise.resolve();
  #lost?: string;
  #watched = false;

  constructor(ort: OnnxRuntime) {
    this.#ort = ort;
  }

  add<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#run(work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#checkThere();
    try {
      const result = await work();
      await this.#watch();
      this.#checkThere();
      return result;
    } catch (error) {
      this.#checkThere();
      throw error;
    }
  }

  /** Listens for the loss of the device, which the runtime has once it has a session. */
  async #watch(): Promise<void> {
    if (this.#watched) return;
    this.#watched = true;
    const device = (await this.#ort.env.webgpu.device) as { lost?: Promise<{ message: string }> } | undefined;
    void device?.lost?.then(({ message }) => {
      this.#lost = message === "" ? "no reason was given" : message;
    });
  }

  #checkThere(): void {
    if (this.#lost === undefined) return;
    throw new DeviceLostError(
      `the graphics device was lost (${this.#lost}). What was saved before is left: open the engine again and go on from ` +
        "there, or choose wasm",
    );
  }
}

type OrtTensor = InferenceSession.OnnxValueMapType[string];

/** A tensor of the GPU. Once read, its numbers are the host's, and the next run that is fed them sends them back. */
class GpuArray implements DeviceArray {
  readonly length: number;
  readonly tensor: OrtTensor;
  readonly #queue: GpuQueue;

  constructor(tensor: OrtTensor, queue: GpuQueue) {
    this.length = sizeOf(tensor.dims);
    this.tensor = tensor;
    this.#queue = queue;
  }

  async read(): Promise<TensorArray> {
    return (await this.#queue.add(() => this.tensor.getData(true))) as TensorArray;
  }

  release(): void {
    this.tensor.dispose();
  }
}

class BrowserSession implements Session {
  readonly inputs: readonly GraphInput[];
  readonly runKeeping?: Session["runKeeping"];
  readonly #ort: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #queue: GpuQueue | undefined;
  #released = false;

  /** `resident`: outputs that stay on the GPU. */
  constructor(
    ort: OnnxRuntime,
    session: InferenceSession,
    inputs: readonly GraphInput[],
    queue: GpuQueue | undefined,
    resident: readonly string[],
  ) {
    this.#ort = ort;
    this.#session = session;
    this.inputs = inputs;
    this.#queue = queue;
    if (queue && resident.length > 0) this.runKeeping = (feeds) => this.#keep(feeds, resident, queue);
  }

  async run(feeds: Feeds): Promise<Results> {
    return arraysOf(Object.entries(await this.#tensors(feeds)));
  }

  async #keep(feeds: DeviceFeeds, resident: readonly string[], queue: GpuQueue) {
    const outputs = Object.entries(await this.#tensors(feeds));
    const kept = outputs.filter(([name]) => resident.includes(name));
    return {
      results: arraysOf(outputs.filter(([name]) => !resident.includes(name))),
      kept: Object.fromEntries(kept.map(([name, tensor]) => [name, new GpuArray(tensor, queue)])),
    };
  }

  async #tensors(feeds: DeviceFeeds): Promise<InferenceSession.OnnxValueMapType> {
    if (this.#released) throw new DeviceError("this session was released; compile the graph again");
    checkFeeds(this.inputs, feeds);
    // An input that only a gradient would have read is none of the model.
    const read = this.inputs.filter(({ name }) => this.#session.inputNames.includes(name));
    const tensors = Object.fromEntries(
      read.map(({ name, shape, dtype }) => {
        const feed = feeds[name];
        if (feed instanceof GpuArray) return [name, feed.tensor] as const;
        return [name, new this.#ort.Tensor(dtype, feed as Float32Array, shape as number[])] as const;
      }),
    );
    return await inLine(this.#queue, () => this.#session.run(tensors));
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    // What went away with its device needs no release; the error of the run that noticed it is what counts.
    await inLine(this.#queue, () => this.#session.release()).catch((error) => {
      if (!(error instanceof DeviceLostError)) throw error;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function arraysOf(outputs: readonly (readonly [string, OrtTensor])[]): Results {
  return Object.fromEntries(outputs.map(([name, tensor]) => [name, arrayOf(tensor)]));
}

/** The numbers of a result; those of an empty one come as nothing. */
function arrayOf({ data, dims }: OrtTensor): TensorArray {
  if (sizeOf(dims) === 0) return new Float32Array();
  return data as TensorArray;
}
