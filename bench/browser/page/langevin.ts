/** Our own side: WebAssembly, in this worker. */
import { Weights } from "../../../src/nn/weights.ts";
import { browserRuntime } from "../../../src/runtime/browser/session.ts";
import { networkOf } from "../../networks.ts";
import { langevinTasks } from "../../peers/langevin-tasks.ts";
import { ourFigures } from "../../peers/same-numbers.ts";
import type { Open } from "./worker.ts";

export const openLangevin: Open = async ({ task, network: fields, batch, threads }) => {
  const runtime = await browserRuntime({ device: "wasm", threads, wasmPaths: new URL("/ort/", location.href).href });
  const network = networkOf(fields);
  const parameters = Weights.initial(network, 0).slabs.reduce((sum, slab) => sum + slab.length, 0);
  const { step } = langevinTasks[task]({ network, batch, threads: 1, runtime });
  return { parameters, step, figures: () => ourFigures(fields, runtime) };
};
