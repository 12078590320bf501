/**
 * Our own side of the benchmark in Node: the tasks of `langevin-tasks.ts` on onnxruntime-node.
 */
import { createRequire } from "node:module";
import { Weights } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { networkOf } from "../networks.ts";
import { langevinTasks } from "./langevin-tasks.ts";
import { type PeerRequest, type Prepared, type Side, serve } from "./protocol.ts";

function open(threads: number): Side {
  const version = (name: string) => createRequire(import.meta.url)(name).version as string;
  return {
    threads,
    versions: {
      langevin: version("../../package.json"),
      node: process.versions.node,
      "onnxruntime-node": version("onnxruntime-node/package.json"),
    },
    async prepare({ task, network: fields, batch }: PeerRequest): Promise<Prepared> {
      const began = performance.now();
      let ready = began;
      const device = nodeRuntime("cpu");
      const runtime: Runtime = {
        device: device.device,
        threads,
        async compile(graph, options) {
          const session = await device.compile(graph, options);
          ready = performance.now();
          return session;
        },
      };
      const network = networkOf(fields);
      const parameters = Weights.initial(network, 0).slabs.reduce((sum, slab) => sum + slab.length, 0);
      return {
        ...langevinTasks[task]({ network, batch, threads, runtime }),
        parameters,
        sessionMs: () => ready - began,
      };
    },
  };
}

await serve(async (threads) => open(threads));
