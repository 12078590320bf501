/**
 * What every runtime offers: a graph compiled once, run many times. The oracle (`reference/`), onnxruntime-node and
 * onnxruntime-web answer to the same two interfaces and pass the same conformance suite.
 */
import type { TensorArray } from "../core/shape.ts";
import type { Graph, GraphInput } from "../graph/graph.ts";

export type Feeds = Readonly<Record<string, TensorArray>>;
export type Results = Record<string, TensorArray>;

/** Numbers that lie in a device's own memory. */
export interface DeviceArray {
  readonly length: number;
  /** The numbers, for the host. */
  read(): Promise<TensorArray>;
  /** Gives the memory back. */
  release(): void;
}

/** As `Feeds`, of arrays that may lie on the device. */
export type DeviceFeeds = Readonly<Record<string, TensorArray | DeviceArray>>;

/** A compiled graph. */
export interface Session extends AsyncDisposable {
  /** What `run` must be fed. */
  readonly inputs: readonly GraphInput[];
  /**
   * Runs the graph. `feeds` holds one row-major array for each input; they are read, not kept. The results are new
   * arrays. Raises a ShapeError for a missing, superfluous or wrongly sized feed.
   */
  run(feeds: Feeds): Promise<Results>;
  /**
   * As `run`, with the outputs that were to stay on the device (`CompileOptions.resident`) in `kept`, to be fed again in
   * place of arrays. Only in sessions with such outputs, of a device that has a memory of its own.
   */
  runKeeping?(feeds: DeviceFeeds): Promise<{ results: Results; kept: Record<string, DeviceArray> }>;
  /** Gives the memory back. The session cannot be used afterwards. */
  release(): Promise<void>;
}

export interface CompileOptions {
  /** Threads for one session; the number of cores by default. */
  threads?: number;
  /**
   * Run in a thread of its own where the runtime has threads, so that runs do not block the caller and several sessions
   * work at once. Feeds are copied to that thread.
   */
  ownThread?: boolean;
  /**
   * How much the runtime may still rewrite the graph before it runs. `thorough` (the default) chooses layouts for constant
   * weights and pays for it once, for sampling; `quick` opens sooner, and where weights are fed runs as fast.
   */
  preparation?: "thorough" | "quick";
  /** Outputs that stay in the memory of the device, where it has one of its own: then the session has `runKeeping`. */
  resident?: readonly string[];
}

/** A place where graphs run. */
export interface Runtime {
  /** Such as `cpu`, `webgpu` or `reference`. */
  readonly device: string;
  /** Cores over which sessions with a thread of their own can be spread; 1 when absent. */
  readonly threads?: number;
  compile(graph: Graph, options?: CompileOptions): Promise<Session>;
}
