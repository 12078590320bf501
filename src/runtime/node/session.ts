/**
 * Sessions on onnxruntime-node, in the calling thread, which a run blocks, or in a thread of their own.
 */
import { availableParallelism } from "node:os";
import type { InferenceSession } from "onnxruntime-node";
import { DeviceError } from "../../core/errors.ts";
import { type Graph, type GraphInput, inputsOf } from "../../graph/graph.ts";
import { type OnnxTarget, toOnnx } from "../../onnx/export.ts";
import { checkPasses, type PassName } from "../../onnx/passes.ts";
import { checkFeeds } from "../feeds.ts";
import type { CompileOptions, Feeds, Results, Runtime, Session } from "../session.ts";
import { convBlock } from "./blocks.ts";
import { checkDevice, type Device } from "./devices.ts";
import { createSession, runSession } from "./onnxruntime.ts";
import { WorkerSession } from "./worker-session.ts";

export interface NodeRuntimeOptions {
  /** Passes that are left out (`onnx/passes.ts`); a ConfigError for one that does not exist. */
  without?: readonly string[];
}

/** A runtime on a device of this machine. Raises a DeviceError that lists the devices there are. */
export function nodeRuntime(device: string = "cpu", { without = [] }: NodeRuntimeOptions = {}): Runtime {
  const checked = checkDevice(device);
  const left = checkPasses(without);
  const threads = checked === "cpu" ? availableParallelism() : 1;
  return { device: checked, threads, compile: (graph, options) => compile(checked, left, graph, options) };
}

async function compile(
  device: Device,
  without: readonly PassName[],
  graph: Graph,
  options: CompileOptions = {},
): Promise<Session> {
  const inputs = inputsOf(graph);
  const block = device === "cpu" ? await convBlock() : undefined;
  const bytes = bytesOf(graph, { convBlock: block, without });
  const { threads = availableParallelism(), preparation } = options;
  const plan = { device, bytes, threads, preparation };
  if (options.ownThread) return WorkerSession.open(inputs, plan);
  return new NodeSession(await createSession(plan), inputs);
}

const written = new WeakMap<Graph, Map<string, Uint8Array>>();

/** The model of a graph; the sessions of several threads share one. */
function bytesOf(graph: Graph, target: OnnxTarget): Uint8Array {
  const models = written.get(graph) ?? new Map<string, Uint8Array>();
  written.set(graph, models);
  const key = JSON.stringify(target);
  const bytes = models.get(key) ?? toOnnx(graph, {}, target);
  models.set(key, bytes);
  return bytes;
}

class NodeSession implements Session {
  readonly #session: InferenceSession;
  readonly inputs: readonly GraphInput[];
  #released = false;

  constructor(session: InferenceSession, inputs: readonly GraphInput[]) {
    this.#session = session;
    this.inputs = inputs;
  }

  async run(feeds: Feeds): Promise<Results> {
    if (this.#released) throw new DeviceError("this session was released; compile the graph again");
    checkFeeds(this.inputs, feeds);
    return runSession(this.#session, this.inputs, feeds);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#session.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
